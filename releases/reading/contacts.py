"""Whom the press may ask: contact lines, in many forms and languages."""

import re

from releases.reading.lines import Line, fold
from releases.reading.offices import is_organisation, is_position

_EMAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_PHONE = re.compile(
    r"\+ ?\d{1,3}[ ()./-]{0,3}\d[\d ()./-]{5,16}\d|\(\+?\d{2,5}\) ?\d{2,4}[ .-]?\d{2,4}"
    r"|(?<![\d/.-])\d{3}[-./ ]\d{3}[-. ]\d{4}(?!\d)"
    r"|(?<![\d/.,-])(?!\d\d/\d\d/\d{4})0\d{1,4}[ /-]\d[\d /-]{4,12}\d"
    r"|(?:\b(?:tel|phone|telephone|fax|mob|mobile|cell|telefon|telefono|portable|handy|movil"
    r"|direct|ph"
    r"|téléphone|tél|teléfono|móvil|telefone|телефон|тел|моб|факс)\b\.?|\b[tmfp](?=\s?[:.])"
    r"|هاتف|جوال|电话|電話|手机|전화|טלפון)"
    r"\s?[.:：)]{0,2}\s?(?:\(\w\)\s?)?\+?[\d(][\d ()./-]{4,20}",
    re.IGNORECASE,
)
_NAMES = (
    r"(?:(?:media|press|news media|news|public affairs|public information|public"
    r"|investor(?: relations)?"
    r"|editorial|for (?:media|press)|agency|company|corporate|pr|technical"
    r"|international|additional|primary|our|your) )?(?:contacts?(?: (?:information|details"
    r"|persons?|for (?:media|press|journalists|the media)|us|points?))?"
    r"|points? of contact|inquir(?:y|ies)|enquir(?:y|ies)|queries|relations contacts?)"
    r"|(?:[\w.&'-]+ ){1,3}contacts?(?=\s?:)"
    r"|for (?:(?:more|further|additional|general) )?(?:information|details|media inquiries"
    r"|media enquiries|press inquiries|interviews|queries"
    r"|press enquiries)(?: (?:about|on) .{3,60}?)?(?:,? (?:please )?(?:contact|call|e-?mail"
    r"|reach|write to))?"
    r"|(?:please )?contact|journalists? (?:may|can|should) contact|media relations"
    r"|investor relations|press office|press desk|press team|public affairs"
    r"|(?:presse|medien)?kontakte?(?: fur (?:die )?(?:presse|medien|journalisten))?"
    r"|ansprechpartner(?:in|innen)?|ansprechperson(?:en)?|pressesprecher(?:in)?"
    r"|ruckfragen(?:hinweis)?(?: an| bei)?|ruckfragen bitte an|fur ruckfragen|bei ruckfragen"
    r"|pressestelle|weitere informationen(?: bei)?|weitere auskunfte"
    r"|contactos?(?: (?:de|para|con)(?: la| los)? (?:prensa|medios|comunicacion))?|para (?:mas"
    r"|mayor) informacion|mas informacion"
    r"|contacts? (?:presse|medias?)|contacts? (?:pour|de) la presse|renseignements"
    r"|pour (?:plus d'|de plus amples |tout )?(?:informations?"
    r"|renseignements)(?:,? (?:contactez|contacter))?"
    r"|relations (?:presse|medias)|service de presse|contatti?(?: (?:stampa|per la stampa"
    r"|media))?|per (?:ulteriori |maggiori )?informazioni|ufficio stampa"
    r"|contat?os?(?: (?:de|para a|com a) imprensa)?|mais informacoes|para mais informacoes"
    r"|assessoria de imprensa|informacoes a imprensa"
    r"|контакты?(?: (?:для (?:сми|прессы|журналистов)|пресс-службы))?|контактн\w+ (?:лицо"
    r"|информация|данные)|(?:за )?дополнительн\w+ информаци\w+|справки по телефон\w+"
    r"|пресс-служба"
    r"|контактна особа|для додатковоi iнформацii|للاتصال|للتواصل|للتواصل الاعلامي"
    r"|للاستفسار(?:ات)?|لمزيد من المعلومات|للمزيد من المعلومات|جهة الاتصال|الاتصال الاعلامي"
    r"|مسؤول الاتصال|الاتصال"
    r"|联系人|联系方式|联系|媒体联系(?:人)?|媒体联络(?:人)?|新闻联系人|媒体垂询|媒体查询|聯絡人|聯絡方式|媒體聯絡|媒體聯繫|咨询电话|联系电话"
    r"|お問い?合わ?せ先?|問い合わせ先|本件に関するお問い?合わ?せ先?|連絡先|担当|문의(?:처)?|담당(?:자)?"
    r"|perscontact|contact voor de pers|noot voor de redactie|(?:voor )?meer informatie"
    r"|presskontakt|pressekontakt|kontaktperson(?:er)?|for mer information"
    r"|for ytterligere informasjon|yhteystiedot|lisatietoja"
    r"|kontakt (?:prasowy|dla mediow|pro media)|kontakt|iletisim|basin iletisim|επικοινωνια"
    r"|πληροφοριες|איש קשר|narahubung|informasi lebih lanjut|lien he"
)
_LABEL = re.compile(rf"^[*•\s-]*(?:{_NAMES})(?P<end>\s?[:：]|\s?\(s\)\s?:|\s?[-–—](?=\s)|$)")
_SENTENCE_LABEL = re.compile(
    r"^(?:for (?:(?:more|further|additional) )?(?:information|details|media inquiries"
    r"|press inquiries|media enquiries|interviews)[^.:@]{0,80}?,? (?:please )?(?:contact|call"
    r"|e-?mail|reach)\b"
    r"|(?:all )?(?:media |press )?(?:inquiries|enquiries|questions)(?: .{1,60})? (?:should|may"
    r"|can) be (?:directed"
    r"|addressed|sent) to"
    r"|(?:journalists|reporters|media)(?: .{0,60})? (?:contact|should contact|may contact"
    r"|can contact|call)\b"
    r"|(?:bitte )?wenden sie sich|para mas informacion,? (?:contacte|llame|contactar)"
    r"|pour plus d'informations?,? (?:veuillez )?contacte[rz])"
)
_LOCAL_NUMBER = re.compile(r"\b(?:at|on|call|tel\.?|phone) \d{3}[- ]\d{2}[- ]?\d{2}\b")
_JOB_END = re.compile(r"[,;:]$")
_WEB = re.compile(
    r"^(?:https?://|www\.)\S+$|^(?:web|website|site|twitter|facebook|linkedin|x|url|internet)\s?:",
    re.IGNORECASE,
)
# A word of its own in capitals first: not a part of an address.
_NAMED = re.compile(r"(?<![\w.@-])[^\W\d_a-z]\w+(?![\w.-]*@)")
# A name of two capitalised words, and how to reach it behind.
_NAMED_LINE = re.compile(
    r"(?:In [^\W\d_][\w ]{1,24}: )?[^\W\d_a-z][^\W\d_]+ (?:[^\W\d_]\.? )?[^\W\d_a-z][^\W\d_]+\b"
    r"(?=.{0,60}(?:\d{3}|@))"
)
_FIELD_START = re.compile(
    r"(?:tel|t|m|p|f|fax|mob|mobile|phone|cell|e-?mail|web|тел|моб)\b", re.IGNORECASE
)
_ABBREVIATED_END = re.compile(
    r"(?:\b(?:Inc|Ltd|Co|Corp|Jr|Sr|St|Ave|Dr|Prof|[A-Z])|D\.C|S\.A|, [A-Z][a-z]{1,5})\.$"
)
_FIELD = re.compile(
    r"^(?:name|tel|phone|telephone|fax|mob|mobile|cell|e-?mail|mail|telefon|telefono|courriel"
    r"|correo|direct|office|after hours|out of hours|24-hour|twitter|web|url|电话|邮箱|電話"
    r"|emailadres|тел|эл)"
    r"\b\.?\s?(?:\w+ ){0,2}[:：]",
    re.IGNORECASE,
)


_BARE = re.compile(
    r"(?:[^\W\d_]{1,12}[.:]?\s?[.:]?\s?)?(?:\+?[\d(][\d ()./+-]{5,24}(?:\([a-z/]{3,20}\))?"
    r"|[\w.+-]{1,64}@[\w.-]{3,80}|@\w{2,30}|(?:https?://|www\.)\S+)",
    re.IGNORECASE,
)


def has_email(words: str) -> bool:
    """Whether an e-mail address stands in the line."""
    return "@" in words and _EMAIL.search(words[:1000]) is not None


def has_phone(words: str) -> bool:
    """Whether a telephone number stands in the line."""
    return _PHONE.search(words[:400]) is not None


def is_reachable(words: str) -> bool:
    """Whether the line holds an e-mail address or a telephone number."""
    return has_email(words) or has_phone(words)


def is_web_address(words: str) -> bool:
    """Whether the line is the address of a page, and nothing else."""
    return _WEB.match(words) is not None and " " not in words


def is_fields_only(words: str) -> bool:
    """Whether the line is nothing but numbers and addresses by which somebody is reached."""
    if len(words) > 200 or not is_reachable(words):
        return False
    parts = [part.strip() for part in re.split(r"[|;•·]|,(?=\s)|\s/\s", words)]
    return all(
        not part
        or _BARE.fullmatch(part)
        or (len(part.split()) <= 5 and (_FIELD.match(part) or _WEB.match(part)))
        for part in parts
    )


def label_end(words: str) -> int | None:
    """Where a contact label ends that the line begins with ("Media contact:"), or None."""
    head = words[:140]
    folded = fold(head)
    match = _LABEL.match(folded)
    if match is None:
        return None
    if match["end"].strip() in (":", "："):
        colon = min((head.find(mark) for mark in ":：" if mark in head), default=-1)
        return colon + 1 if colon >= 0 else len(words)
    if match["end"] == "":
        return len(words) if len(words) <= 140 else None
    return match.end()


def is_contact_sentence(words: str) -> bool:
    """For more information, please contact … : a contact told in a sentence."""
    is_told = _SENTENCE_LABEL.match(fold(words[:400])) is not None
    return is_told and (is_reachable(words) or _LOCAL_NUMBER.search(words[:400]) is not None)


def can_follow(words: str) -> bool:
    """A line that may belong to a contact: reachable, a field, a web address, a name or a post."""
    if is_reachable(words) or _WEB.match(words) or _FIELD.match(words):
        return True
    return len(words) <= 70 and (
        not words.endswith((".", "?", "!")) or _ABBREVIATED_END.search(words) is not None
    )


def entries(lines: list[str]) -> list[str]:
    """The contacts in consecutive lines: one string a person or desk, without labels."""
    found: list[list[str]] = [[]]
    for words in lines:
        end = label_end(words)
        is_label = end is not None
        rest = words[end:].strip(" ,;") if end is not None else words.strip(" ,;")
        is_new_person = (
            bool(rest)
            and (not is_reachable(rest) or _NAMED_LINE.match(rest) is not None)
            and not _FIELD.match(rest)
            and not is_position(rest)
            and not (found[-1:] and _is_office_of(found[-1], rest))
        )
        if found[-1] and (
            is_label
            or (is_new_person and is_reachable(" ".join(found[-1])) and not _WEB.match(rest))
        ):
            found.append([])
        if rest:
            found[-1].append(rest)
    joined = [_joined(parts) for parts in found if parts]
    return [entry for text in joined for entry in _people(text)]


def entries_of_groups(groups: list[list[Line]]) -> list[str]:
    """The contacts of several groups of lines."""
    return [entry for group in groups for entry in entries([line.words for line in group])]


def _is_office_of(entry: list[str], words: str) -> bool:
    """Where the one works whose name and number stand together on the line above."""
    is_named = len(entry) == 1 and _NAMED_LINE.match(entry[0]) is not None
    return is_named and not is_reachable(words) and is_organisation(words.partition(",")[0])


def _joined(parts: list[str]) -> str:
    text = parts[0]
    for part in parts[1:]:
        is_number = _FIELD_START.match(part) or is_reachable(part.split()[0])
        goes_on = (
            (part[0].islower() and not is_number)
            or _JOB_END.search(text)
            or text.endswith(("-", " or", " and", " at"))
        )
        text += (" " if goes_on else ", ") + part
    return text


def _people(text: str) -> list[str]:
    """Several people in one sentence, each with an address or number of their own."""
    parts = re.split(r"(?:,|;)\s+(?:or|and)\s+|;\s+|,?\s+or\s+(?=[A-Z])|\s\|\s", text)
    if len(parts) > 1 and all(is_reachable(part) and _NAMED.search(part) for part in parts):
        return [part.strip(" ,;.") for part in parts]
    text = text.replace(" | ", ", ")
    return [text.strip(" ,;").removesuffix(".") if is_reachable(text) else text.strip(" ,;")]
