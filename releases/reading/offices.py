"""Who sends: offices, the organisations above them, and people with their positions."""

import re

from releases.reading.lines import fold, is_caps

_OFFICE = re.compile(
    r"^(?:the |u\.?s\.? |el |la |le |die |das |der )?(?:"
    r"(?:office|bureau) of (?:the )?\w"
    r"|(?:[\w.&'-]+ ){0,4}(?:press|media|news|communications?|public affairs|public information"
    r"|media relations|press relations|public relations|press information|external relations"
    r"|spokesperson'?s?|spokesman'?s?)"
    r" (?:office|bureau|service|desk|team|unit|section|department|directorate|division|center"
    r"|centre)\b"
    r"|(?:press|media|public affairs|communications?|media relations|press relations|newsroom"
    r"|news room|corporate communications|public information|press centre|press center)$"
    r"|(?:directorate|division|department|directorate-general) (?:of|for) (?:public affairs"
    r"|communications?"
    r"|press|media|information)\b"
    r"|oficina (?:de|del)\b|gabinete (?:de|del) (?:prensa|comunicacion|imprensa)|sala de prensa"
    r"|direccion (?:general )?de (?:comunicacion|prensa|informacion)|departamento de (?:prensa"
    r"|comunicacion)"
    r"|(?:servicio|unidad|area) de (?:prensa|comunicacion)|oficina de prensa"
    r"|secretaria de comunicacion"
    r"|bureau de (?:la )?presse|service (?:de )?(?:la )?presse"
    r"|service (?:de )?(?:la )?communication"
    r"|direction de (?:la )?(?:communication|presse)|porte-parole\b|bureau du porte-parole"
    r"|cabinet d"
    r"|(?:[\w-]+ )?(?:pressestelle|presseamt|pressereferat|presseburo|medienstelle|presseabteilung)"
    r"|presse- und (?:informationsamt|offentlichkeitsarbeit|kommunikation)|referat (?:fur )?presse"
    r"|ufficio (?:stampa|comunicazione)|servizio stampa|portavoce\b"
    r"|assessoria de (?:imprensa|comunicacao)|secretaria (?:especial )?de comunicacao"
    r"|пресс-служба|пресс-центр|департамент информации и печати|управление пресс|отдел по связям"
    r"|пресс-секретар|служба коммуникаци|прес-служба|управление информации"
    r"|المكتب (?:الصحفي|الإعلامي|الاعلامي)|مكتب |ادارة (?:الاعلام|الإعلام)|المركز الاعلامي"
    r"|المركز الصحفي"
    r"|persdienst|perskantoor|persvoorlichting|biuro prasowe|biuro rzecznika|tiskovy odbor"
    r"|basin merkezi"
    r"|presskontoret|pressetjenesten|viestinta\b"
    r")"
)
_NOBODYS = re.compile(
    r"(?:the )?(?:press|media|news|communications?|press and information|media relations"
    r"|public information|public affairs) (?:office|service|team|unit|section|desk|department"
    r"|division)|newsroom|press cent(?:re|er)|pressestelle|presseamt|pressereferat|pressebüro"
    r"|medienstelle|(?:oficina|gabinete|sala|servicio|departamento) de (?:prensa|comunicacion)"
    r"|(?:service|bureau) (?:de )?(?:la )?(?:presse|communication)|ufficio stampa"
    r"|assessoria de (?:imprensa|comunicacao)|пресс-(?:служба|центр)|прес-служба|persdienst"
    r"|المكتب (?:الصحفي|الإعلامي|الاعلامي)"
)
_TEAM = re.compile(
    r"(?:press|media|communications?)(?: and \w+)? (?:team|office|unit|section|service"
    r"|department)\b"
)
_OFFICE_UNSPACED = re.compile(
    r"(?:新闻办公室|新聞辦公室|新闻办|新闻司|新闻处|新聞處|发言人办公室|新闻局|宣传部|広報室|広報部|報道官室|报道局|대변인실|홍보실)$"
)
_ORGANISATION_START = re.compile(
    r"^(?:the )?(?:u\.?s\.? |united states |federal |royal |national |international |european )?"
    r"(?:ministry|federal reserve|departamento de (?:estado|defensa|justicia)|la casa blanca"
    r"|(?:[\w.]+ ){0,3}(?:institute|academy|university|college|society|center|centre|agency"
    r"|administration|service|council) (?:of|for|on) "
    r"|us army\b|army corps|corps of engineers|air force|marine corps|coast guard|national guard"
    r"|(?:permanent )?(?:mission|delegation) (?:of|to)"
    r"|(?:house |senate |joint |select |permanent )*(?:sub)?committee on"
    r"|department (?:of|for)|directorate(?:[ -]general)? (?:of|for)"
    r"|union of|embassy of|permanent mission|mission of|consulate|city of"
    r"|state of|county of"
    r"|government of|republic of|kingdom of|bank of|university of|council of|house of|court of"
    r"|white house|united nations|commission|secretariat|ministerio|ministere|ministero"
    r"|bundesminister"
    r"|auswartiges amt|bundesamt|bundesregierung|die bundesregierung|embajada|ambassade|botschaft"
    r"|gobierno|gouvernement|governo|presidencia\b|presidence|presidenza|republique|republica"
    r"|repubblica"
    r"|министерство|мид |посольство|правительство|администрация|федеральн|міністерство"
    r"|кабінет міністрів"
    r"|وزارة|سفارة|رئاسة|ديوان|هيئة|الأمم المتحدة|الامم المتحدة|مجلس)"
)
_ORGANISATION_END = re.compile(
    r"\b(?:ministry|department|commission|council|agency|authority|administration|institute"
    r"|institution|university|association|federation|foundation|bank|committee|parliament|senate"
    r"|government|secretariat|corporation|inc|ltd|limited|llc|llp|plc|gmbh|ag|se|kg|sa|s\.a|spa"
    r"|s\.p\.a|nv"
    r"|n\.v|bv|b\.v|oy|oyj|ab|asa|a/s|corp|group|holdings?|company|co|organi[sz]ation|police"
    r"|court|society"
    r"|union|trust|alliance|network|museum|hospital|clinic|centre|center|library|bureau|embassy"
    r"|mission|house|nations|ministerium|ministerio|amt|behorde|verband|stiftung|kommission"
    r"|universitat|universidad|universite|fundacion|fondation|fondazione|laborator(?:y|ies)"
    r"|observatory|headquarters|(?<!oval )(?<!box )office"
    r"|foods|systems|technologies|industries|airlines|airways|energy|pharma\w*|partners"
    r"|solutions)\.?\)?$"
)
_ORGANISATION_UNSPACED = re.compile(
    r"(?:部|省|厅|局|委员会|委員会|大使馆|大使館|公司|株式会社|政府|院|署|会|庁|부|청)$"
)
_FOREIGN = re.compile(
    r"(?:minist|servi|oficina|gabinete|direc|departamento|bureau d|sala |ufficio|portavoce"
    r"|assessoria"
    r"|secretar|pressestelle|presse|referat|пресс|прес|департамент|управление|министерство|отдел"
    r"|міністерство|служба|perso?n?s|biuro|tiskov|gouvernement|gobierno|embajada|ambassade"
    r"|посольство)"
)
_SMALL_WORDS = frozenset(
    (
        "of", "the", "and", "for", "&", "de", "del", "la", "las", "los", "le", "les", "y", "e",
        "et", "des", "du", "d'", "fur", "und", "di", "da", "do", "dos", "das", "della", "dei",
        "to", "и", "по", "i", "w", "van", "het", "voor", "og", "och", "o", "on", "in", "plc",
    )
)  # fmt: skip
_HONOURED = re.compile(
    r"^(?:the )?(?:rt\.? )?(?:hon(?:ou?rable)?|dr|mr|mrs|ms|prof|sen|rep|lord|sir|dame)\.? [a-z]"
)
_POSITION = re.compile(
    r"\b(?:secretary|spokes(?:person|man|woman)|minister|president|ambassador|director"
    r"|administrator"
    r"|chair(?:man|woman|person)?|commissioner|governor|mayor|envoy|representative|coordinator"
    r"|advis[eo]r"
    r"|counselor|chief|head|officer|senator|chancellor|general|admiral|manager|ministro"
    r"|ministra|ministre"
    r"|presidente|presidenta|secretario|secretaria|director general|minister(?:in)?|sprecher(?:in)?"
    r"|bundesminister(?:in)?|bundeskanzler(?:in)?|staatssekretar(?:in)?|министр\w*|секретар\w*"
    r"|представител\w*"
    r"|директор\w*|президент\w*|посол)\b"
)
_VENUE = re.compile(
    r"\b(?:room|hall|center|centre|building|house|garden|hotel|palace|embassy|library|airport"
    r"|base|theater"
    r"|theatre|auditorium|ballroom|headquarters|stadium|campus|oval office|air force one|via [\w-]+"
    r"|teleconference|south lawn|en route|aboard|residence|chamber|podium|sala|salon|palacio"
    r"|palais|saal"
    r"|hotel|briefing room|school|chancellery|kremlin|parliament|square|arena|gymnasium"
    r"|cathedral|church)\b"
)
_HEADLINE_VERB = re.compile(
    r"\b(?:announc\w+|identif(?:y|ies)|releases|returns|supports|backs|extends|renews"
    r"|launch(?:es|ed)?|hosts?|holds|opens?|issues|welcomes?|names|appoints?"
    r"|publish(?:es|ed)|wins|signs|receives?|awards|unveils?|adopts?|approves?|proposes?|calls"
    r"|declares|nominates|discusses|attends|speaks|addresses"
    r"|travels|thanks|honou?rs|commends|congratulates|praises|vetoes|accepts|rejects|denies"
    r"|designates"
    r"|delivers|departs|arrives|participates|proclaims|recogni[sz]es|salutes|mourns|responds|sues"
    r"|settles|indicts|seizes|arrests|leads|helps|gives|takes|makes|gets|shows|reveals|discovers"
    r"|detects|bans|recalls|requires|imposes|lifts|resumes|reaches|secures|invests|provides|offers"
    r"|strengthens|promotes|raises|lowers|keeps|leaves|elects|swears|telephones|agrees|pledges"
    r"|commits|hails|applauds|regrets|deplores|expresses|reaffirms|affirms|reiterates|stresses"
    r"|underlines|highlights|outlines|halts|stops|rescues|restores|wins|sees|tells|asks|defends"
    r"|telefoniert|empfangt|besucht|begru(?:ss|ß)t|gratuliert|trifft|reist|verurteilt|rencontre"
    r"|condena|recibe|visita|inicia|firma|saluda|lamenta|felicita|viaja"
    r"|condemns?|celebrates?|completes?|expands?|joins?|selects?|invites?|visits?|marks|reports"
    r"|presents?|introduces?|begins?|concludes?|meets|warns|urges|says|sets|will|to|finds?|seeks"
    r"|anuncia|presenta|inaugura|annonce|lance|presente|stellt|startet|veroffentlicht|lancia"
    r"|объявляет|объявил\w*|запускает|открывает)\b"
)
_NO_NAME = re.compile(
    r"\b(?:dialogues?|agreements?|reports?|policy|plans?|programs?|programmes?|standards?"
    r"|initiatives?|strategy|relations|talks|summit|treaty|activities|updates?|results|outlook"
    r"|statements?|remarks|briefing|visit|travel|meeting|schedule|review|week|month|states|united"
    r"|government|situation|conference|development|research|security|crisis|elections?|economy"
    r"|negotiations?|declaration|cooperation|partnership|assistance|budget|deadline|features)\b"
)
_SENT_TO = re.compile(
    r" to (?=the )|(?<=ambassador) to\b|(?<=representative) to\b|(?<=mission) to\b|(?<=envoy) to\b"
)
_SENTENCE = re.compile(r"\b(?:will|has|have|is|are|was|were|today|announce[sd]?|to)\b")


def is_office(words: str) -> bool:
    """A press office or the like: a part of an organisation that sends releases."""
    folded = fold(words.strip(" *:"))
    if _TEAM.match(folded) and len(folded.split()) <= 10 and not words.endswith("."):
        return True
    named = re.sub(
        r"^((?:the )?office of .{4,40}) to (?=the )", r"\1 of ", words, flags=re.IGNORECASE
    )
    if len(folded.split()) > 10 or not (_is_name(named) or _is_short_title(words)):
        return False
    return _OFFICE.match(folded) is not None or (
        len(words) <= 24 and _OFFICE_UNSPACED.search(words) is not None
    )


def is_press_office(words: str) -> bool:
    """Of several offices in a letterhead, the one that speaks."""
    return (
        re.search(r"press|media|spokes|commun|prensa|portav|пресс|الاعلام|新闻", fold(words))
        is not None
    )


def is_nobodys(words: str) -> bool:
    """A press office that every organisation has: its name does not tell whose it is."""
    return _NOBODYS.fullmatch(fold(words.strip(" *:,"))) is not None


def is_organisation(words: str) -> bool:
    """A ministry, company, agency or another body, by the words it begins or ends with."""
    folded = fold(words.strip(" *:,")).replace("u. s. ", "u.s. ")
    if len(folded.split()) > 9 or not (_is_name(words) or _is_short_title(words)):
        return False
    if _ORGANISATION_START.match(folded):
        return True
    # "Remarks at the White House" ends in a house, and is none.
    if _ORGANISATION_END.search(folded) and not re.search(
        r" (?:at|on|with|to|from|by|before) ", folded
    ):
        return True
    return len(words) <= 24 and _ORGANISATION_UNSPACED.search(words) is not None


def is_person(words: str) -> bool:
    """Two to four capitalised words: a name, as far as its shape goes."""
    names = re.sub(r",? (?:Jr|Sr|Ph\.?D|M\.?D|MP|II|III|IV)\.?$", "", words).split()
    if not 2 <= len(names) <= 5 or is_caps(words) or _has_verb(fold(words)):
        return False
    if _NO_NAME.search(fold(words)):
        return False
    if len(names[0]) >= 3 and names[0].isupper():  # NIST Cryptography Activities
        return False
    if fold(names[0]) in _SMALL_WORDS or fold(names[0]) in ("a", "an", "new", "our", "at"):
        return False
    return all(
        re.fullmatch(r"(?:[^\W\d_][\w.'’-]*|“\w+”|\"\w+\")", name) for name in names
    ) and all(
        name[0].isupper()
        or fold(name) in ("de", "del", "van", "von", "der", "al", "bin", "el", "da")
        for name in names
    )


def is_honoured(words: str) -> bool:
    """A name with its honorific ("THE HON ALEXANDER DOWNER MP")."""
    folded = fold(words)
    is_name = len(folded.split()) <= 7 and _HONOURED.match(folded) is not None
    return is_name and not _SENTENCE.search(folded) and not _has_verb(folded)


def is_position(words: str) -> bool:
    """A person's post ("Secretary of State", "Deputy Spokesperson, Office of the …")."""
    folded = fold(words)
    is_short = len(folded.split()) <= 12 and not words.endswith((".", "?", "!"))
    if not is_short or _SENTENCE.search(folded) or _has_verb(folded):
        return False
    return _POSITION.search(folded) is not None


def _has_verb(folded: str) -> bool:
    """Whether it says something, as headlines do; an ambassador to a country does not."""
    if re.search(r"\bof [^']+'s ", folded) or (
        "'s " in folded and " of " not in folded
    ):  # Minister Reed's Call with the Governor
        return True
    return _HEADLINE_VERB.search(_SENT_TO.sub(" at ", folded)) is not None


def is_venue(words: str) -> bool:
    """A room or building where something was said."""
    folded = fold(words)
    is_named = len(folded.split()) <= 9 and _VENUE.search(folded) is not None
    return is_named and not _has_verb(folded)


def _is_short_title(words: str) -> bool:
    """A name in a language that writes its nouns small ("Service de presse")."""
    is_sentence = words.endswith((".", "?", "!", ";", ":"))
    if not words[0].isupper() or is_sentence or len(words.split()) > 9:
        return False
    folded = fold(words)
    count = len(words.split())
    return (count <= 5 and _FOREIGN.match(folded) is not None) or (
        count <= 9 and folded.startswith(("ministere d", "ministerio d", "ministero d"))
    )


def _is_name(words: str) -> bool:
    """Every word that carries meaning is capitalised, none is a headline's verb."""
    if words.endswith(("?", "!", ";", ":")) or _has_verb(fold(words)):
        return False
    return all(
        word[0].isupper() or not word[0].islower() or fold(word.strip(".,()")) in _SMALL_WORDS
        for word in words.split()
    )
