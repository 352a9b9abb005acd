"""Reading SMTP replies from a stream of octets (RFC 5321 section 4.2.1, RFC 2034)."""

import re
from collections.abc import Sequence

from mail.replies import Reply

# RFC 5321 section 4.5.3.1.5 allows 512 octets a line; real servers are wordier.
MAX_LINE_OCTETS = 4096
MAX_LINES = 256
_CACHED_LINES = 512
_CACHED_LINE_OCTETS = 64
_CACHED_GROUPS = 16
_CACHED_GROUP_OCTETS = 2048

_LINE = re.compile(rb"([2-5][0-9][0-9])(?:([ -])([^\x00]*))?")
_ENHANCED = re.compile(r"([245])\.(\d{1,3})\.(\d{1,3})(?: |$)")


class _NotSmtpError(Exception):
    pass


class ReplyReader:
    """Octets in, complete replies out, wherever the octets were cut.

    ``fault`` says in one plain line what was no reply; nothing is read after that.
    """

    def __init__(self) -> None:
        """Begin with nothing read."""
        self.fault: str | None = None
        self._rest = b""
        self._lines: list[str] = []  # of a multi-line reply whose last line has not come
        self._code = b""
        # Most replies are the same few short lines, again and again, and come in the same groups.
        self._cache: dict[bytes, Reply] = {}
        self._groups: dict[bytes, tuple[Reply, ...]] = {}

    @property
    def is_between_replies(self) -> bool:
        """Tell whether no octet of a further reply has come."""
        return not self._rest and not self._lines

    def feed(self, octets: bytes) -> Sequence[Reply]:
        """Return the replies that these octets complete, up to the first fault."""
        if not (self._rest or self._lines or self.fault) and octets in self._groups:
            return self._groups[octets]
        if self._rest:
            octets = self._rest + octets
        lines = octets.split(b"\n")
        self._rest = lines.pop()
        replies: list[Reply] = []
        if self.fault is not None:
            return replies
        cached, is_known = self._cache.get, not self._rest
        try:
            for line in lines:
                reply = cached(line)
                if reply is None or self._lines:
                    is_known = False
                    reply = self._read_line(line)
                if reply is not None:
                    replies.append(reply)
        except _NotSmtpError as error:
            self.fault = str(error)
        if len(self._rest) > MAX_LINE_OCTETS:
            self.fault = self.fault or "a reply line without end"
        if is_known and len(octets) <= _CACHED_GROUP_OCTETS:
            if len(self._groups) >= _CACHED_GROUPS:
                self._groups.clear()
            self._groups[octets] = tuple(replies)
        return replies

    def _read_line(self, line: bytes) -> Reply | None:
        if len(line) > MAX_LINE_OCTETS:
            raise _NotSmtpError("a reply line without end")
        match = _LINE.fullmatch(line.rstrip(b"\r"))
        if match is None or (self._lines and match[1] != self._code):
            shown = line[:60].decode("ascii", "replace").strip()
            raise _NotSmtpError(f"an answer that is not SMTP: {shown!r}")
        code, separator, text = match[1], match[2], (match[3] or b"").decode("utf-8", "replace")
        if separator == b"-":
            if len(self._lines) >= MAX_LINES:
                raise _NotSmtpError("a reply of too many lines")
            self._lines.append(text)
            self._code = code
            return None
        if self._lines:
            reply = _reply(int(code), [*self._lines, text])
            self._lines = []
            return reply
        reply = _reply(int(code), [text])
        if len(line) <= _CACHED_LINE_OCTETS:
            if len(self._cache) >= _CACHED_LINES:
                self._cache.clear()
            self._cache[line] = reply
        return reply


def _reply(code: int, lines: list[str]) -> Reply:
    """Take the enhanced status code off the front of every line (RFC 2034 section 4)."""
    match = _ENHANCED.match(lines[-1])
    if match is None or int(match[1]) != code // 100:
        return Reply(code, None, "\n".join(_printable(line) for line in lines))
    enhanced = (int(match[1]), int(match[2]), int(match[3]))
    prefix = match[0].rstrip()
    texts = [_printable(line.removeprefix(prefix).lstrip(" ")) for line in lines]
    return Reply(code, enhanced, "\n".join(texts))


def _printable(text: str) -> str:
    """Keep controls out of logs, tables and terminals."""
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else " " for character in text).strip()
