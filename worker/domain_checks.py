"""Whether the sending domain says who may send for it: SPF (RFC 7208), DMARC (RFC 7489)."""

from typing import Final

import dns.exception
import dns.resolver

from runtime.settings import Settings
from worker.checks import Finding, Level

PATIENCE_SECONDS: Final = 5.0


def check_domain(
    settings: Settings, resolver: dns.resolver.Resolver | None = None
) -> list[Finding]:
    """SPF of the envelope's domain, DMARC of the sender's; one finding each."""
    if settings.from_ is None and not settings.has_local_outbox:
        return [
            Finding(
                Level.WARN,
                "domain",
                "the sender is a demo address, and real mail would leave as that",
                "set MEDIANOTE_FROM",
            )
        ]
    if settings.from_ is None:
        return [Finding(Level.OK, "domain", "the sender is a demo address; nothing to look up")]
    sender = settings.sender_domain
    envelope = settings.bounce_domain or sender
    if resolver is None:
        try:
            resolver = dns.resolver.Resolver()
        except dns.exception.DNSException as error:
            return [_not_asked(sender, error)]
    resolver.lifetime = PATIENCE_SECONDS
    return [_spf(resolver, envelope), _dmarc(resolver, sender)]


def _spf(resolver: dns.resolver.Resolver, domain: str) -> Finding:
    try:
        found = [text for text in _texts(resolver, domain) if text.lower().startswith("v=spf1")]
    except dns.exception.DNSException as error:
        return _not_asked(domain, error)
    if len(found) == 1:
        return Finding(Level.OK, "SPF", f"{domain}: {found[0][:120]}")
    if found:
        return Finding(
            Level.FAIL, "SPF", f"{domain} has {len(found)} records", "leave one (RFC 7208)"
        )
    return Finding(
        Level.WARN,
        "SPF",
        f"{domain} does not say who may send for it",
        "publish a TXT record v=spf1 … that names the relays",
    )


def _dmarc(resolver: dns.resolver.Resolver, domain: str) -> Finding:
    # RFC 7489 asks the organisational domain next; its parents, short of the top, cover it.
    labels = domain.split(".")
    names = [".".join(labels[place:]) for place in range(max(len(labels) - 1, 1))]
    try:
        for name in names:
            for text in _texts(resolver, f"_dmarc.{name}"):
                if text.lower().replace(" ", "").startswith("v=dmarc1"):
                    return Finding(Level.OK, "DMARC", f"{name}: {text[:120]}")
    except dns.exception.DNSException as error:
        return _not_asked(domain, error)
    return Finding(
        Level.WARN,
        "DMARC",
        f"{domain} has no policy; large providers want one of who sends much",
        f"publish a TXT record at _dmarc.{domain}, beginning with v=DMARC1; p=none",
    )


def _texts(resolver: dns.resolver.Resolver, name: str) -> list[str]:
    try:
        answer = resolver.resolve(name, "TXT")
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return []
    return [b"".join(record.strings).decode(errors="replace") for record in answer]


def _not_asked(domain: str, error: dns.exception.DNSException) -> Finding:
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return Finding(
        Level.WARN,
        "domain",
        f"the name servers could not be asked about {domain}: {reason[:120]}",
        "run doctor where DNS works",
    )
