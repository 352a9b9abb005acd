"""What an office says of a mailing list: checked, and in the form that is kept."""

import re
from collections.abc import Mapping
from typing import Any, Final

from mail.addresses import AddressError, parse_sender
from mail.text import name_fault
from runtime.zones import known_zones
from subscribers.address_words import told

LIST_FIELDS: Final = (
    "title",
    "description",
    "reply_to",
    "sender",
    "topic",
    "cadence",
    "timezone",
    "digest_hour",
)


class ListError(Exception):
    """A list that cannot be made, or not like this; the text is one plain line."""


def checked(given: Mapping[str, str]) -> dict[str, Any]:
    """The fields as they are kept; an empty text takes one away. Raises ListError.

    `reply_to` and `sender` are mailboxes, `Name <address>`; `timezone` is an IANA name,
    `digest_hour` an hour of the day.
    """
    return {name: _checked(name, text.strip()) for name, text in given.items()}


def _checked(name: str, text: str) -> Any:
    if name == "title":
        return _title(text)
    if not text:
        return None
    match name:
        case "reply_to" | "sender":
            return _mailbox(f"--{name.replace('_', '-')}", text)
        case "topic" | "cadence":
            return _words(f"--{name}", text)
        case "timezone":
            return _zone(text)
        case "digest_hour":
            return _hour(text)
        case _:
            return text


def _title(text: str) -> str:
    if not text:
        raise ListError("a list needs a title: people read it in every mail")
    fault = name_fault(text)
    if fault is not None:
        raise ListError(fault.replace("the name", "the title"))
    return text


def _words(option: str, text: str) -> str:
    fault = name_fault(text)
    if fault is not None:
        raise ListError(f"{option}: {fault.replace('the name', 'the text')}")
    return text


def _zone(text: str) -> str:
    zones = known_zones()
    if text in zones:
        return text
    alike = re.sub(r"[\s_]+", "_", text).casefold()
    meant = sorted(
        zone for zone in zones if alike in (zone.casefold(), zone.rpartition("/")[2].casefold())
    )
    hint = f"; is it {' or '.join(meant[:3])}?" if meant else ""
    raise ListError(
        f"--timezone: “{text}” is no time zone: write its IANA name, such as Europe/Paris{hint}"
    )


def _hour(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,2}", text) or int(text) not in range(24):
        raise ListError(f"--digest-hour: “{text}” is no hour of the day: write 0 to 23")
    return int(text)


def _mailbox(option: str, text: str) -> str:
    if len(text.splitlines()) > 1:
        raise ListError(f"{option}: there is a line break in it: write all of it on one line")
    try:
        return str(parse_sender(text))
    except AddressError as error:
        raise ListError(f"{option}: {told(error, text)}") from error
