"""The names of kinds in the languages press offices write, folded, and titles that say them."""

from releases.content import Kind

PHRASES = {
    Kind.PRESS_RELEASE: """
        press release|news release|contract announcement|contract award|news story|сообщение для сми
        |media release|press notice|press communique|news|press-release
        |for the press|information for the press|press information|press announcement
        |nota de prensa|comunicado de prensa|nota informativa|boletin de prensa
        |gacetilla de prensa
        |communique de presse|information a la presse|communique aux medias|communique
        |pressemitteilung|presseinformation|medienmitteilung|presseaussendung|pressemeldung
        |medieninformation|comunicato stampa|nota stampa|nota a imprensa|comunicado de imprensa
        |comunicado a imprensa|пресс-релиз|прессрелиз|пресс релиз|информационное сообщение
        |прес-реліз|пресрелиз|пресреліз|прессъобщение|saopstenje za javnost|priopcenje za javnost
        |بيان صحفي|بيان صحافي|خبر صحفي|بلاغ صحفي|بلاغ صحافي|新闻稿|新聞稿|新闻公报|新聞公報|新闻发布
        |プレスリリース|報道発表|報道資料|ニュースリリース|보도자료|persbericht|pressmeddelande|pressemelding
        |pressemeddelelse|lehdistotiedote|tiedote|tiskova zprava|tlacova sprava|informacja prasowa
        |komunikat prasowy|basin bulteni|basın bulteni|basın aciklaması|δελτιο τυπου
        |הודעה לעיתונות
        |siaran pers|siaran media|kenyataan media|comunicat de presa|comunicat de premsa
        |sajtokozlemeny|thong cao bao chi|प्रेस विज्ञप्ति|اطلاعیه مطبوعاتی|پریس ریلیز""",
    Kind.MEDIA_NOTE: "media note|note to the media|nota para los medios|note aux medias",
    Kind.PRESS_STATEMENT: """
        press statement|media statement|official statement|statement|joint statement
        |joint declaration
        |joint press statement|joint media statement|statement to the press|communique conjoint
        |joint communique|declaration|declaration commune|declaration conjointe
        |declaration a la presse
        |comunicado conjunto|declaracion|declaracion conjunta|declaracion de prensa
        |declaracion oficial
        |erklarung|gemeinsame erklarung|presseerklarung|pressestatement|presse-statement
        |stellungnahme
        |dichiarazione|dichiarazione congiunta|declaracao|declaracao conjunta|nota oficial
        |comunicado
        |заявление|совместное заявление|заявление для прессы|заявление для печати|заява
        |спільна заява|بيان|بيان مشترك|تصريح صحفي|تصريح صحافي|声明|聲明|联合声明|聯合聲明
        |联合公报|共同声明|성명|공동성명|verklaring|gezamenlijke verklaring|uttalande|lausunto
        |oswiadczenie|prohlaseni|aciklama|ortak bildiri|pernyataan|pernyataan pers
        |spokesperson statement""",
    Kind.REMARKS: """
        remarks|speech|address|weekly address|opening remarks|closing remarks|prepared remarks
        |remarks as prepared|keynote|keynote address|keynote speech|testimony|toast
        |remarks to the press
        |declaraciones|observaciones|comentarios|discurso|palabras|intervencion|alocucion|discours|allocution|rede|ansprache|grusswort
        |festrede
        |discorso|intervento|pronunciamento|речь|выступление|обращение|виступ|كلمة|خطاب
        |讲话|講話|致辞|致辭|演讲|演講|演説|発言|연설
        |toespraak|speech text|tal|puhe|przemowienie|konusma""",
    Kind.TRANSCRIPT: """
        transcript|press briefing|daily press briefing|briefing|special briefing
        |background briefing
        |press conference|joint press conference|press availability|joint press availability
        |interview
        |on-the-record briefing|on-the-record press call|press gaggle|gaggle|media availability
        |joint press conference transcript|teleconference|rush transcript|news conference
        |transcripcion|rueda de prensa|conferencia de prensa|entrevista|transcription
        |conference de presse|conference de presse conjointe|entretien|point de presse|mitschrift
        |wortprotokoll|pressekonferenz|regierungspressekonferenz|trascrizione|conferenza stampa
        |intervista|transcricao|coletiva de imprensa|conferencia de imprensa|стенограмма|брифинг
        |пресс-конференция|интервью|مؤتمر صحفي|مؤتمر صحافي|إحاطة صحفية|نص المؤتمر الصحفي
        |文字实录|实录|例行记者会|记者会|記者会|記者会見|答记者问|기자회견|persconferentie""",
    Kind.READOUT: """
        readout|read-out|read out|call readout|meeting readout|readout of call|lectura
        |compte rendu|compte-rendu|通话|resumen de la llamada|会谈概要""",
    Kind.FACT_SHEET: """
        fact sheet|factsheet|backgrounder|background|background note|fact file|factbox|q&a|faq
        |questions and answers|hoja informativa|hoja de datos|ficha informativa|ficha tecnica
        |fiche d'information|fiche d'info|document d'information|fiche technique|faktenblatt
        |hintergrundinformation|hintergrundpapier|scheda informativa|scheda tecnica
        |folha informativa
        |справка|информационная справка|довідка|صحيفة وقائع|صحيفة حقائق|情况说明|情况介绍|概况介绍
        |背景资料|ファクトシート|factbook|informatieblad|faktablad|tietolehti""",
    Kind.NOTICE_TO_THE_PRESS: """
        notice to the press|notice to press|notice to media|notice to the media|notice to editors
        |note to correspondents|notice to correspondents|press guidance|notice to the press corps
        |aviso a la prensa|avis a la presse|hinweis an die presse|avviso alla stampa
        |aviso a imprensa|к сведению сми|к сведению прессы|к сведению журналистов
        |إشعار للصحافة|إخطار للصحافة|تنبيه للصحافة|致新闻界通知|新闻界通知""",
    Kind.MEDIA_ADVISORY: """
        media advisory|note to editors|press advisory|news advisory|media alert|press alert|advisory
        |press invitation
        |media invitation|media notice|photo opportunity|media opportunity|event advisory
        |save the date
        |media call|invitation to the media|invitation to the press|operational note|daybook
        |aviso a los medios|aviso a medios|aviso de prensa|convocatoria|convocatoria de prensa
        |convocatoria a medios|convocatoria a los medios|invitacion a la prensa|alerta de prensa
        |avis aux medias|avis aux redactions|invitation presse|invitation a la presse
        |invitation aux medias
        |note aux redactions|alerte medias|presseeinladung|medieneinladung|einladung an die presse
        |einladung an die medien|terminhinweis|pressetermin|presse-einladung|terminankundigung
        |invito stampa|invito alla stampa|avviso stampa|aviso de pauta|convite a imprensa
        |анонс|приглашение для сми|приглашение для прессы|анонс для сми|медиа-анонс
        |دعوة صحفية|دعوة لوسائل الإعلام|دعوة إعلامية|تنويه صحفي|تنويه إعلامي
        |采访邀请|采访通知|媒体邀请
        |媒體邀請|採訪通知|取材案内|취재요청|persuitnodiging|uitnodiging voor de pers|pressinbjudan
        |kutsu medialle|mediakutsu|zaproszenie dla mediow|zaproszenie prasowe|pozvanka pro media
        |basin daveti|undangan media|undangan liputan""",
    Kind.OTHER: """
        public schedule|daily public schedule|daily schedule|week ahead|proclamation
        |executive order
        |presidential memorandum|letter|message|open letter|nomination|announcement|op-ed
        |taken question
        |question taken|taken questions|daily appointments schedule|week at a glance|erratum
        |correction
        |a proclamation|by the president of the united states of america a proclamation
        |an executive order|memo|daily guidance|daily guidance and press schedule|agenda
        |agenda de la semana|report""",
}
SERIES = {
    *("press releases", "news releases", "media releases", "media notes", "press statements"),
    *("statements", "statements and releases", "fact sheets", "readouts", "transcripts"),
    *("speeches", "speeches and remarks", "speeches & remarks", "notices to the press"),
    *("media advisories", "press briefings", "daily press briefings", "briefings & statements"),
    *("special briefings", "news and events", "news & events", "latest news", "newsroom"),
    *("communiques de presse", "comunicados de prensa", "notas de prensa", "pressemitteilungen"),
    *("executive orders", "presidential actions", "proclamations", "presidential memoranda"),
    *("comunicati stampa", "пресс-релизы", "بيانات صحفية", "joint statements", "press room"),
}
# A title that says its own kind. The first that fits; folded text.
IN_TITLE = (
    (
        Kind.READOUT,
        r"\bread-?out (?:of|from|on|by)\b|^(?:call )?read-?out\b|\bread-?out$",
    ),
    (
        Kind.FACT_SHEET,
        r"^questions and answers\b|^faq\b|^fragen und antworten|^questions et reponses"
        r"|^preguntas y respuestas|^fact ?sheet\b|\bfact ?sheet$"
        r"|\bbackgrounder\b|^faktenblatt|^hoja informativa",
    ),
    (
        Kind.MEDIA_ADVISORY,
        r"^(?:media|press|news) (?:advisory|alert|invitation)\b|^advisory\b|\bmedia advisory$",
    ),
    (
        Kind.NOTICE_TO_THE_PRESS,
        r"^notice to the press\b|^note to correspondents\b",
    ),
    (
        Kind.TRANSCRIPT,
        r"^(?:\w+ )?transcript\b|\btranscript (?:of|from)\b|\btranscript$|\b(?:press"
        r"|news) (?:briefing|conference|gaggle|availability|call)\b|\bpress gaggle\b"
        r"|^(?:daily |special |background )?(?:press )?briefing\b|\binterview (?:of|with|by)\b"
        r"|^joint press availability|conferencia de prensa|rueda de prensa"
        r"|conference de presse|^пресс-конференция|^стенограмма|^брифинг"
        r"|例行记者会|答记者问|記者会見",
    ),
    (
        Kind.REMARKS,
        r"^(?:\w+ ){0,3}remarks\b|\bremarks (?:of|by|at|on|to|with|as|from|following|before"
        r"|after|in|during)\b|\bremarks$|^(?:the )?(?:weekly|radio|inaugural|keynote"
        r"|farewell)(?: radio)? address\b|\b(?:radio|weekly) address\b|\baddress by\b|^speech\b"
        r"|\bspeech (?:by|of|to|at)\b"
        r"|^declaraciones (?:de|del) |^toast|^rede (?:von|des|der|zu|zum|bei)\b|^discours (?:de"
        r"|du|prononce)\b"
        r"|^allocution\b|^discurso (?:de|del|en|ante)\b|^palabras\b|^intervencion (?:de|del)\b"
        r"|^discorso\b|^intervento (?:di|del)\b|^выступление|^речь |^слово |^讲话|(?:讲话|致辞|演讲"
        r"|演説)$|^كلمة ",
    ),
    (
        Kind.PRESS_STATEMENT,
        r"^(?:\w+ ){0,2}(?:joint |press |media )?statements? (?:by|from|of|on|at|before"
        r"|regarding|to"
        r"|following|attributable|concerning|for|in|about)\b|^(?:joint"
        r"|press) (?:press )?(?:statement|declaration|communique)\b|\bstatement (?:by|on|from"
        r"|regarding|attributable)\b|\bjoint (?:statement|communique|declaration)\b"
        r"|\bstatement$|^comunicado conjunto|^declaracion (?:conjunta|de|del|sobre|respecto"
        r"|con respecto|a la|en|ante|tras|por)\b"
        r"|^declaration (?:conjointe|commune|de|du|sur|of|on)\b|^communique conjoint"
        r"|^gemeinsame erklarung|^erklarung (?:von|des|der|zu|zum|zur)\b|^stellungnahme\b"
        r"|^dichiarazione (?:di|del|congiunta)|^declaracao|^nota (?:conjunta|oficial)"
        r"|^заявление|^совместное заявление|^заява|^بيان |^声明|(?:声明|聯合聲明)$",
    ),
    (
        Kind.OTHER,
        r"^(?:daily )?public schedule\b|^week ahead\b|^question taken\b|^taken question"
        r"|^proclamation\b|\ba proclamation$|^nominations? (?:and withdrawals? )?sent to\b"
        r"|^executive order\b|\bpool report\b|^daily (?:guidance|schedule|(?:public "
        r"|appointments? )schedule)|\bpress schedule\b"
        r"|^(?:text of a )?(?:letter|message|memorandum|memoranda) (?:from|to|for|of)\b"
        r"|^presidential (?:message|memorandum|determination)\b",
    ),
)
