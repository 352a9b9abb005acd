"""Releases to render: every kind of block, several languages, and facts of an installation."""

import datetime as dt
from zoneinfo import ZoneInfo

from mail.addresses import parse_mailbox
from releases.content import (
    Break,
    Content,
    Heading,
    Kind,
    Lines,
    Listing,
    Paragraph,
    Quotation,
    Run,
    Table,
)
from releases.rendering import Lead, Rendered, Sending, render

DATE = dt.datetime(2026, 6, 25, 14, 30, tzinfo=dt.UTC)
SENDING = Sending(
    from_=parse_mailbox("Harbour Authority <press@harbour.example.org>"),
    base_url="https://news.harbour.example.org",
    list_domain="harbour.example.org",
    bounce_domain=None,
    postal_address="Harbour Authority, 4 Quay Street, Port Ellis 20520",
    timezone=ZoneInfo("America/New_York"),
)
PUBLIC = Lead("press", "Press releases")
PRIVATE = Lead("accredited", "Accredited press", is_private=True)


def text(words: str) -> tuple[Run, ...]:
    """Words without any style."""
    return (Run(words),)


NOTE = Content(
    title="Northern harbour opens to night ferries after two years of works",
    subtitle="First crossing leaves at 21:40 on Friday; fares stay as they are",
    kind=Kind.MEDIA_NOTE,
    office="Office of the Harbour Master",
    place="Port Ellis",
    date=dt.date(2026, 6, 25),
    language="en",
    body=(
        Paragraph(
            (
                Run("The northern harbour will take night ferries again from Friday, "),
                Run("two months early", is_strong=True),
                Run(". The quay was raised by 90 centimetres and its lights were replaced; "),
                Run("the full report", href="https://harbour.example.org/reports/2026/northern"),
                Run(" lists what was done and what it cost."),
            )
        ),
        Paragraph(
            text(
                "“We have kept our word,” the harbour master said. “The town sleeps, "
                "and the ships come in.”"
            )
        ),
        Quotation(
            (
                Paragraph(
                    text(
                        "Every crossing is one lorry less on the coast road. We expect "
                        "forty thousand fewer of them in the first year."
                    )
                ),
            )
        ),
        Heading(text("What changes on Friday")),
        Listing(
            (
                text("Ferries leave at 21:40 and 23:15."),
                text("The ticket hall stays open until the last ship has left."),
                (
                    Run("Residents get "),
                    Run("quiet windows", is_emphasised=True),
                    Run(" at no charge; forms are at the town hall."),
                ),
            )
        ),
        Table(
            (text("Line"), text("Leaves"), text("Arrives")),
            (
                (text("N1 to Skarv"), text("21:40"), text("01:10")),
                (text("N2 to Holm"), text("23:15"), text("04:55")),
            ),
        ),
        Paragraph(text("The directors thanked the crews and will publish figures every month.")),
    ),
    contacts=("Press desk, +1 555 010 0123, press@harbour.example.org",),
    footer="The Harbour Authority runs four ports. Links to other sites are no endorsement "
    "of what is said there.",
)

REMARKS = Content(
    title="REMARKS AT THE OPENING OF THE NORTHERN HARBOUR",
    kind=Kind.REMARKS,
    kind_label="Remarks as delivered",
    office="Office of the Harbour Master",
    date=dt.date(2026, 6, 26),
    language="en",
    body=(
        Lines((text("Northern quay, Port Ellis"), text("9:45 P.M. local time"))),
        Paragraph(text("Good evening. Please, sit down; the ship will wait for nobody."),
                  speaker="HARBOUR MASTER LIND"),
        Paragraph(text("What did it cost?"), speaker="QUESTION"),
        Paragraph(text("Less than we had set aside, and I will give you the figure: 41 million."),
                  speaker="HARBOUR MASTER LIND"),
        Break(),
        Heading(text("Questions that were not taken"), level=3),
        Listing((text("Noise at night."), text("The old lighthouse.")), is_ordered=True, start=9),
        Paragraph(text("Merci à tous, et bonne traversée."), language="fr"),
    ),
)  # fmt: skip

ARABIC = Content(
    title="افتتاح الميناء الشمالي أمام العبّارات الليلية بعد عامين من الأعمال",
    kind=Kind.PRESS_STATEMENT,
    office="مكتب رئيس الميناء",
    place="بورت إليس",
    date=dt.date(2026, 6, 25),
    language="ar",
    body=(
        Paragraph((
            Run("سيستقبل الميناء الشمالي العبّارات الليلية من جديد اعتبارًا من يوم الجمعة، قبل "
                "الموعد المحدد بشهرين. وقد رُفع الرصيف بمقدار 90 سنتيمترًا، ونُشر "),
            Run("التقرير الكامل", href="https://harbour.example.org/reports/2026/northern"),
            Run(" على موقع الهيئة."),
        )),
        Quotation((Paragraph(text("كل رحلة تعني شاحنة أقل على الطريق الساحلي.")),)),
        Heading(text("ما الذي يتغير يوم الجمعة")),
        Listing((text("تغادر العبّارات في الساعة 21:40 و23:15."),
                 text("تبقى قاعة التذاكر مفتوحة حتى مغادرة آخر سفينة."))),
        Paragraph(text("The crews of MV Skarv and MV Holm were thanked."), language="en"),
    ),
    contacts=("المكتب الصحفي: +1 555 010 0123، press@harbour.example.org",),
    footer="تدير هيئة الموانئ أربعة موانئ.",
)  # fmt: skip

CHINESE = Content(
    title="北港历时两年施工后重新向夜间渡轮开放",
    kind=Kind.PRESS_RELEASE,
    office="港务长办公室",
    place="埃利斯港",
    date=dt.date(2026, 6, 25),
    language="zh",
    body=(
        Paragraph((
            Run("北港将自星期五起重新接待夜间渡轮，比原计划提前两个月。码头抬高了90厘米，"
                "全部灯具均已更换；"),
            Run("完整报告", href="https://harbour.example.org/reports/2026/northern"),
            Run("列出了施工内容与费用。港务长说：“我们信守了承诺。”（详见https://harbour.example.org/faq）"),
        )),
        Heading(text("星期五起的变化")),
        Listing((text("渡轮于21:40和23:15开出。"), text("售票大厅开放至末班船离港。"))),
        Table((text("航线"), text("开船")), ((text("N1 斯卡夫"), text("21:40")),
                                         (text("N2 霍尔姆"), text("23:15")))),
    ),
    contacts=("新闻处，+1 555 010 0123，press@harbour.example.org",),
)  # fmt: skip


def rendered(
    content: Content = NOTE,
    *,
    language: str = "en",
    format: str = "html",  # noqa: A002  # as in releases.rendering
    lead: Lead = PUBLIC,
    sending: Sending = SENDING,
    is_embargoed: bool = False,
) -> Rendered:
    """A rendering under the slug "night-ferries"."""
    return render(
        content,
        slug="night-ferries",
        lead=lead,
        sending=sending,
        language=language,
        format=format,
        is_embargoed=is_embargoed,
        date=DATE,
    )
