"""A subscriber's way through the commands' own servers: the pages, a worker, and a mail server."""

from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.test_media_note import NOTE, PRODUCTION
from tests.support.fleet import wait_until
from tests.support.newsroom import Newsroom, Sink
from tests.support.programs import free_port
from tests.web.flows.post_office import link_in

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


def mail_of(sink: Sink, number: int) -> EmailMessage:
    """The mail with this number that comes to the subscriber; waits for it."""
    wait_until(lambda: len(sink.mails()) > number, timeout_seconds=20)
    return dict(enumerate(mail for _, mail in sink.mails()))[number]


def pressed(page: Page, name: str) -> bool:
    """Press a button; whether that was taken, which it is not right after its mail has come."""
    page.get_by_role("button", name=name).click()
    return page.get_by_role("status").count() == 1


def exported(newsroom: Newsroom) -> bool:
    """Whether the office's own list has the subscriber."""
    return ADDRESS in newsroom.run("subscribers", "export", "--list", "press").stdout


def test_from_sign_up_to_the_last_mail(newsroom: Newsroom, sink: Sink, page: Page) -> None:
    """Whoever signs up and confirms gets the next release; its link ends that."""
    newsroom.run("lists", "create", "press", "--title", "Press releases")
    base = newsroom.serve()
    page.goto(f"{base}/subscribe")
    page.get_by_role("checkbox", name="Press releases").check()
    page.get_by_label("Your e-mail address").fill(ADDRESS)
    page.get_by_role("button", name="Send me a confirmation").click()
    page.goto(link_in(mail_of(sink, 0), "Confirm"))
    confirm, stop = "Yes, send them to me", "Stop these mails"
    assert not pressed(page, confirm)
    # The mail must be ten seconds old.
    expect(page.get_by_role("alert")).to_contain_text("Please press once more.")
    assert not exported(newsroom)
    wait_until(lambda: pressed(page, confirm), timeout_seconds=30)
    assert exported(newsroom)

    (newsroom.folder / "note.txt").write_text(NOTE)
    newsroom.json("publish", "note.txt", "--list", "press", "--wait")
    page.goto(link_in(mail_of(sink, 1), stop))
    wait_until(lambda: pressed(page, stop), timeout_seconds=30)
    assert not exported(newsroom)
    page.get_by_role("button", name="Undo").click()
    assert exported(newsroom)
