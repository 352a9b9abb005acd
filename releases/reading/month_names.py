"""Names of months and weekdays in the languages press offices write, folded (no accents, no case).

Twelve groups a language, January first; forms of one month are parted by "/". Seven for the
weekdays, Monday first. A name that two languages give to different months (Croatian and Polish
"listopada") is left out where it would be read wrongly.
"""

from releases.reading.lines import fold

_MONTHS = """
january/jan february/feb march/mar april/apr may june/jun july/jul august/aug september/sep/sept
october/oct november/nov december/dec
enero/ene febrero marzo abril/abr mayo junio julio agosto/ago septiembre/setiembre octubre
noviembre diciembre/dic
janvier/janv fevrier/fevr/fev mars avril/avr mai juin juillet/juil aout septembre octobre
novembre decembre
januar/janner/jaenner februar/feber marz/maerz april mai juni juli august september oktober/okt
november dezember/dez
gennaio/genn/gen febbraio/febb marzo aprile maggio/magg giugno luglio/lug agosto settembre/sett/set
ottobre/ott novembre dicembre
janeiro fevereiro marco abril maio junho julho agosto setembro outubro/out novembro dezembro
gener febrer març abril maig juny juliol agost setembre octubre novembre desembre
januari februari maart/mrt april mei juni juli augustus september oktober november december
januari februari mars april maj juni juli augusti september oktober november december
januar februar marts april maj juni juli august september oktober november desember/des
tammikuuta/tammikuu helmikuuta/helmikuu maaliskuuta/maaliskuu huhtikuuta/huhtikuu
toukokuuta/toukokuu kesakuuta/kesakuu heinakuuta/heinakuu elokuuta/elokuu syyskuuta/syyskuu
lokakuuta/lokakuu marraskuuta/marraskuu joulukuuta/joulukuu
января/январь/янв февраля/февраль/февр/фев марта/март апреля/апрель/апр мая/май июня/июнь
июля/июль августа/август/авг сентября/сентябрь/сент/сен октября/октябрь/окт ноября/ноябрь/нояб
декабря/декабрь/дек
січня/січень лютого/лютий березня/березень квітня/квітень травня/травень червня/червень
липня/липень серпня/серпень вересня/вересень жовтня/жовтень листопада/листопад грудня/грудень
януари февруари марта/март април май юни юли август септември октомври ноември декември
stycznia/styczen lutego/luty marca/marzec kwietnia/kwiecien maja/maj czerwca/czerwiec
lipca/lipiec sierpnia/sierpien wrzesnia/wrzesien pazdziernika/pazdziernik listopada/listopad
grudnia/grudzien
ledna/leden unora/unor brezna/brezen dubna/duben kvetna/kveten cervna/cerven cervence/cervenec
srpna/srpen zari rijna/rijen listopadu prosince/prosinec
januara februara marca aprila maja juna jula avgusta/augusta septembra oktobra novembra decembra
ocak subat mart nisan mayıs/mayis haziran temmuz agustos eylul ekim kasım/kasim aralık/aralik
ιανουαριου φεβρουαριου μαρτιου απριλιου μαιου ιουνιου ιουλιου αυγουστου σεπτεμβριου
οκτωβριου νοεμβριου δεκεμβριου
ianuarie februarie martie aprilie mai iunie iulie august septembrie octombrie noiembrie decembrie
januar februar marcius aprilis majus junius julius augusztus szeptember oktober november december
januari februari maret april mei juni juli agustus september oktober november desember
ינואר/בינואר פברואר/בפברואר מרץ/במרץ/מרס אפריל/באפריל מאי/במאי יוני/ביוני יולי/ביולי
אוגוסט/באוגוסט ספטמבר/בספטמבר אוקטובר/באוקטובר נובמבר/בנובמבר דצמבר/בדצמבר
يناير/كانون_الثاني/جانفي فبراير/شباط/فيفري مارس/آذار/اذار أبريل/ابريل/إبريل/نيسان/أفريل
مايو/أيار/ايار/ماي يونيو/يونيه/حزيران/جوان يوليو/يوليه/تموز/جويلية/يوليوز
أغسطس/اغسطس/آب/أوت/غشت سبتمبر/أيلول/ايلول/شتنبر أكتوبر/اكتوبر/تشرين_الأول/تشرين_الاول
نوفمبر/تشرين_الثاني/نونبر ديسمبر/كانون_الأول/كانون_الاول/دجنبر
ژانویه فوریه مارس آوریل مه ژوئن ژوئیه اوت سپتامبر اکتبر نوامبر دسامبر
जनवरी फरवरी मार्च अप्रैल मई जून जुलाई अगस्त सितंबर/सितम्बर अक्टूबर/अक्तूबर नवंबर/नवम्बर
दिसंबर/दिसम्बर
มกราคม กุมภาพันธ์ มีนาคม เมษายน พฤษภาคม มิถุนายน กรกฎาคม สิงหาคม กันยายน ตุลาคม พฤศจิกายน ธันวาคม
"""

_WEEKDAYS = """
monday/mon tuesday/tue/tues wednesday/wed thursday/thu/thur/thurs friday/fri saturday/sat sunday/sun
lunes martes miercoles jueves viernes sabado domingo
lundi mardi mercredi jeudi vendredi samedi dimanche
montag dienstag mittwoch donnerstag freitag samstag/sonnabend sonntag
lunedi martedi mercoledi giovedi venerdi sabato domenica
segunda-feira terca-feira quarta-feira quinta-feira sexta-feira sabado domingo
maandag dinsdag woensdag donderdag vrijdag zaterdag zondag
mandag/mandagen tirsdag onsdag torsdag fredag lordag sondag
mandag tisdag onsdag torsdag fredag lordag sondag
maanantai/maanantaina tiistai/tiistaina keskiviikko/keskiviikkona torstai/torstaina
perjantai/perjantaina lauantai/lauantaina sunnuntai/sunnuntaina
понедельник вторник среда/среду четверг пятница/пятницу суббота/субботу воскресенье
понеділок вівторок середа/середу четвер п'ятниця/п'ятницю субота/суботу неділя/неділю
poniedzialek wtorek sroda czwartek piatek sobota niedziela
pondeli utery streda ctvrtek patek sobota nedele
pazartesi sali/salı carsamba persembe cuma cumartesi pazar
luni marti miercuri joi vineri sambata duminica
الاثنين/الإثنين الثلاثاء الأربعاء/الاربعاء الخميس الجمعة السبت الأحد/الاحد
星期一/周一/週一/月曜日 星期二/周二/週二/火曜日 星期三/周三/週三/水曜日 星期四/周四/週四/木曜日
星期五/周五/週五/金曜日 星期六/周六/週六/土曜日 星期日/星期天/周日/週日/日曜日
월요일 화요일 수요일 목요일 금요일 토요일 일요일
"""


def _numbers(table: str, per_language: int) -> dict[str, int]:
    found: dict[str, int] = {}
    for position, forms in enumerate(table.split()):
        for form in forms.split("/"):
            found.setdefault(fold(form.replace("_", " ")), position % per_language)
    return found


MONTHS = {name: number + 1 for name, number in _numbers(_MONTHS, 12).items()}
"""Folded name → 1…12."""
WEEKDAYS = _numbers(_WEEKDAYS, 7)
"""Folded name → 0 (Monday) … 6, as `date.weekday()`."""
