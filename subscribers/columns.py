"""What columns of a table are called: in our own export, in those of others, and by people.

Names are compared folded: in lower case, without accents, blanks and punctuation, so that
`E-mail`, `E_MAIL` and `e mail` are one name. Among synonyms the first in order counts.
"""

from collections.abc import Mapping
from typing import Final

COLUMNS: Final = ("email", "name", "language", "format", "outlet")
"""What a subscriber's row holds, and an export begins with."""

FREQUENCY: Final = "frequency"
STATE: Final = "state"
CONSENT_SOURCE: Final = "consent-source"
CONSENT_DATE: Final = "consent-date"
AGREED: Final = "agreed"
"""Whether they agreed to get mail: whoever has a no there is not mailed."""
CONFIRMED: Final = "confirmed"
"""Whether they confirmed that it was they: whoever has a no there does not begin by an import."""
OPTED_OUT: Final = "opted-out"
"""Whether they want no mail: whoever has anything but a no there is not mailed."""
MAPPABLE: Final = (
    *(*COLUMNS, FREQUENCY, STATE, CONSENT_SOURCE, CONSENT_DATE),
    *(AGREED, CONFIRMED, OPTED_OUT),
)
"""What `--map` can name."""

GONE_AT: Final = "gone-at"
"""When somebody unsubscribed or bounced for good: whoever has a cell there is not mailed."""
ATTRIBUTES: Final = "attributes"
"""An object in JSON, whose members count where there is no column for them (listmonk)."""

SYNONYMS: Final[Mapping[str, tuple[str, ...]]] = {
    "email": (
        "emailaddress",
        "mail",
        "mailaddress",
        "destination",  # GovDelivery
        "courriel",
        "adressecourriel",
        "adresseemail",
        "adressemail",
        "emailadresse",
        "mailadresse",
        "correo",
        "correoelectronico",
        "direcciondecorreoelectronico",
        "indirizzoemail",
        "endereçodeemail",
        "электроннаяпочта",
        "адресэлектроннойпочты",
        "почта",
        "البريدالإلكتروني",
        "邮箱",
        "电子邮件",
        "电子邮箱",
        "邮件地址",
    ),
    "name": (
        "fullname",
        "contactname",
        "displayname",
        "subscribername",
        "nomcomplet",
        "nombrecompleto",
        "nombre",
        "nom",
        "имя",
        "фио",
        "الاسم",
        "姓名",
    ),
    "language": (
        "lang",
        "preferredlanguage",
        "locale",
        "langue",
        "sprache",
        "idioma",
        "lingua",
        "язык",
        "اللغة",
        "语言",
    ),
    "format": ("mailformat", "emailformat", "emailtype"),
    "outlet": (
        "mediaoutlet",
        "organisation",
        "organization",
        "publication",
        "media",
        "company",
        "companyname",
        "employer",
        "medio",
        "redaktion",
        "издание",
        "сми",
        "المؤسسة",
        "媒体",
    ),
    FREQUENCY: (
        "digestfor",
        "digest",
        "deliveryfrequency",
        "deliverypreference",
        "emailfrequency",
        "fréquence",
        "frecuencia",
        "häufigkeit",
        "частота",
        "频率",
    ),
    STATE: (
        "status",
        "memberstatus",
        "subscriberstatus",
        "subscriptionstatus",
        "emailstatus",
        "contactstatus",
    ),
    CONSENT_SOURCE: (
        "consent",
        "origin",  # GovDelivery
        "signupsource",
        "optinsource",
        "subscriptionsource",
        "source",
    ),
    CONSENT_DATE: (
        "dateofconsent",
        "confirmtime",  # Mailchimp
        "optintime",
        "consenttimestamp",
        "confirmedat",
        "optindate",
        "subscriptiondate",  # GovDelivery
        "subscriptioncreated",
        "subscribedat",
        "dateadded",
        "datejoined",
        "signupdate",
        "createdat",  # listmonk
        "datecreated",
    ),
    GONE_AT: (
        "unsubtime",  # Mailchimp: its files of those who left, and of what bounced
        "cleantime",
        "unsubscribedat",
        "unsubscribedate",
        "dateunsubscribed",
        "optouttime",
        "bouncedat",
    ),
    AGREED: (
        "consent",  # where it is stated that another column says of the source
        "consentgiven",
        "hasconsent",
        "consentstatus",
        "emailconsent",
        "gdprconsent",
        "marketingconsent",
        "optin",
        "optedin",
        "optinstatus",
        "emailoptin",
        "marketingoptin",
        "newsletteroptin",
        "acceptsmarketing",  # Shopify
        "acceptsemailmarketing",
        "subscribed",
        "issubscribed",
        "einwilligung",
        "consentement",
        "consentimiento",
        "согласие",
        "الموافقة",
        "同意",
    ),
    CONFIRMED: (
        "isconfirmed",
        "emailconfirmed",
        "optinconfirmed",
        "confirmation",
        "confirmationstatus",
        "doubleoptin",
        "verified",
        "emailverified",
        "bestätigt",
        "confirmé",
        "confirmado",
        "подтверждено",
        "已确认",
    ),
    OPTED_OUT: (
        "optout",
        "emailoptout",
        "emailoptedout",
        "hasoptedoutofemail",  # Salesforce
        "unsubscribed",
        "isunsubscribed",
        "donotemail",
        "donotcontact",
    ),
    ATTRIBUTES: ("attribs",),
}
FIRST_NAMES: Final = ("firstname", "fname", "givenname", "forename", "prénom", "vorname")
LAST_NAMES: Final = ("lastname", "lname", "surname", "familyname", "nachname", "apellidos")
EXPORTED_TOO: Final = frozenset({"lists", "since"})
"""What our own export has besides: nobody wonders that an import does not read it."""
