"""`medianote demo`: the main job on this machine alone, with a sample list and media note."""

import contextlib
import datetime as dt
import errno
import secrets
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final

import sqlalchemy as sa
import typer

from cli.errors import FAILED, WRONG_USE, CommandError, say
from cli.logs import quiet_logs
from cli.serve import DEFAULT_HOST, DEFAULT_PORT, address_to_open, stopped_by_signals
from cli.shell import Shell, opened
from cli.status_text import shortcomings, status_lines
from cli.typer_apps import new_app
from cli.waiting import wait_for
from mail.tokens import Keyring
from releases.commands import cancel
from releases.content import Content
from releases.models import Distribution, DistributionRelease, ReleaseVersion
from releases.parsing import parse
from releases.publishing import Order, publish
from runtime.settings import load_settings
from subscribers.import_chunk import Consented
from subscribers.importing import Importing, Problem, Source, import_subscribers
from subscribers.links import Links
from subscribers.lists import create_list
from subscribers.models import MailingList, Subscriber, Subscription
from worker.doorbell import ring_prepare
from worker.embedded import running_worker
from worker.outbox import Outbox
from worker.outbox_host import outbox_folder

SAMPLES: Final = Path(__file__).parent / "samples"
# Their slugs are nobody else's: what one makes later is not mixed with sample people.
LISTS: Final = {"demo-press": "Press releases", "demo-europe": "Europe"}
KEEPS_OFF: Final = {
    "database_url": "MEDIANOTE_DATABASE_URL",
    "broker_url": "MEDIANOTE_BROKER_URL",
    "smtp_url": "MEDIANOTE_SMTP_URL",
}
PORTS_TO_TRY: Final = 20

app = new_app()


@app.command()
def demo(
    *,
    once: Annotated[bool, typer.Option("--once", help="End when everything is delivered.")] = False,
) -> None:
    """Try it all on this machine: no server, no account, and no mail leaves it.

    Loads a sample list, publishes a sample media note, delivers it through a Celery worker to
    the local outbox, and says which addresses to open. Every run begins with an empty outbox.
    """
    settings = load_settings()
    for field, variable in KEEPS_OFF.items():
        if getattr(settings, field):
            raise CommandError(
                f"{variable} is set, and the demo keeps off configured systems: unset it",
                WRONG_USE,
            )
    quiet_logs()
    with opened() as embedded, contextlib.ExitStack() as stack:
        if not once:
            stack.enter_context(stopped_by_signals())
        shell = stack.enter_context(_pages(embedded, is_served=not once))
        _load_lists(shell)
        emptied = Outbox(outbox_folder(shell.settings)).empty()
        if emptied:
            _tell(f"emptied the outbox of {_mails(emptied)}")
        stack.enter_context(running_worker(shell.settings))
        has_shortcoming = _publish(shell)
        _show_addresses(shell, is_served=not once)
        if once:
            if has_shortcoming:
                raise typer.Exit(FAILED)
            return
        _tell("Ctrl-C ends it")
        threading.Event().wait()


@contextlib.contextmanager
def _pages(shell: Shell, *, is_served: bool) -> Iterator[Shell]:
    """The shell whose settings have the address of the pages, which answer there if served."""
    if not is_served:
        address = address_to_open(DEFAULT_HOST, DEFAULT_PORT)
        yield Shell(shell.settings.model_copy(update={"base_url": address}), shell.database)
        return
    from web.server import serving  # noqa: PLC0415 (FastAPI loads in a second; --once needs none)

    for port in range(DEFAULT_PORT, DEFAULT_PORT + PORTS_TO_TRY):
        address = address_to_open(DEFAULT_HOST, port)
        settings = shell.settings.model_copy(update={"base_url": address})
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(serving(settings, shell.database, DEFAULT_HOST, port))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
                continue
            if port != DEFAULT_PORT:
                _tell(f"port {DEFAULT_PORT} is in use; the pages are on port {port}")
            yield Shell(settings, shell.database)
            return
    last = DEFAULT_PORT + PORTS_TO_TRY - 1
    raise CommandError(f"the ports {DEFAULT_PORT} to {last} are all in use")


def _load_lists(shell: Shell) -> None:
    """The sample lists and their subscribers; who left one stays away."""

    def tell(problem: Problem) -> None:
        say(f"{problem.value.strip('“”')}: {problem.reason}")

    for slug, title in LISTS.items():
        with shell.database.transaction() as session:
            if session.scalar(sa.select(MailingList.id).where(MailingList.slug == slug)) is None:
                create_list(session, slug, title)
        with (SAMPLES / f"{slug.removeprefix('demo-')}.csv").open("rb") as stream:
            totals = import_subscribers(
                shell.database,
                Source(stream),
                Importing(
                    slug,
                    shell.settings.suppression_key,
                    "demo",
                    tell,
                    Consented("demo", dt.datetime.now(dt.UTC).date().isoformat()),
                    is_confirmed=True,
                ),
            )
        _tell(f"list “{title}”: {totals.rows - totals.skipped} sample subscribers")


def _publish(shell: Shell) -> bool:
    """Publish the sample and see it delivered; whether something went wrong."""
    content = parse((SAMPLES / "media-note.txt").read_bytes(), filename="media-note.txt").content
    _end_earlier(shell, content)
    order = Order(content, tuple(LISTS), is_again=True, is_rehearsal=shell.settings.is_rehearsal)
    published = publish(shell.database, order, salt=secrets.token_bytes(16))
    _tell(f"published “{content.title}”")
    ring_prepare(shell.settings, published.distribution_id)
    begun_at = dt.datetime.now(dt.UTC)
    found = wait_for(shell, published.distribution_id)
    seconds = (dt.datetime.now(dt.UTC) - begun_at).total_seconds()
    _tell(f"delivered {_mails(found.accepted)} in {seconds:.1f} s")
    print("\n".join(status_lines(found, shell.settings.zone)))
    shortcoming = shortcomings(found)
    if shortcoming is not None:
        say(shortcoming)
    return shortcoming is not None


def _end_earlier(shell: Shell, content: Content) -> None:
    """A demonstration that was cut short must not go on into this one's outbox."""
    with shell.database.transaction() as session:
        unfinished = session.scalars(
            sa.select(Distribution.id)
            .join(DistributionRelease, DistributionRelease.distribution_id == Distribution.id)
            .join(ReleaseVersion, ReleaseVersion.id == DistributionRelease.version_id)
            .where(
                ReleaseVersion.content_digest == content.digest(),
                Distribution.finished_at.is_(None),
            )
        ).all()
        for distribution_id in unfinished:
            cancel(session, distribution_id)


def _show_addresses(shell: Shell, *, is_served: bool) -> None:
    """Where to look; standard output has these lines whoever reads it."""
    settings = shell.settings
    keyring = Keyring(settings.signing_keys, settings.retired_keys)
    with shell.database.reading() as session:
        subscriber_id, address = session.execute(
            sa.select(Subscriber.id, Subscriber.address)
            .join(Subscription, Subscription.subscriber_id == Subscriber.id)
            .join(MailingList, MailingList.id == Subscription.list_id)
            .where(MailingList.slug.in_(LISTS))
            .order_by(Subscriber.language != "en", Subscriber.id)
            .limit(1)
        ).one()
    link = Links(settings.public_url, keyring).preferences_url(subscriber_id)
    print(f"outbox:      {settings.public_url}/outbox")
    print(f"  as files:  {outbox_folder(settings)}")
    print(f"preferences: {link}  ({address})")
    if not is_served:
        print("`medianote web` serves these pages")
    sys.stdout.flush()


def _tell(text: str) -> None:
    """A step, on standard output."""
    print(text, flush=True)


def _mails(count: int) -> str:
    return "1 mail" if count == 1 else f"{count:,} mails"
