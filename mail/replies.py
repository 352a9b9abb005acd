"""SMTP replies and what becomes of a message, as values (RFC 5321 section 4.2, RFC 3463).

A :class:`Reply` is what the server said; an :data:`Outcome` is what that means for one recipient.
The functions ``judge_*`` are the whole policy: which refusal concerns the recipient, which the
message, and which only the relay.
"""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

Enhanced: TypeAlias = tuple[int, int, int]


@dataclass(frozen=True)
class Reply:
    """One complete reply; the lines of a multi-line one are joined by a line feed."""

    code: int
    enhanced: Enhanced | None
    text: str

    def __str__(self) -> str:
        """Show the reply in one line, as a person would quote it."""
        return self._shown

    @cached_property
    def _shown(self) -> str:
        # The journal and the ledger both ask, and most servers say the same every time.
        enhanced = "{}.{}.{} ".format(*self.enhanced) if self.enhanced else ""
        return f"{self.code} {enhanced}{self.text}".replace("\n", " ").strip()


@dataclass(frozen=True, slots=True)
class Accepted:
    """The server took responsibility for the message."""

    reply: Reply


@dataclass(frozen=True, slots=True)
class Deferred:
    """Not now: to be tried again later. It concerns this recipient or this message."""

    reply: Reply | None
    why: str


@dataclass(frozen=True, slots=True)
class Failed:
    """Never for this recipient. Without a reply when it was clear before asking the server."""

    reply: Reply | None
    why: str


@dataclass(frozen=True, slots=True)
class InDoubt:
    """The whole message was sent and no final reply came: it may have been taken."""

    why: str


@dataclass(frozen=True, slots=True)
class Unsent:
    """The connection or the relay failed before: this recipient is untouched."""

    why: str


Outcome: TypeAlias = Accepted | Deferred | Failed | InDoubt | Unsent

# These concern the connection, whatever they answer (RFC 5321 section 4.2.3).
CONNECTION_CODES = frozenset({421, 503})
# Authentication or encryption is wanted (RFC 4954 section 6, RFC 3207 section 4).
_RELAY_CODES = frozenset({454, 530, 534, 535, 538})
_RELAYING_DENIED = re.compile(r"\brelay(?:ing)?\b", re.IGNORECASE)
_TOO_LARGE = (5, 3, 4)
_MAILBOX_FULL = (5, 2, 2)


def judge_mail(reply: Reply, *, needs_smtputf8: bool = False) -> Deferred | Failed | Unsent:
    """Decide what a refused MAIL means.

    The sender is ours and the same for everyone, so a refusal is the relay's
    (:class:`Unsent`: nobody fails for it), unless it speaks of this message: its size
    (RFC 1870 section 6) or its need of SMTPUTF8 (RFC 6531 section 3.5), which few share.
    """
    if reply.code in _RELAY_CODES or reply.code in CONNECTION_CODES:
        return Unsent(f"the relay does not let us send: {reply}")
    if reply.code >= 500 and (reply.code == 552 or reply.enhanced == _TOO_LARGE):
        return Failed(reply, f"the message is too large for the relay: {reply}")
    if needs_smtputf8:
        if reply.code >= 500:
            return Failed(reply, f"the relay refuses an internationalised address: {reply}")
        return Deferred(reply, str(reply))
    return Unsent(f"the relay does not take mail from our sender: {reply}")


def judge_recipient(reply: Reply) -> Deferred | Failed | Unsent:
    """Decide what a refusal at RCPT, DATA or after the content means.

    4yz is deferred, 5yz failed, but: a demand for authentication concerns the relay; a full
    mailbox (x.2.2) can be emptied; and a relay that does not relay for us is a mistake in its
    configuration, which someone will mend, so nobody fails for it at once.
    """
    if reply.code in _RELAY_CODES or reply.code in CONNECTION_CODES:
        return Unsent(f"the relay does not let us send: {reply}")
    if reply.code < 500:
        return Deferred(reply, str(reply))
    if reply.enhanced == _MAILBOX_FULL:
        return Deferred(reply, f"the mailbox is full: {reply}")
    # x.7.z speaks of policy; "user unknown in relay recipient table" is x.1.1.
    is_policy = reply.enhanced is None or reply.enhanced[1] == 7
    if is_policy and _RELAYING_DENIED.search(reply.text):
        return Deferred(reply, f"the relay does not relay for us: {reply}")
    return Failed(reply, str(reply))
