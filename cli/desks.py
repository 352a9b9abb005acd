"""`medianote desks`: newsrooms' shared addresses, their keepers and members."""

import datetime as dt
import json
from typing import Annotated

import typer

from cli.errors import CommandError, say
from cli.shell import opened
from cli.tables import table
from cli.typer_apps import new_app
from mail.addresses import parse_address
from subscribers.consents import Via
from subscribers.desk_commands import change_keeper, create_desk
from subscribers.desk_members import Invitation, member_by_address
from subscribers.desk_members import invite as invite_member
from subscribers.desk_members import remove as remove_member
from subscribers.desks import DeskSummary, desk_by_address, desk_summaries
from subscribers.record_models import DeskMemberState

app = new_app("Make and show desks: shared addresses whose members choose what is forwarded.")

Desk = Annotated[str, typer.Argument(metavar="DESK", help="The desk's address.")]
Email = Annotated[str, typer.Argument(metavar="EMAIL")]


@app.command()
def create(
    address: Annotated[
        str, typer.Argument(metavar="ADDRESS", help="The address that several people read.")
    ],
    *,
    name: Annotated[str, typer.Option(help="What its members know it by.")],
    keeper: Annotated[
        str, typer.Option(help="Who looks after it: the address of one person, not the desk's.")
    ],
    language: Annotated[
        str, typer.Option(help="In which a new one is spoken to, such as en or fr.")
    ] = "en",
) -> None:
    """Make a desk; prints its address. Its keeper is mailed that, and a link.

    An address that is known already keeps what it gets. From then on no link in its mail ends
    any of it.
    """
    with opened() as shell, shell.database.transaction() as session:
        create_desk(
            session,
            address,
            name,
            keeper,
            Via("desks create"),
            hash_key=shell.settings.suppression_key,
            language=language,
        )
    print(parse_address(address))
    _say_mailed(keeper)


@app.command()
def show(
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON array.")] = False,
) -> None:
    """Show all desks: who keeps them, what they get, and how many members they have."""
    with opened() as shell, shell.database.reading() as session:
        summaries = desk_summaries(session, dt.datetime.now(dt.UTC))
    if as_json:
        print(json.dumps([summary.to_json() for summary in summaries], ensure_ascii=False))
        return
    if not summaries:
        print("there are no desks yet: `medianote desks create ADDRESS --name … --keeper …`")
        return
    print(
        table(
            ("desk", "name", "keeper", "lists", "members", "invited"), _rows(summaries), numbers=2
        )
    )


@app.command()
def keeper(
    desk: Desk,
    email: Email,
) -> None:
    """Give a desk another keeper, who is mailed that, and a link."""
    with opened() as shell, shell.database.transaction() as session:
        change_keeper(session, desk_by_address(session, desk), email)
    _say_mailed(email)


@app.command()
def invite(
    desk: Desk,
    email: Email,
) -> None:
    """Invite somebody to a desk, by mail; they choose what it forwards to them."""
    address = parse_address(email)
    with opened() as shell, shell.database.transaction() as session:
        became = invite_member(
            session,
            desk_by_address(session, desk),
            address,
            hash_key=shell.settings.suppression_key,
        )
    match became:
        case Invitation.SENT:
            say(f"{address} is mailed an invitation, with a link that is good for a week")
        case Invitation.MEMBER_ALREADY:
            say(f"{address} is a member already")
        case Invitation.SENT_LATELY:
            raise CommandError(f"{address} was invited less than an hour ago: wait a little")
        case Invitation.SUPPRESSED:
            raise CommandError(f"{address} is suppressed, so no invitation was mailed")
        case Invitation.IS_A_DESK:
            raise CommandError(f"{address} is a desk: members are single people")
        case Invitation.TOO_MANY:
            raise CommandError("this desk has invited so many that the next must wait an hour")


@app.command()
def remove(
    desk: Desk,
    email: Email,
) -> None:
    """End a membership or an invitation, and with it what was forwarded; the desk goes on."""
    address = parse_address(email)
    with opened() as shell, shell.database.transaction() as session:
        desk_id = desk_by_address(session, desk)
        member_id = member_by_address(session, desk_id, address)
        remove_member(session, desk_id, member_id, Via("desks remove"))


def _say_mailed(keeper: str) -> None:
    """Who is mailed what, once a worker runs."""
    say(
        f"{parse_address(keeper)} is mailed that they keep this desk, and what that is, "
        "with a link that is good for a day"
    )


def _rows(summaries: list[DeskSummary]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for one in summaries:
        active = sum(member.state == DeskMemberState.ACTIVE for member in one.members)
        invited = len(one.members) - active
        lists = ", ".join(one.lists) or "-"
        rows.append((one.address, one.name, one.keeper, lists, f"{active:,}", f"{invited:,}"))
    return rows
