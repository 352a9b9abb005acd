"""An address as a page may show it: enough for its owner, too little for anybody else."""


def masked(address: str) -> str:
    """`jo@example.com` → `j•••@example.com`; domains are shown as people write them."""
    local, _, domain = address.rpartition("@")
    first = local[:1] if len(local) > 1 else ""
    return f"{first}•••@{_written(domain)}"


def in_full(address: str) -> str:
    """An address as its owner writes it, to its owner alone."""
    local, _, domain = address.rpartition("@")
    return f"{local}@{_written(domain)}"


def _written(domain: str) -> str:
    try:
        return domain.encode("ascii").decode("idna")
    except UnicodeError:
        return domain
