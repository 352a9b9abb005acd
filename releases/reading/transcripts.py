"""Who speaks in a transcript."""

import re
from collections import Counter

from releases.reading.kinds import kind_of
from releases.reading.lines import Line, fold, is_caps
from releases.reading.prose import is_advisory_field

_PREFIX = re.compile(r"^(?P<name>[^:：\n]{1,60}?)\s?[:：](?:\s+|(?<=：))(?=\S)")
_Q_AND_A = re.compile(r"^(?P<name>Q|A)(?:[.:]\s*|\s{2,}|\s(?=[A-Z\"“(]))(?=\S)")
_HONORIFIC = re.compile(
    r"^(?:mr|mrs|ms|dr|president|vice president|secretary|under secretary|assistant secretary"
    r"|deputy|minister|prime minister|foreign minister|ambassador|senator|congress\w+"
    r"|representative"
    r"|general|admiral|colonel|captain|chair\w*|chancellor|governor|mayor|director"
    r"|administrator|commissioner|moderator|operator|question|answer|q|a|reporter|press"
    r"|participant|speaker|interviewer"
    r"|staff|senior \w+ official|administration official|spokes\w+|host|audience|interpreter"
    r"|frage|antwort|pregunta|respuesta|journaliste|question|reponse|domanda|risposta|pergunta"
    r"|resposta"
    r"|вопрос|ответ|сообщение|السؤال|سؤال|جواب|الجواب|الصحفي|问|答|记者|記者|問|提问)\b|^(?:问|答|记者|問|記者"
    r"|.{2,6}社记者)$"
)
_NO_SPEAKER = re.compile(
    r"^(?:(?:for )?(?:press |news |immediate |media )?release|note|notes|background|correction"
    r"|update|contact|contacts|media|tel|phone|fax|e-?mail"
    r"|email|web|website|http|https|subject|date|from|to|re|for example|example|source|sources"
    r"|photo|caption|video"
    r"|editor'?s note|notes? to editors?|summary|total|address|fact|url|twitter|tags|topics?"
    r"|location|time|place|where|when|who|what|why|rsvp|deadline|attn|attachments?)\b"
)


def find_speakers(lines: list[Line]) -> frozenset[str]:
    """The names that begin paragraphs as speakers' do, or none when the text is no transcript."""
    counts: Counter[str] = Counter()
    for line in lines:
        words = line.words
        if words[0].islower() or (
            ":" not in words[:62] and "：" not in words[:30] and words[0] not in "QA"
        ):
            continue
        if name := _prefix(words):
            counts[name] += 1
    counts = Counter({name: count for name, count in counts.items() if _may_speak(name)})
    honoured = {name for name in counts if _HONORIFIC.match(fold(name))}
    capitals = {
        name
        for name in counts
        if is_caps(name) or name in ("Q", "A") or name.upper() == name.lower()
    }
    # Labels in capitals (CLIMATE: …) look alike, but do not come back and bear no title.
    repeated = {
        name for name in counts if counts[name] > 1 and (name in capitals or name in honoured)
    }
    names = (repeated | honoured) & (capitals | repeated)
    if honoured:  # beside a questioner, whoever speaks twice answers
        names |= {name for name in counts if counts[name] > 1 and _has_name_shape(name)}
    if names and sum(counts[name] for name in names) >= 2:
        return frozenset(
            names
            | {name for name in capitals if len(repeated | honoured) >= 1 and name in capitals}
        )
    many = {name for name, count in counts.items() if count >= 3 and _has_name_shape(name)}
    return frozenset(many) if len(many) >= 2 else frozenset()


def speaker_of(words: str, speakers: frozenset[str]) -> tuple[str, int] | None:
    """The speaker a paragraph begins with, and where the speech begins in it."""
    match = _PREFIX.match(words) if ":" in words[:62] or "：" in words[:62] else None
    if match and match["name"] in speakers:
        return match["name"], match.end()
    if match is None and words[:1] in ("Q", "A") and words[0] in speakers:
        bare = _Q_AND_A.match(words)
        return (bare["name"], bare.end()) if bare else None
    return None


def _prefix(words: str) -> str | None:
    match = _PREFIX.match(words)
    if match is None:
        match = _Q_AND_A.match(words) if words[0] == "Q" else None
    if match is None:
        return None
    return match["name"]


def _may_speak(name: str) -> bool:
    folded = fold(name)
    if len(name.split()) > 7 or _NO_SPEAKER.match(folded) or is_advisory_field(f"{name}: x"):
        return False
    return not (kind_of(name) or any(letter.isdigit() for letter in name))


def _has_name_shape(name: str) -> bool:
    """Capitalised words and initials; in caseless scripts a few characters."""
    return len(name.split()) <= 5 and all(not word[0].islower() for word in name.split())
