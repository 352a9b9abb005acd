"""`medianote lists`: make, change and show mailing lists."""

import json
from typing import Annotated

import typer

from cli.shell import opened
from cli.tables import table
from cli.typer_apps import new_app
from subscribers.leaving import Why, reason_counts
from subscribers.lists import ListSummary, change_list, create_list, list_summaries

app = new_app("Make, change and show mailing lists.")


Slug = Annotated[
    str,
    typer.Argument(
        metavar="SLUG", help="Its short name: a to z, digits and hyphens; it stands in List-Id."
    ),
]
Description = Annotated[
    str | None, typer.Option(help="A sentence on what it is about, for the pages.")
]
ReplyTo = Annotated[str | None, typer.Option(help="The press desk that answers: “Name <address>”.")]
Sender = Annotated[
    str | None, typer.Option(help="From whom its mail comes, if not MEDIANOTE_FROM.")
]
Topic = Annotated[str | None, typer.Option(help="The heading under which the sign-up page has it.")]
Cadence = Annotated[
    str | None, typer.Option(help="How often something comes, such as “about 4 a week”.")
]
Timezone = Annotated[
    str | None,
    typer.Option(
        metavar="ZONE",
        help="Where its digests come at --digest-hour, such as Europe/Paris, for who has not "
        "chosen; if not MEDIANOTE_TIMEZONE.",
    ),
]
DigestHour = Annotated[
    str | None,
    typer.Option(
        metavar="HOUR",
        help="When its digests come, 0 to 23, for who has not chosen; 8 if none says.",
    ),
]


@app.command()
def create(
    slug: Slug,
    *,
    title: Annotated[str, typer.Option(help="Its name, as people read it in every mail.")],
    private: Annotated[
        bool,
        typer.Option("--private", help="For accredited press: may get copies under embargo."),
    ] = False,
    description: Description = None,
    reply_to: ReplyTo = None,
    sender: Sender = None,
    topic: Topic = None,
    cadence: Cadence = None,
    timezone: Timezone = None,
    digest_hour: DigestHour = None,
) -> None:
    """Make a mailing list; prints its slug."""
    with opened() as shell, shell.database.transaction() as session:
        create_list(
            session,
            slug,
            title,
            is_private=private,
            description=description,
            reply_to=reply_to,
            sender=sender,
            topic=topic,
            cadence=cadence,
            timezone=timezone,
            digest_hour=digest_hour,
        )
    print(slug)


@app.command()
def change(
    slug: Slug,
    *,
    title: Annotated[
        str | None, typer.Option(help="Its name, as people read it in every mail.")
    ] = None,
    description: Description = None,
    reply_to: ReplyTo = None,
    sender: Sender = None,
    topic: Topic = None,
    cadence: Cadence = None,
    timezone: Timezone = None,
    digest_hour: DigestHour = None,
) -> None:
    """Change a mailing list: what is given; an empty text ("") takes it away."""
    with opened() as shell, shell.database.transaction() as session:
        different = change_list(
            session,
            slug,
            title=title,
            description=description,
            reply_to=reply_to,
            sender=sender,
            topic=topic,
            cadence=cadence,
            timezone=timezone,
            digest_hour=digest_hour,
        )
    what = ", ".join(name.replace("_", "-") for name in different)
    print(f"{slug}: {f'changed {what}' if what else 'nothing was different'}")


@app.command()
def show(
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON array.")] = False,
) -> None:
    """Show all lists, how many people are on each, and why people left who said so."""
    with opened() as shell, shell.database.reading() as session:
        summaries = list_summaries(session)
        reasons = reason_counts(session)
    if as_json:
        objects = [one.to_json() | {"reasons": reasons.get(one.slug, {})} for one in summaries]
        print(json.dumps(objects, ensure_ascii=False))
        return
    if not summaries:
        print("there are no lists yet: `medianote lists create SLUG --title TITLE`")
        return
    told = [
        (name, cells)
        for name, cells in (
            ("topic", [one.topic or "" for one in summaries]),
            ("how often", [one.cadence or "" for one in summaries]),
            ("digests", [_digests(one) for one in summaries]),
        )
        if any(cells)
    ]
    rows = [
        (
            one.slug,
            one.title,
            "private" if one.is_private else "public",
            *(cells[place] for _, cells in told),
            f"{one.active:,}",
            f"{one.pending:,}",
            f"{one.suspended:,}",
        )
        for place, one in enumerate(summaries)
    ]
    names = ("list", "title", "", *(name for name, _ in told), "active", "pending", "suspended")
    print(table(names, rows, numbers=3))
    if reasons:
        counts = [(slug, *(f"{reasons[slug][why]:,}" for why in Why)) for slug in sorted(reasons)]
        print()
        print(table(("left, because", *(why.value for why in Why)), counts, numbers=len(Why)))


def _digests(summary: ListSummary) -> str:
    """When its digests come, as far as it says so."""
    hour = "" if summary.digest_hour is None else f"{summary.digest_hour:02}:00"
    return " ".join(filter(None, (hour, summary.timezone)))
