"""`medianote publish`: from a file to a distribution, and, if asked, to its end."""

import contextlib
import datetime as dt
import json
import secrets
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated

import sqlalchemy as sa
import typer

from cli.distributions import ID_MAX, read_status
from cli.errors import FAILED, WRONG_USE, CommandError, say
from cli.logs import quiet_logs
from cli.published_text import published_line
from cli.release_files import read_release, say_unsure
from cli.sample_copy import SAMPLE_LEAD, sample_copy
from cli.shell import Shell, opened
from cli.status_text import shortcomings, undo_line
from cli.typer_apps import new_app
from cli.waiting import wait_for
from releases.content import Content
from releases.embargo import parse_moment
from releases.errors import EmbargoError
from releases.overview import carried
from releases.publishing import NobodyLeft, Order, Published, with_embargo
from releases.publishing import publish as publish_order
from releases.readership import readership
from releases.rendering import Lead
from releases.renderings import lead_of
from releases.resending import ResendOrder, resend, what_it_carried
from runtime.database import DATABASE_IS_AWAY
from runtime.setting_rules import UNDO_MAX_SECONDS
from subscribers.models import MailingList
from worker.doorbell import get_ready, ring_prepare
from worker.presence import worker_is_running

app = new_app()


@app.command()
def publish(
    file: Annotated[
        str | None,
        typer.Argument(metavar="FILE", help="The release: plain text or Markdown; or -."),
    ] = None,
    *,
    lists: Annotated[
        list[str] | None,
        typer.Option("--list", metavar="SLUG", help="A list to send it to; may be repeated."),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(metavar="ISO-TIME", help="Send it then: 2026-03-05T18:00+01:00."),
    ] = None,
    embargo: Annotated[
        str | None,
        typer.Option(metavar="ISO-TIME", help="Not for publication before: private lists only."),
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Also to those who have this version already.")
    ] = False,
    urgent: Annotated[
        bool, typer.Option("--urgent", help="Before all that is not urgent, and at once.")
    ] = False,
    undo: Annotated[
        int | None,
        typer.Option(
            metavar="SECONDS",
            min=0,
            max=UNDO_MAX_SECONDS,
            help="Send nothing for so long, so that `cancel` leaves no mail behind "
            "(otherwise MEDIANOTE_UNDO_SECONDS).",
        ),
    ] = None,
    resend_failed: Annotated[
        int | None,
        typer.Option(
            metavar="ID",
            min=1,
            max=ID_MAX,
            help="Instead of FILE and --list: once more to those for whom distribution ID failed.",
        ),
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait until it is complete; status 1 if any failed.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the object that `status --json` prints.")
    ] = False,
) -> None:
    """Send a release to everyone on the lists, each person once; prints the distribution's id.

    Who has this version already, or is about to get it, is left out. Without a broker it is
    sent while `medianote worker`, `web`, `demo` or --wait runs. A distribution that is paused or
    held is waited for; Ctrl-C ends the waiting, not the distribution.

    --resend-failed sends what an earlier distribution carried to just those of its lists for
    whom it failed, who still follow one of them and have not had it since. Who is uncertain
    there may have it, and is left out.
    """
    given = Given(file, tuple(lists or ()), embargo is not None, again, resend_failed)
    check_given(given)
    order = Order(
        content=Content(title="", body=()),
        lists=given.lists,
        at=_moment("--at", at),
        embargo=_moment("--embargo", embargo),
        is_again=again,
        is_urgent=urgent,
    )
    quiet_logs()
    with opened() as shell:
        get_ready(shell.settings)
        order = replace(
            order,
            is_rehearsal=shell.settings.is_rehearsal,
            undo_seconds=shell.settings.undo_seconds if undo is None else undo,
        )
        if resend_failed is not None:
            published = _resend(shell, resend_failed, order)
        else:
            assert file is not None
            published = _publish(shell, file, order)
        if not as_json:
            print(published.distribution_id, flush=True)
        if published.has_undo:
            say(undo_line(published.distribution_id, published.due_at, shell.settings.zone))
        if wait:
            _wait(shell, published, as_json=as_json)
            return
        _ring(shell, published)
        if as_json:
            print(json.dumps(read_status(shell, published.distribution_id).to_json()))
        else:
            _say_what(shell, published)
        _say_if_nobody_sends(shell, published)


def _say_what(shell: Shell, published: Published) -> None:
    """What was ordered, in one line on standard error. It is under way, whatever happens here."""
    with contextlib.suppress(*DATABASE_IS_AWAY), shell.database.reading() as session:
        found = carried(session, [published.distribution_id])[published.distribution_id]
        people = readership(session, published.distribution_id)
        say(published_line(published, found, people, shell.settings.zone))


@dataclass(frozen=True, slots=True)
class Given:
    """What says what is sent and to whom, as it was given."""

    file: str | None
    lists: tuple[str, ...]
    has_embargo: bool
    is_again: bool
    resend_failed: int | None


def check_given(given: Given) -> None:
    """Raise CommandError where FILE, --list and --resend-failed do not go together."""
    if given.resend_failed is None:
        missing = (
            "argument 'FILE'"
            if given.file is None
            else "option '--list'"
            if not given.lists
            else None
        )
        if missing is not None:
            raise CommandError(f"Missing {missing} (see `medianote publish --help`)", WRONG_USE)
        return
    too_many = [
        name
        for name, is_given in (
            ("FILE", given.file is not None),
            ("--list", bool(given.lists)),
            ("--embargo", given.has_embargo),
            ("--again", given.is_again),
        )
        if is_given
    ]
    if too_many:
        raise CommandError(
            f"--resend-failed sends what distribution {given.resend_failed} carried, to its "
            f"lists: leave {' and '.join(too_many)} out",
            WRONG_USE,
        )


def _publish(shell: Shell, file: str, order: Order) -> Published:
    """Read the release, check that it renders, and order its distribution."""
    parsed = read_release(file, is_embargo_known=order.embargo is not None)
    say_unsure(parsed)
    content = with_embargo(parsed.content, order.embargo)
    _check_copies(shell, content, order.lists, order.at)
    order = replace(order, content=content)
    try:
        return publish_order(shell.database, order, salt=secrets.token_bytes(16))
    except NobodyLeft as nobody:
        if not nobody.is_one_running or _has_worker(shell):
            raise
        raise CommandError(f"{nobody}; it waits for a worker: run `medianote worker`") from nobody


def _resend(shell: Shell, distribution_id: int, order: Order) -> Published:
    """The same for who of a distribution failed."""
    with shell.database.reading() as session:
        carried = what_it_carried(session, distribution_id)
    for content in carried.contents:
        _check_copies(shell, content, carried.lists, order.at)
    resend_order = ResendOrder(
        distribution_id,
        at=order.at,
        is_urgent=order.is_urgent,
        is_rehearsal=order.is_rehearsal,
        undo_seconds=order.undo_seconds,
    )
    return resend(shell.database, resend_order, salt=secrets.token_bytes(16))


def _check_copies(
    shell: Shell, content: Content, lists: Sequence[str], at: dt.datetime | None
) -> None:
    """Raise when the release cannot be mailed; say what is doubtful about it."""
    when = at or dt.datetime.now(dt.UTC)
    warnings: dict[str, None] = {}
    for lead in _leads(shell, lists):
        warnings |= dict.fromkeys(sample_copy(content, shell.settings, when, lead).warnings)
    for warning in warnings:
        say(warning)


def _leads(shell: Shell, slugs: Sequence[str]) -> list[Lead]:
    """Each of the lists as some copies' lead; a sample where none is known."""
    with shell.database.reading() as session:
        found = session.scalars(sa.select(MailingList).where(MailingList.slug.in_(slugs))).all()
        return [lead_of(chosen) for chosen in found] or [SAMPLE_LEAD]


def _wait(shell: Shell, published: Published, *, as_json: bool) -> None:
    """See the distribution to its end; without a broker, this process sends it."""
    with contextlib.ExitStack() as stack:
        if shell.settings.has_embedded_worker:
            # Celery takes long to load, and who waits for another worker needs none.
            from worker.embedded import running_worker  # noqa: PLC0415

            stack.enter_context(running_worker(shell.settings))
        _ring(shell, published)
        if not as_json:
            _say_what(shell, published)
        found = wait_for(shell, published.distribution_id)
    if as_json:
        print(json.dumps(found.to_json()))
    shortcoming = shortcomings(found)
    if shortcoming is not None:
        say(shortcoming)
        raise typer.Exit(FAILED)
    if sys.stderr.isatty():
        say(f"complete: {found.accepted:,} of {found.eligible or 0:,} have it")


def _ring(shell: Shell, published: Published) -> None:
    is_heard = ring_prepare(shell.settings, published.distribution_id)
    if not is_heard and shell.settings.broker_url is not None:
        say("the broker does not answer; running workers find it in the database, in seconds")


def _say_if_nobody_sends(shell: Shell, published: Published) -> None:
    if _has_worker(shell):
        return
    what = "it is sent at its time" if published.is_scheduled else "it is sent"
    say(f"no worker runs now: {what} when one does (`medianote worker`)")


def _has_worker(shell: Shell) -> bool:
    with shell.database.reading() as session:
        return worker_is_running(session)


def _moment(option: str, text: str | None) -> dt.datetime | None:
    if text is None:
        return None
    try:
        return parse_moment(text, what=option)
    except EmbargoError as error:
        raise CommandError(str(error), WRONG_USE) from error
