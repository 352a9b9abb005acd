"""Places, by name where they are known and by shape where the line says that one comes."""

import re

from releases.reading.lines import fold

_REGIONS = """
ala alaska alabama ariz arizona ark arkansas calif california colo colorado conn connecticut del
delaware fla florida ga georgia hawaii idaho ill illinois ind indiana iowa kan kansas ky kentucky
la louisiana maine md maryland mass massachusetts mich michigan minn minnesota miss mississippi mo
missouri mont montana neb nebraska nev nevada n.h new_hampshire n.j new_jersey n.m new_mexico n.y
new_york n.c north_carolina n.d north_dakota ohio okla oklahoma ore oregon pa pennsylvania r.i
rhode_island s.c south_carolina s.d south_dakota tenn tennessee texas tex utah vt vermont va
virginia wash washington w.va west_virginia wis wisconsin wyo wyoming d.c dc
al ak az ar ca co ct de fl ga hi id il in ia ks ky la me md ma mi mn ms mo mt ne nv nh nj nm ny nc
nd oh ok or pa ri sc sd tn tx ut vt va wa wv wi wy pr
ontario ont quebec que qc on alberta alta ab manitoba man mb saskatchewan sask sk nova_scotia n.s
british_columbia b.c bc new_brunswick nb newfoundland yukon nunavut uk u.k england scotland wales
northern_ireland usa u.s.a u.s united_states estados_unidos united_kingdom royaume-uni
reino_unido uae united_arab_emirates
afghanistan albania algeria andorra angola argentina armenia australia austria azerbaijan bahamas
bahrain bangladesh barbados belarus belgium belize benin bhutan bolivia bosnia_and_herzegovina
botswana brazil brunei bulgaria burkina_faso burma burundi cambodia cameroon canada chad chile
china colombia comoros congo costa_rica cote_d'ivoire croatia cuba cyprus czech_republic czechia
denmark djibouti dominica dominican_republic ecuador egypt el_salvador eritrea estonia eswatini
ethiopia fiji finland france gabon gambia germany ghana greece grenada guatemala guinea guyana
haiti honduras hungary iceland india indonesia iran iraq ireland israel italy jamaica japan jordan
kazakhstan kenya kosovo kuwait kyrgyzstan laos latvia lebanon lesotho liberia libya liechtenstein
lithuania luxembourg madagascar malawi malaysia maldives mali malta mauritania mauritius mexico
moldova monaco mongolia montenegro morocco mozambique myanmar namibia nepal netherlands
the_netherlands new_zealand nicaragua niger nigeria north_macedonia norway oman pakistan palau
panama puerto_rico papua_new_guinea paraguay peru philippines the_philippines poland
portugal qatar romania
russia rwanda samoa saudi_arabia senegal serbia seychelles sierra_leone singapore slovakia slovenia
somalia south_africa south_korea republic_of_korea south_sudan spain sri_lanka sudan suriname
sweden switzerland syria taiwan tajikistan tanzania thailand timor-leste togo tonga
trinidad_and_tobago tunisia turkey turkiye turkmenistan uganda ukraine uruguay uzbekistan vanuatu
venezuela vietnam yemen zambia zimbabwe
allemagne deutschland alemania germania espagne espana spanien spagna italie italia italien
suisse schweiz suiza svizzera belgique belgien belgica osterreich autriche frankreich francia
bresil brasil brasile mexique mexiko perou peru maroc tunisie algerie senegal japon japan chine
россия украина беларусь казахстан республика украіна 日本 中国
"""
_CITIES = """
washington new_york boston chicago philadelphia houston dallas austin atlanta miami denver phoenix
los_angeles san_francisco san_diego san_jose seattle portland detroit cleveland pittsburgh
baltimore minneapolis st._louis salt_lake_city las_vegas honolulu sacramento cupertino palo_alto
redmond ottawa toronto montreal vancouver calgary mexico_city ciudad_de_mexico guatemala_city
san_salvador tegucigalpa managua panama_city havana la_habana port-au-prince puerto_principe
santo_domingo san_juan kingston port_of_spain bogota caracas quito lima la_paz santiago asuncion
montevideo buenos_aires brasilia sao_paulo rio_de_janeiro london londres edinburgh glasgow cardiff
belfast manchester birmingham dublin paris lyon marseille strasbourg strassburg brussels bruxelles
brussel bruselas antwerp luxembourg luxemburg the_hague den_haag la_haye amsterdam rotterdam berlin
bonn munich munchen hamburg frankfurt frankfurt_am_main koln cologne stuttgart dusseldorf leipzig
dresden vienna wien bern berne geneva geneve genf ginebra zurich basel lausanne davos rome roma
milan milano turin torino napoli naples vatican_city madrid barcelona sevilla valencia bilbao
lisbon lisboa porto athens thessaloniki nicosia valletta copenhagen kobenhavn stockholm goteborg
gothenburg malmo oslo bergen helsinki espoo reykjavik tallinn riga vilnius warsaw warszawa krakow
prague praha brno bratislava budapest ljubljana zagreb sarajevo belgrade beograd podgorica
pristina skopje tirana sofia bucharest bucuresti chisinau kyiv kiev minsk moscow st._petersburg
saint_petersburg tbilisi yerevan baku istanbul ankara izmir jerusalem tel_aviv ramallah beirut
beyrouth damascus amman baghdad tehran riyadh jeddah kuwait kuwait_city manama doha dubai
abu_dhabi muscat sanaa cairo alexandria tripoli tunis algiers alger rabat casablanca nouakchott
dakar bamako conakry freetown monrovia abidjan accra lome cotonou lagos abuja niamey ouagadougou
n'djamena yaounde libreville kinshasa luanda addis_ababa asmara djibouti mogadishu nairobi kampala
kigali dar_es_salaam dodoma lusaka harare lilongwe maputo windhoek gaborone pretoria johannesburg
cape_town antananarivo kabul islamabad karachi lahore new_delhi delhi mumbai bengaluru bangalore
chennai kolkata hyderabad dhaka colombo kathmandu thimphu male tashkent astana almaty bishkek
dushanbe ashgabat ulaanbaatar beijing shanghai guangzhou shenzhen hong_kong macau taipei tokyo
osaka kyoto seoul busan pyongyang hanoi ho_chi_minh_city phnom_penh vientiane bangkok yangon
naypyitaw kuala_lumpur singapore jakarta manila dili canberra sydney melbourne brisbane perth
adelaide hobart wellington auckland christchurch suva port_moresby honiara apia
москва санкт-петербург киев минск астана київ казань новосибирск екатеринбург софия београд
القاهرة الرياض الدوحة أبوظبي دبي عمان بيروت بغداد دمشق الرباط تونس الجزائر طرابلس الخرطوم المنامة
الكويت مسقط صنعاء القدس  رام_الله نيويورك جنيف واشنطن لندن باريس بروكسل  أبو_ظبي جدة
北京 上海 广州 深圳 天津 重庆 武汉 成都
香港 澳门 台北 臺北 东京 東京 大阪 京都 纽约 日内瓦 서울 부산 세종
ירושלים תל אביב αθηνα
"""


def _names(table: str) -> frozenset[str]:
    return frozenset(fold(name.replace("_", " ")).rstrip(".") for name in table.split())


REGIONS = _names(_REGIONS)
"""States, provinces and countries, folded: what follows the comma after a town."""
CITIES = _names(_CITIES)
"""Towns that press offices write from, folded."""
_PART = r"[^\W\d_][\w.'’ -]{0,40}"
_SHAPE = re.compile(rf"^{_PART}(?:(?:,|/| /| –| -) ?{_PART}){{0,3}}$")
_POSTCODE = re.compile(r"[ ,]+(?:[A-Z]{1,2}-)?\d{4,6}$")


def is_place(words: str) -> bool:
    """A place known by name, or a town with a state or country after it."""
    words = bare_place(words.strip(" .()"))
    if len(words) > 70 or not words or words[0].islower():
        return False
    if re.match(r"(?:by|from|for|to|with|statement|remarks)\b", words, re.IGNORECASE):
        return False
    parts = [fold(part).strip(" .") for part in re.split(r"[,，/;]| and | & | [–-] ", words)]
    parts = [part for part in parts if part]
    if not parts or not has_place_shape(words):
        return False
    if all(part in CITIES for part in parts):
        return True
    town, comma, region = words.rpartition(",") if "," in words else words.rpartition("，")
    is_named = bool(comma) and fold(region).strip(" .") in REGIONS and bool(town.strip())
    return is_named and all(len(part) < 40 for part in parts)


def bare_place(words: str) -> str:
    """The place without the postal code of its address, or the "г." before a Russian town."""
    return _POSTCODE.sub("", words).removeprefix("г. ").removeprefix("м. ")


def has_place_shape(words: str) -> bool:
    """A few capitalised words, as a dateline begins; what they name is not known."""
    if len(words) > 70 or not _SHAPE.match(words):
        return False
    tokens = [token for token in re.split(r"[\s,/]+", words) if token]
    small = (
        "of",
        "de",
        "la",
        "le",
        "les",
        "el",
        "and",
        "am",
        "sur",
        "del",
        "dei",
        "der",
        "an",
        "des",
        "upon",
        "y",
        "the",
        "d",
        "i",
    )
    return len(tokens) <= 8 and all(
        not token[0].islower() or fold(token) in small for token in tokens
    )
