"""`medianote subscribers …`: what the office does for one person, and the consent log."""

import csv
import datetime as dt
import json
import sys
from collections.abc import Iterator
from typing import Annotated, Any, Final

import sqlalchemy as sa
import typer
from sqlalchemy.orm import Session

from cli.consent_words import Slugs, agreed, entry_line, lists_of, local
from cli.errors import WRONG_USE, CommandError, one_line, say
from cli.shell import opened
from cli.tables import table
from mail.addresses import Address, parse_address
from releases.forgetting import erase_person
from subscribers import merging, suppressions
from subscribers.consents import Via
from subscribers.csv_rows import neutralised
from subscribers.duplicates import duplicates as find_duplicates
from subscribers.merged import ids_of
from subscribers.models import MailingList, Subscriber, SubscriptionState
from subscribers.own_data import known
from subscribers.record_models import Consent, MergedSubscriber
from subscribers.searching import Found
from subscribers.searching import search as search_subscribers

OWN_COLUMNS: Final = ("id", "subscriber_id", "at", "what", "detail", "page", "network", "wording")
COLUMNS: Final = (*OWN_COLUMNS, "address", "lists", "source", "date")
"""The last four say in words what is in others: whose it is, which lists, where and when agreed."""
PAGE_ROWS: Final = 5_000
SEARCH_MAX: Final = 1_000

AddressArgument = Annotated[str, typer.Argument(metavar="ADDRESS")]
ReasonOption = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it is kept.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def search(
    text: Annotated[str, typer.Argument(metavar="TEXT")],
    *,
    list_slug: Annotated[
        str | None, typer.Option("--list", metavar="SLUG", help="Only who is on this list.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=SEARCH_MAX, help="At most so many.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """Find subscribers by how an address begins, by a domain (@example.org), a name, an outlet."""
    if not text.strip().strip("@"):
        raise CommandError("say what to look for: an address, @a-domain, a name", WRONG_USE)
    with opened() as shell, shell.database.reading() as session:
        found = search_subscribers(session, text, list_slug=list_slug, limit=limit + 1)
    is_more, found = len(found) > limit, found[:limit]
    if as_json:
        print(json.dumps([one.to_json() for one in found], ensure_ascii=False))
    elif found:
        rows = [(one.address, one.name or "", one.outlet or "", _on(one)) for one in found]
        print(table(("address", "name", "outlet", "on"), rows))
    else:
        print("nobody is found")
    if is_more:
        say(f"there are more than {limit}: say more of it, or set --limit")


def _on(found: Found) -> str:
    if found.suppressed is not None:
        return f"suppressed: {found.suppressed}"
    return ", ".join(
        slug if state == SubscriptionState.ACTIVE else f"{slug} ({state})"
        for slug, state in found.lists.items()
    )


def show(address: AddressArgument, *, as_json: JsonOption = False) -> None:
    """Show what is known about a subscriber: who, lists, suppression, and the last changes."""
    parsed = parse_address(address)
    with opened() as shell, shell.database.reading() as session:
        found = known(session, _id_of(session, parsed))
        slugs, zone = _slugs(session), shell.settings.zone
    assert found is not None
    if as_json:
        print(json.dumps(found, ensure_ascii=False, indent=2))
        return
    for name, value in found["subscriber"].items():
        if value is not None:
            print(_line(name.replace("_", " "), _shown(name, value, zone)))
    if found["suppressed"]:
        stop = found["suppressed"]
        print(_line("suppressed", " – ".join(filter(None, (stop["reason"], stop["note"])))))
    for one in found["subscriptions"]:
        since = one["ended_at"] or one["began_at"] or one["created_at"]
        print(
            _line(
                one["list"], f"{one['state']} since {local(since, zone)[:10]}, {one['frequency']}"
            )
        )
    for one in found["consent_log"][-10:]:
        what = entry_line(one["what"], one["detail"], one["page"], slugs, zone)
        print(_line(local(one["at"], zone), what))


def _shown(name: str, value: Any, zone: dt.tzinfo) -> Any:
    """A field of the subscriber's as the office reads it; times are the office's."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return local(value, zone) if name.endswith(("_at", "_until")) else value


def suppress(address: AddressArgument, *, reason: ReasonOption) -> None:
    """Stop all mail to an address, known or not, until `subscribers lift`."""
    parsed, via = parse_address(address), Via("subscribers suppress")
    with opened() as shell:
        hash_key = shell.settings.suppression_key
        with shell.database.transaction() as session:
            is_new = suppressions.suppress(session, parsed, reason, via, hash_key=hash_key)
    print(
        f"{parsed}: {'suppressed' if is_new else 'was suppressed before; the new reason is noted'}"
    )


def lift(address: AddressArgument, *, reason: ReasonOption) -> None:
    """Let mail go to an address again, whatever had stopped it."""
    parsed, via = parse_address(address), Via("subscribers lift")
    with opened() as shell:
        hash_key = shell.settings.suppression_key
        with shell.database.transaction() as session:
            was = suppressions.lift(session, parsed, reason, via, hash_key=hash_key)
    if was is None:
        raise CommandError(f"{parsed} is not suppressed")
    print(f"{parsed}: lifted (it was suppressed: {was})")


def merge(
    keep: Annotated[str, typer.Argument(metavar="KEEP")],
    other: Annotated[str, typer.Argument(metavar="OTHER")],
) -> None:
    """Make two subscribers one, at the address KEEP; links to OTHER work for it."""
    kept, gone = parse_address(keep), parse_address(other)
    with opened() as shell, shell.database.transaction() as session:
        keep_id, other_id = _id_of(session, kept), _id_of(session, gone)
        try:
            merging.merge(session, keep_id, other_id, Via("subscribers merge"))
        except merging.MergeError as error:
            raise CommandError(str(error)) from error
    print(f"{gone} is {kept} now")


def duplicates(*, as_json: JsonOption = False) -> None:
    """List who may be one person: addresses alike but for +tags and dots, or name and outlet.

    Merge those that are with `subscribers merge KEEP OTHER`.
    """
    with opened() as shell, shell.database.reading() as session:
        for found in find_duplicates(session):
            if as_json:
                print(json.dumps({"why": found.why, "addresses": found.addresses}))
            else:
                print(f"{found.why}: {'  '.join(found.addresses)}")


def erase(
    address: AddressArgument,
    *,
    is_sure: Annotated[
        bool, typer.Option("--yes", help="Do not ask: it cannot be undone.")
    ] = False,
) -> None:
    """Erase all that is known about a subscriber; a keyed hash stays, so that no mail comes."""
    parsed = parse_address(address)
    with opened() as shell:
        with shell.database.reading() as session:
            subscriber_id = _id_of(session, parsed)
        if not is_sure:
            typer.confirm(f"Erase {parsed}? It cannot be undone.", abort=True)
        hash_key = shell.settings.suppression_key
        with shell.database.transaction() as session:
            erase_person(session, subscriber_id, Via("subscribers erase"), hash_key=hash_key)
    print(f"{parsed}: erased")


def consents(
    address: Annotated[str | None, typer.Argument(metavar="[ADDRESS]")] = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Write the consent log as CSV to standard output: everybody's, or one subscriber's.

    The last columns say whose an entry is (none: erased), which lists it is about, and where and
    when they agreed. With --json: an object a line.
    """
    parsed = None if address is None else parse_address(address)
    with opened() as shell, shell.database.reading() as session:
        ids = None if parsed is None else ids_of(session, _id_of(session, parsed))
        writer = csv.writer(sys.stdout)
        if not as_json:
            writer.writerow(COLUMNS)
        slugs, zone = _slugs(session), shell.settings.zone
        for entry in _entries(session, ids, slugs, zone):
            if as_json:
                print(json.dumps(dict(zip(COLUMNS, entry, strict=True)), ensure_ascii=False))
            else:
                writer.writerow([neutralised(_cell(value)) for value in entry])


def _entries(
    session: Session, ids: list[int] | None, slugs: Slugs, zone: dt.tzinfo
) -> Iterator[list[Any]]:
    """The log in pages, by id, so that memory does not grow with it."""
    whose = sa.func.coalesce(MergedSubscriber.into_id, Consent.subscriber_id)
    chosen = (
        sa.select(*(getattr(Consent, name) for name in OWN_COLUMNS), Subscriber.address)
        .join(
            MergedSubscriber,
            MergedSubscriber.subscriber_id == Consent.subscriber_id,
            isouter=True,
        )
        .join(Subscriber, Subscriber.id == whose, isouter=True)
    )
    if ids is not None:
        chosen = chosen.where(Consent.subscriber_id.in_(ids))
    last = 0
    while True:
        page = session.execute(
            chosen.where(Consent.id > last).order_by(Consent.id).limit(PAGE_ROWS)
        ).all()
        if not page:
            return
        for row in page:
            number, person, at, *rest = row
            about, agreement = lists_of(row.detail, slugs), agreed(row.what, row.detail, zone)
            yield [number, person, at.isoformat(), *rest, about, *agreement]
        last = page[-1].id


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return " ".join(value)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value)


def _id_of(session: Session, address: Address) -> int:
    found = session.scalar(sa.select(Subscriber.id).where(Subscriber.address_key == address.key))
    if found is None:
        raise CommandError(f"nobody with the address {address} is known", WRONG_USE)
    return found


def _slugs(session: Session) -> dict[int, str]:
    rows = session.execute(sa.select(MailingList.id, MailingList.slug))
    return {row.id: row.slug for row in rows}


def _line(name: str, value: Any) -> str:
    return f"{name:<20} {one_line(str(value))}"


def add_to(app: typer.Typer) -> None:
    """Add these commands to the group."""
    for command in (search, show, suppress, lift, merge, duplicates, erase, consents):
        app.command()(command)
