"""What `/outbox` promises: every mail in all its parts, to this machine alone, and powerless."""

import re
import smtplib
from collections.abc import Iterator
from email.message import EmailMessage

import httpx
import pytest

from tests.web.world import World, world
from worker.outbox import LocalOutbox, Outbox
from worker.outbox_host import outbox_folder

HTML = (
    "<p>Read <a href='https://a.example/x?a=1&amp;b=2'>the <b>report</b></a>, "
    "<a href='javascript:alert(1)'>not this</a>, <a href='https://a.example/x?a=1&amp;b=2'>twice"
    "</a>, <a href='#top'>up</a></p><script>alert(1)</script>"
)

BROKEN = (
    b"",
    b"\xff\xfe\x00",
    b"Subject: =?x?q?=ff?=\nContent-Type: text/html; charset=no\n\n\xff",
    b"Content-Type: text/html\n\n<a href='https://[insert link here]'>x</a> <a href='http:'>y</a>",
    b"Return-Path: <>\nDelivered-To: a@b.example\nContent-Type: multipart/x\n\n--",
)


def a_mail(subject: str = "Harbour opens", *, has_html: bool = True) -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "Press <p@example.org>", "jo@example.com", subject
    mail.set_content("The harbour opens.\n")
    if has_html:
        mail.add_alternative(HTML, subtype="html")
    return mail


def send(site: World, *mails: EmailMessage) -> None:
    with LocalOutbox(outbox_folder(site.settings)) as outbox:
        host, _, port = outbox.url.removeprefix("smtp://").partition(":")
        with smtplib.SMTP(host, int(port), local_hostname="localhost", timeout=20) as client:
            for mail in mails:
                client.send_message(mail, "b@example.org", ["jo@example.com"])


@pytest.fixture
def key(site: World) -> str:
    """The key of a mail in the outbox."""
    send(site, a_mail())
    return Outbox(outbox_folder(site.settings)).lines(limit=1)[0].key


def test_the_list(site: World, client: httpx.Client) -> None:
    """All mails, newest first, in pages."""
    assert "There is nothing here yet." in client.get("/outbox").text
    send(site, *(a_mail(f"Mail <{number}>") for number in range(51)))
    first, second = client.get("/outbox").text, client.get("/outbox?page=2").text
    assert "51 mails" in first
    assert "Mail &lt;50&gt;" in first
    assert "Mail &lt;0&gt;" not in first
    assert "Mail &lt;0&gt;" in second
    assert "jo@example.com" in first
    for odd in ("0", "-1", "x", "9" * 40, "²"):
        assert client.get("/outbox", params={"page": odd}).status_code == 200


def test_times_name_their_zone(sqlite_url: str) -> None:
    """A time is the press office's, and says so."""
    with world(sqlite_url, MEDIANOTE_TIMEZONE="Asia/Kathmandu") as site, site.client() as client:
        send(site, a_mail())
        assert re.search(r">\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\+05:45<", client.get("/outbox").text)


def test_a_mail_in_all_its_parts(client: httpx.Client, key: str) -> None:
    """HTML in a sandboxed frame, the text, the headers and the source, behind plain links."""
    page = client.get(f"/outbox/{key}").text
    assert f'<iframe class="mail" sandbox="" src="/outbox/{key}/frame"' in page
    assert page.count("https://a.example/x?a=1&amp;b=2</span>") == 1
    assert "the report</bdi></a>" in page
    assert "javascript:" not in page
    assert "<script" not in page
    assert "The harbour opens." in client.get(f"/outbox/{key}?part=text").text
    assert "b@example.org" in client.get(f"/outbox/{key}?part=headers").text
    source = client.get(f"/outbox/{key}?part=source").text
    assert "Content-Type: multipart/alternative" in source
    assert "<script" not in source
    for part in ("html", "text", "headers", "source"):
        assert f"/outbox/{key}?part={part}" in page


def test_the_frame_is_powerless(client: httpx.Client, key: str) -> None:
    """The mail's own HTML comes with a policy that lets it run, load and submit nothing."""
    frame = client.get(f"/outbox/{key}/frame")
    assert "<script>" in frame.text
    policy = frame.headers["content-security-policy"]
    assert policy.startswith("sandbox; default-src 'none'; style-src 'unsafe-inline'")
    assert "frame-ancestors 'self'" in policy


def test_a_mail_of_text_alone(site: World, client: httpx.Client) -> None:
    """Who chose plain text gets no HTML, and so does the page."""
    send(site, a_mail(has_html=False))
    key = Outbox(outbox_folder(site.settings)).lines(limit=1)[0].key
    page = client.get(f"/outbox/{key}").text
    assert "The harbour opens." in page
    assert "iframe" not in page
    assert client.get(f"/outbox/{key}/frame").status_code == 404


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-For": "192.0.2.1"},
        {"Forwarded": "for=192.0.2.1"},
        {"X-Forwarded-Host": "localhost"},
        {"Host": "rebound.example"},
    ],
)
def test_nobody_from_outside(client: httpx.Client, key: str, headers: dict[str, str]) -> None:
    """Through a proxy, or under a foreign name, there is no outbox."""
    for path in ("/outbox", f"/outbox/{key}", f"/outbox/{key}/frame"):
        answer = client.get(path, headers=headers)
        assert answer.status_code in {400, 404}
        assert "Harbour" not in answer.text


def test_a_client_of_another_machine(sqlite_url: str) -> None:
    """A trusted proxy on this machine that speaks for another gets a 404."""
    with world(sqlite_url, MEDIANOTE_TRUSTED_PROXIES="127.0.0.1") as site, site.client() as client:
        send(site, a_mail())
        assert client.get("/outbox").status_code == 200
        headers = {"X-Forwarded-For": "192.0.2.1", "X-Forwarded-Host": "localhost"}
        assert client.get("/outbox", headers=headers).status_code == 404


@pytest.fixture
def relayed(sqlite_url: str) -> Iterator[World]:
    """An installation whose mail goes to a relay."""
    with world(sqlite_url, MEDIANOTE_SMTP_URL="smtp://127.0.0.1:25") as site:
        yield site


def test_no_outbox_with_a_relay(relayed: World) -> None:
    """Where mail really goes out there is no such page."""
    with relayed.client() as client:
        assert client.get("/outbox").status_code == 404


@pytest.mark.parametrize("key", ["x", "%2e%2e%2fnew", "1.M000001P1Q000000001.h"])
def test_mails_that_are_not_there(client: httpx.Client, key: str) -> None:
    """A key that leads nowhere is a 404 page."""
    assert client.get(f"/outbox/{key}").status_code == 404
    assert client.get(f"/outbox/{key}/frame").status_code == 404


def test_mail_that_is_broken(site: World, client: httpx.Client) -> None:
    """What is no proper mail can be looked at all the same."""
    folder = outbox_folder(site.settings)
    outbox = LocalOutbox(folder)
    outbox.maildir.make()
    for octets in BROKEN:
        key = outbox.maildir.deliver(octets)
        for part in ("", "html", "text", "headers", "source"):
            assert client.get(f"/outbox/{key}?part={part}").status_code == 200
    assert client.get("/outbox").status_code == 200
