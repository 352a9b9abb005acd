"""What stands in a release for desks and machines, and is not mailed again."""

import re

from releases.reading.lines import fold

_IMMEDIATE = re.compile(
    r"^(?:(?:for|not embargoed|no embargo)\b.{0,4})?"
    r"(?:immediate(?:ly)? (?:release|distribution|publication|use|broadcast|release and posting)"
    r"|release immediately|release on receipt|immediate attention)"
    r"(?:(?: and|,| &)? ?(?:posting|publication|distribution|broadcast|use|upon receipt"
    r"|on receipt))*$"
    r"|^for (?:release|publication|use) (?:immediately|upon receipt|on receipt|now|at will)$"
    r"|^(?:no embargo|not embargoed|embargo: (?:none|no|aucun|keine|ninguno|nessuno))$"
    r"|^(?:for )?release(?: at)?$"
    r"|^para (?:(?:su )?(?:publicacion|difusion|divulgacion|distribucion) inmediata"
    r"|publicar de inmediato)$"
    r"|^(?:pour|a) (?:diffusion|publication) immediate$|^a diffuser immediatement$"
    r"|^zur (?:sofortigen|freien) (?:veroffentlichung|verwendung|verfugung)$|^sofort frei$"
    r"|^ab sofort frei$"
    r"|^(?:keine sperrfrist|frei zur veroffentlichung)$"
    r"|^(?:per|da) (?:la )?(?:pubblicazione|diffusione) immediata$"
    r"|^para (?:divulgacao|publicacao|difusao) imediata$"
    r"|^(?:для )?(?:немедленн\w+ |незамедлительн\w+ )(?:публикации|распространени\w+"
    r"|опубликовани\w+)$"
    r"|^(?:к|за) немедленн\w+ (?:публикации|распространению)?$|^до негайного (?:оприлюднення"
    r"|поширення)$"
    r"|^(?:للنشر|للإصدار|للتوزيع) (?:الفوري|فورا|الآن|العاجل|الان)$|^للنشر$"
    r"|^(?:即时|即時)?(?:发布|發布|发表|發佈)$|^(?:報道関係者|報道機関|関係者)各位$"
    r"|^各報道機関 ?御中$|^供?(?:即时|即時)(?:发布|發布|发表"
    r"|發佈)$|^即日(?:公開|発表)$|^解禁なし$"
    r"|^voor (?:directe|onmiddellijke) (?:publicatie|verspreiding)$|^till omedelbar publicering$"
    r"|^do natychmiastowej publikacji$|^for umiddelbar (?:offentliggorelse|publisering)$"
    r"|^julkaisuvapaa(?: heti)?$|^k okamzitemu zverejneni$|^hemen yayin(?:lanmasi)? icin$"
)
_IMMEDIATE_HALF = re.compile(
    r"^(?:for immediate|para su publicacion|pour diffusion|zur sofortigen)$"
)
_ORNAMENT = ' \t*#=~_-–—•·|:.[]()<>«»“”"/'
_NUMBERED_WORDS = (
    r"(?:release|news release|press release|media release|statement|prn|pr|nr|ref(?:erence"
    r"|erencia)?"
    r"|our ref|no|nr|n[o°º]"
    r"|num(?:ero|ber)?|№|n|number|id|bulletin|communique|comunicado|nota|pm|pi|boletin|file"
    r"|doc(?:ument)?"
    r"|выпуск|номер|رقم|العدد|编号|編號|文号)"
)
_CODE = (
    r"(?:[a-z]{1,10}[/-]?){0,2}\(?\d{1,6}\)?(?:[/._-]?\(?[a-z0-9]{1,8}\)?|[ ]\(?\d{1,6}\)?){0,6}"
)
_NUMBER = re.compile(
    rf"^(?:{_NUMBERED_WORDS}[\s.:#]*)+(?:no|nr|n[o°º]|#|№)?[\s.:#]*{_CODE}\.?$"
    r"|^\d{2,4}[/-]\d{1,6}(?:[/-]\d{1,4}){0,3}$"
    r"|^[a-z]{2,4}(?:/[a-z]{1,4}){1,3}$"
    r"|^(?:#|№)\s?\d[\w/.-]{0,14}$"
    r"|^[a-z]{1,8}(?:[/-][a-z]{1,6}){0,3}[/-](?:\(?\d{1,4}\)?)(?:[/.-]?\(?[a-z0-9]{1,6}\)?)"
    r"{0,5}(?:-[a-z]{2,4}/\d+)*$"
    r"|^[a-z]{2,4}\d{1,4}$|^[a-z]{1,2}\d{2}-\d{2,5}$|^\d{3,6}$|^(?:\(?\d{4}\)? ?)\d{1,4}$"
    r"|^[a-z]{2,5}-?\d{2}-\d{2,5}$"
    r"|^(?:[a-z]+ ){1,3}(?:no|nr|pr|n[°º]|number|index|#)[.:]? ?(?:[a-z]{0,4} ?)?\d[\w./-]{0,20}$"
    r"|^(?:[^\W\d_]{2,10}/)?[^\W\d_]{2,12}/[^\W\d_]{2,12}$"
    r"|^第? ?\d{1,6} ?[号號期]$|^\(?〔?\d{4}〕?第?\d+号\)?$"
)
_TELEPHONE = re.compile(r"\d{3}-\d{3}-\d{4}|\d{3}-\d{4}")
_END = re.compile(
    r"^(?:[(\[]?#(?: ?#){0,9}[)\]]?|-+ ?30(?: ?-+ ?30)* ?-+|– ?30 ?–|— ?30 ?—|xxx|x x x"
    r"|[-–—*#(\[ ]*(?:end|ends|the end|end (?:of )?(?:the )?(?:fact sheet|byliner|excerpts?"
    r"|statement"
    r"|remarks|release|interview|translation)|end of (?:release|text|statement|transcript|document"
    r"|press release|remarks)"
    r"|end text|end transcript|end it|fin|fin del (?:texto|comunicado)|termina el texto"
    r"|fin du (?:communique|texte)"
    r"|fin de texto|ende|ende der (?:mitteilung|pressemitteilung)|fine|fine comunicato|fim"
    r"|fim do texto|конец"
    r"|кінець|النهاية|انتهى|-?انتهى-?|نهاية البيان|完|（完）|\(完\)|全文完|以上|끝"
    r"|einde|slut|koniec|konec"
    r"|son|loppu)"
    r"[-–—*#)\]./ ]*)$"
)
# END and the time at which it ended ("END 2:16 P.M. EDT").
_END_AT = re.compile(
    r"^(?:end|fin|fine|fim"
    r"|ende)\b[ .:-]*(?:at )?\d{1,2}[:.]\d\d ?(?:[ap]\.? ?m\.?)?(?: ?\(?(?:[a-z]{1,5}"
    r"|local time)\)?\.?)?$"
    r"|^\(?(?:the )?(?:briefing|press conference|interview|call|press availability|remarks|event)"
    r" (?:was )?(?:concluded|ended|adjourned) (?:at )?.{4,20}$"
)
_WEAK_END = re.compile(
    r"^[-–—] ?[A-Z]{2,6} ?[-–—]$|^\* ?\*{3} ?\*$|^\*{2,} ?(?:www\.|http)\S+ ?\*{2,}$"
    r"|^(?:\* ?){3,}$|^(?:[•·] ?){3,}$|^(?:~ ?){3,}$|^[o0](?: [o0]){2,}$|^-+o0?o-+$"
)
_RULE = re.compile(r"^(?:[-_=*~–—•·#+] ?){3,}$")
_START = re.compile(
    r"^[-–—*(\[ ]*(?:begin(?:ning of)? (?:the )?(?:text|transcript|statement|remarks|fact sheet"
    r"|byliner"
    r"|excerpts?|interview|translation)|start of (?:text"
    r"|statement)"
    r"|comienza el texto|comienzo del texto|inicia(?:n)? el texto|debut (?:du|de) texte"
    r"|inicio do texto"
    r"|anfang des textes|beginn des textes|начало текста|بداية النص"
    r"|inizio (?:del )?testo)[-–—*)\]. :]*$"
)
_PAGE = re.compile(
    r"^[-–—*(\[ ]*(?:more|more to come|over|please turn over|continued|continued on (?:next"
    r"|page) ?\w*|weiter|suite|sigue"
    r"|page \d{1,3}(?: (?:of|/) ?\d{1,3})?|seite \d{1,3}(?: von \d{1,3})?"
    r"|pagina \d{1,3}(?: de \d{1,3}| di \d{1,3})?"
    r"|p(?:age|g)?\. ?\d{1,3}(?:/\d{1,3})?|стр(?:аница|\.) ?\d{1,3}"
    r"|第 ?\d{1,3} ?[页頁](?:[/，, ]*共 ?\d+ ?[页頁])?"
    r"|(?:more-){1,3}more|add ?\d|\d{1,2}-\d{1,2}-\d{1,2}(?:-\d{1,2})+)[-–—*)\] ]*$"
    r"|^[-–—] ?\d{1,3} ?[-–—]$"
)
_LIST = re.compile(
    r"^un ?subs?c?r? ?[a-z]* ?(?:me)?$|unsub ?scribe|\bopt[ -]out\b|manage (?:your "
    r"|my )?(?:subscriptions?|preferences)"
    r"|update (?:your |my )?(?:profile|preferences|subscription)|subscriber (?:preferences"
    r"|help)|email preferences"
    r"|you (?:are|were|have been)? ?(?:receiv(?:ed|ing)|subscribed|getting) (?:to )?(?:this|the"
    r"|these)? ?"
    r"(?:e-?mail|message|newsletter|press|list|our)|this (?:e-?mail|message|newsletter"
    r"|mailing) (?:was|has been|is being) sent"
    r"|this (?:e-?mail|message|service) is (?:provided|sent) (?:to you )?(?:at no (?:charge"
    r"|cost) )?by"
    r"|modify your (?:password|subscriptions)|stop subscriptions at any time"
    r"|sent (?:to .{3,60} )?on behalf of"
    r"|view (?:this|it|the) (?:e-?mail|message|release|page|as|in)\b.{0,30}(?:browser|web"
    r"|online|page)?$"
    r"|having trouble (?:viewing|reading)|trouble viewing|can'?t (?:see|read) this"
    r"|forward (?:this )?(?:e-?mail|to a friend)"
    r"|add us to your (?:address book|safe)|powered by|privacy policy$|stay connected"
    r"|^(?:follow|find|like) us on\b"
    r"|se desinscrire|desabonner|desinscription|cancelar (?:la |su )?suscripcion|darse de baja"
    r"|dejar de recibir"
    r"|abmelden|abbestellen|newsletter abbestellen|disiscri|annulla(?:re)? (?:l'?)?iscrizione"
    r"|cancelar (?:a )?(?:inscricao|assinatura)"
    r"|отписаться|отменить подписку|вы получили это письмо|الغاء الاشتراك"
    r"|退订|退訂|取消订阅|配信停止"
    r"|afmelden|avregistrera"
    r"|wypisz|receiving this (?:e-?mail|message) because|mailing list,? (?:address|send|please"
    r"|write|visit|click|e-?mail)"
    r"|^view (?:original|source)\b|^source:? [^\W\d_].{1,60}$"
    r"|subscribe press|to subscribe|join our mailing list|remove(?:d)? from (?:this|our"
    r"|the) (?:mailing )?list"
    r"|brought to you by (?:cision|\S+wire)|do not reply to this|this is an? (?:auto|unmonitored"
    r"|automatically)|^click here\b"
)
_MAIL_HEADER = re.compile(
    r"^(?P<name>from|sent|date|to|cc|bcc|subject|reply-to|importance|attachments?|von|gesendet"
    r"|an|betreff|de|envoye|a|objet"
    r"|enviado(?: el)?|para|asunto|fecha|da|inviato|oggetto|data|assunto|от|отправлено|кому"
    r"|тема|дата|发件人|收件人|主题|日期|发送时间"
    r"|message-id|x-[\w-]+|mime-version|content-type|received|return-path|list-[\w-]+"
    r"|sender) ?[:：] ?(?P<value>.*)$"
)
_FORWARDED = re.compile(
    r"^[-_=>* ]{2,}(?:begin )?(?:forwarded message|original message|forwarded by .{0,40}"
    r"|weitergeleitete nachricht|ursprungliche nachricht|message transfere|mensaje reenviado"
    r"|пересылаемое сообщение|转发的邮件|原始邮件)[-_=:* ]*$"
)
_SUBJECT_NAMES = ("subject", "betreff", "objet", "asunto", "oggetto", "assunto", "тема", "主题")
_DATE_NAMES = (
    "date",
    "sent",
    "gesendet",
    "envoye",
    "enviado",
    "enviado el",
    "inviato",
    "отправлено",
    "дата",
    "日期",
    "发送时间",
)
_REPLY = re.compile(r"^(?:(?:re|fw|fwd|aw|wg|tr|rv|i|r)\s?:\s*|\[[^\]]{1,30}\]\s*)+", re.IGNORECASE)


def is_release_line(words: str) -> bool:
    """FOR IMMEDIATE RELEASE, in many languages."""
    return len(words) <= 80 and _IMMEDIATE.match(fold(words).strip(_ORNAMENT)) is not None


def is_half_release_line(words: str) -> bool:
    """The first half of a release line that is broken in two ("For Immediate")."""
    return _IMMEDIATE_HALF.match(fold(words).strip(_ORNAMENT)) is not None


def is_number(words: str) -> bool:
    """A release number ("RELEASE: 00-134", "2011/1860", "IP/19/1234"), and nothing else."""
    is_coded = any(letter.isdigit() for letter in words) or words == words.upper()
    if len(words) > 60 or not is_coded:
        return False
    if _TELEPHONE.fullmatch(words):
        return False
    folded = fold(words.strip(" *[]"))
    if folded.startswith("(") and folded.endswith(")"):
        folded = folded[1:-1]
    return _NUMBER.match(folded) is not None


def is_end_mark(words: str) -> bool:
    """###, -30-, ENDS and their like: nothing of the release comes after, save notes to editors."""
    if len(words) > 70:
        return False
    folded = fold(words).strip()
    return _END.match(folded) is not None or _END_AT.match(folded) is not None


def is_weak_end_mark(words: str) -> bool:
    """Three stars: the end, or only a pause."""
    return len(words) <= 40 and _WEAK_END.match(words) is not None


def is_rule(words: str) -> bool:
    """A line drawn with characters."""
    return _RULE.match(words[:200]) is not None and len(set(words)) <= 3


def is_start_mark(words: str) -> bool:
    """(begin text), (comienza el texto)."""
    return len(words) <= 50 and _START.match(fold(words)) is not None


def is_page_mark(words: str) -> bool:
    """-more-, Page 2 of 3."""
    return len(words) <= 40 and _PAGE.match(fold(words)) is not None


def is_list_furniture(words: str) -> bool:
    """What a mailing list adds: unsubscribe, view in browser, why this came."""
    return _LIST.search(fold(words[:600])) is not None


def mail_header(words: str) -> tuple[str, str] | None:
    """Name (folded) and value of a mail's header line that was pasted with the text."""
    match = _MAIL_HEADER.match(fold(words[:400]))
    if not match:
        return None
    return match["name"], re.split("[:：]", words, maxsplit=1)[1].strip()


def is_forwarding_mark(words: str) -> bool:
    """-----Original Message-----, as mail programmes draw it above what they pass on."""
    return len(words) <= 80 and _FORWARDED.match(fold(words)) is not None


def is_subject(name: str) -> bool:
    """Whether this mail header holds the subject."""
    return name in _SUBJECT_NAMES


def is_mail_date(name: str) -> bool:
    """Whether this mail header holds the date."""
    return name in _DATE_NAMES


def without_reply_marks(subject: str) -> str:
    """A mail's subject without RE:, FW: and [tags]."""
    return _REPLY.sub("", subject).strip()
