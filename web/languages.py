"""Which of our languages a request's reader would like (RFC 9110 section 12.5.4)."""

from runtime.i18n import SOURCE, best_language


def accepted_language(header: str) -> str:
    """The supported language that an Accept-Language header likes best; English without one."""
    wanted: list[tuple[float, int, str]] = []
    for place, part in enumerate(header[:500].split(",")):
        tag, _, parameter = part.partition(";")
        name, _, value = parameter.partition("=")
        try:
            weight = float(value) if name.strip() == "q" else 1.0
        except ValueError:
            continue
        if tag.strip() and weight > 0:
            wanted.append((-weight, place, tag.strip()))
    for _, _, tag in sorted(wanted):
        found = best_language(tag)
        if found != SOURCE or tag.lower().startswith(SOURCE):
            return found
    return SOURCE
