"""`medianote lists`: make and show mailing lists."""

import json
from typing import Annotated

import typer

from cli.shell import opened
from cli.tables import table
from cli.typer_apps import new_app
from subscribers.leaving import Why, reason_counts
from subscribers.lists import create_list, list_summaries

app = new_app("Make and show mailing lists.")


@app.command()
def create(
    slug: Annotated[
        str,
        typer.Argument(
            metavar="SLUG", help="Its short name: a to z, digits and hyphens; it stands in List-Id."
        ),
    ],
    *,
    title: Annotated[str, typer.Option(help="Its name, as people read it in every mail.")],
    private: Annotated[
        bool,
        typer.Option("--private", help="For accredited press: may get copies under embargo."),
    ] = False,
    description: Annotated[
        str | None, typer.Option(help="A sentence on what it is about, for the pages.")
    ] = None,
    reply_to: Annotated[
        str | None, typer.Option(help="The press desk that answers: “Name <address>”.")
    ] = None,
    sender: Annotated[
        str | None, typer.Option(help="From whom its mail comes, if not MEDIANOTE_FROM.")
    ] = None,
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
        )
    print(slug)


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
    rows = [
        (
            summary.slug,
            summary.title,
            "private" if summary.is_private else "public",
            f"{summary.active:,}",
            f"{summary.pending:,}",
            f"{summary.suspended:,}",
        )
        for summary in summaries
    ]
    print(table(("list", "title", "", "active", "pending", "suspended"), rows, numbers=3))
    if reasons:
        told = [(slug, *(f"{reasons[slug][why]:,}" for why in Why)) for slug in sorted(reasons)]
        print()
        print(table(("left, because", *(why.value for why in Why)), told, numbers=len(Why)))
