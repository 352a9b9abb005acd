"""A subscriber's way through the commands' own servers: the pages, a worker, and a mail server."""

from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest
from playwright.sync_api import Page

from runtime.database import Database
from tests.journeys.test_media_note import NOTE, PRODUCTION
from tests.support.fleet import wait_until
from tests.support.newsroom import Newsroom, Sink
from tests.support.programs import free_port
from tests.web.flows.post_office import link_in, time_passes

pytestmark = pytest.mark.browser
ADDRESS = "zoe.reader@example.net"


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[Sink]:
    """An smtp-sink."""
    sink = Sink(tmp_path / "sink")
    yield sink
    sink.close()


@pytest.fixture
def newsroom(tmp_path: Path, sink: Sink, postgresql_url: str, redis_url: str) -> Iterator[Newsroom]:
    """The production setup: PostgreSQL, Redis, a worker and the pages."""
    newsroom = Newsroom(
        tmp_path,
        **PRODUCTION,
        smtp_url=sink.url,
        base_url=f"http://127.0.0.1:{free_port()}",
        database_url=postgresql_url,
        broker_url=redis_url,
    )
    newsroom.start("worker", "--concurrency", "1")
    yield newsroom
    newsroom.close()


def mail_of(sink: Sink, subject: str) -> EmailMessage:
    """The mail with this subject that comes to the subscriber; waits for it."""

    def found() -> list[EmailMessage]:
        return [mail for to, mail in sink.mails() if (to, mail["Subject"]) == (ADDRESS, subject)]

    wait_until(lambda: bool(found()), timeout_seconds=20, what=subject)
    return found()[-1]


def pressed(page: Page, name: str) -> bool:
    """Press a button; whether the page says that it was done."""
    page.get_by_role("button", name=name).click()
    return page.get_by_role("status").count() == 1


def exported(newsroom: Newsroom) -> bool:
    """Whether the office's own list has the subscriber."""
    return ADDRESS in newsroom.run("subscribers", "export", "--list", "press").stdout


@pytest.fixture
def database(postgresql_url: str) -> Iterator[Database]:
    """The newsroom's."""
    made = Database(postgresql_url)
    yield made
    made.dispose()


def test_from_sign_up_to_the_last_mail(
    newsroom: Newsroom, database: Database, sink: Sink, page: Page
) -> None:
    """Whoever signs up and confirms gets the next release; its link ends that."""
    newsroom.run("lists", "create", "press", "--title", "Press releases")
    base = newsroom.serve()
    page.goto(f"{base}/subscribe")
    page.get_by_role("checkbox", name="Press releases").check()
    page.get_by_label("Your e-mail address").fill(ADDRESS)
    page.get_by_role("button", name="Send me a confirmation").click()
    page.goto(link_in(mail_of(sink, "Please confirm: do you want our mails?"), "Confirm"))
    assert not exported(newsroom)
    time_passes(database)
    assert pressed(page, "Yes, send them to me")
    assert exported(newsroom)

    (newsroom.folder / "note.txt").write_text(NOTE)
    newsroom.json("publish", "note.txt", "--list", "press", "--wait")
    page.goto(link_in(mail_of(sink, "Ferry Ministers Meet in Port Ellis"), "Stop these mails"))
    time_passes(database)
    assert pressed(page, "Stop these mails")
    assert not exported(newsroom)
    page.get_by_role("button", name="Undo").click()
    assert exported(newsroom)
