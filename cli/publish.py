"""`medianote publish`: from a file to a distribution, and, if asked, to its end."""

import contextlib
import datetime as dt
import json
import secrets
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

import sqlalchemy as sa
import typer

from cli.distributions import read_status
from cli.errors import FAILED, WRONG_USE, CommandError, say
from cli.logs import quiet_logs
from cli.release_files import read_release, say_unsure
from cli.sample_copy import SAMPLE_LEAD, sample_copy
from cli.shell import Shell, opened
from cli.status_text import shortcomings
from cli.typer_apps import new_app
from cli.waiting import wait_for
from releases.content import Content
from releases.embargo import parse_moment
from releases.errors import EmbargoError
from releases.publishing import Order, Published, with_embargo
from releases.publishing import publish as publish_order
from releases.rendering import Lead
from releases.renderings import lead_of
from subscribers.models import MailingList
from worker.doorbell import get_ready, ring_prepare
from worker.presence import worker_is_running

app = new_app()


@app.command()
def publish(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="The release: plain text or Markdown; or -.")
    ],
    *,
    lists: Annotated[
        list[str],
        typer.Option("--list", metavar="SLUG", help="A list to send it to; may be repeated."),
    ],
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
    """
    order = Order(
        content=Content(title="", body=()),
        lists=tuple(lists),
        at=_moment("--at", at),
        embargo=_moment("--embargo", embargo),
        is_again=again,
    )
    quiet_logs()
    with opened() as shell:
        get_ready(shell.settings)
        published = _publish(shell, file, order)
        if not as_json:
            print(published.distribution_id, flush=True)
        if wait:
            _wait(shell, published, as_json=as_json)
            return
        _ring(shell, published)
        if as_json:
            print(json.dumps(read_status(shell, published.distribution_id).to_json()))
        _say_if_nobody_sends(shell, published)


def _publish(shell: Shell, file: str, order: Order) -> Published:
    """Read the release, check that it renders, and order its distribution."""
    parsed = read_release(file, is_embargo_known=order.embargo is not None)
    say_unsure(parsed)
    content = with_embargo(parsed.content, order.embargo)
    when = order.at or dt.datetime.now(dt.UTC)
    warnings: dict[str, None] = {}
    for lead in _leads(shell, order.lists):
        warnings |= dict.fromkeys(sample_copy(content, shell.settings, when, lead).warnings)
    for warning in warnings:
        say(warning)
    order = replace(order, content=content, is_rehearsal=shell.settings.is_rehearsal)
    return publish_order(shell.database, order, salt=secrets.token_bytes(16))


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
    with shell.database.reading() as session:
        if worker_is_running(session):
            return
    what = "it is sent at its time" if published.is_scheduled else "it is sent"
    say(f"no worker runs now: {what} when one does (`medianote worker`)")


def _moment(option: str, text: str | None) -> dt.datetime | None:
    if text is None:
        return None
    try:
        return parse_moment(text, what=option)
    except EmbargoError as error:
        raise CommandError(str(error), WRONG_USE) from error
