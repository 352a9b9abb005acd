"""Notices: each kind in each language, sent once over real SMTP, whatever fails."""

import datetime as dt
import threading
from collections.abc import Iterator
from email import policy
from email.parser import BytesParser

import pytest
import sqlalchemy as sa
from lxml.html import document_fromstring as html_of

from mail.addresses import parse_address
from runtime.database import Database
from runtime.i18n import supported
from subscribers import desk_commands, desk_members
from subscribers.commands import stop_all
from subscribers.consents import Via
from subscribers.models import MailingList, Subscriber, Suppression
from subscribers.notices import NoticeKind, queue
from subscribers.record_models import AddressChange, Notice, SignUp, SignUpList
from tests.support.people import HASH_KEY, add_list, add_person
from tests.worker.relaying import Relaying
from worker.notice_ledger import forget_old_notices

VIA = Via("a test")


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    made = Database(database_url)
    yield made
    made.dispose()


@pytest.fixture
def relaying(database: Database) -> Iterator[Relaying]:
    made = Relaying(database)
    with made.server:
        yield made


def queue_every_kind(database: Database, language: str) -> None:
    """One notice of each kind, to Jo."""
    with database.transaction() as session:
        press = session.scalar(sa.select(MailingList)) or add_list(session, "press", "Press <news>")
        jo = add_person(session, f"jo-{language}@example.com", [press], language=language)
        sign_up = SignUp(
            address=jo.address,
            address_key=jo.address_key,
            address_hash=jo.address_hash,
            language=language,
            format="html",
        )
        change = AddressChange(
            subscriber_id=jo.id,
            address_before=jo.address,
            address="new@example.com",
            address_key="new@example.com",
            address_hash=b"x",
        )
        session.add_all([sign_up, change])
        session.flush()
        session.add(SignUpList(sign_up_id=sign_up.id, list_id=press.id, frequency="daily"))
        entry_id = stop_all(session, jo.id, VIA).entry_id
        desk = desk_commands.create_desk(
            session,
            f"desk-{language}@example.com",
            "The Desk",
            f"keeper-{language}@example.com",
            VIA,
            hash_key=HASH_KEY,
            language=language,
        )
        member = parse_address(f"member-{language}@example.com")
        desk_members.invite(session, desk, member, hash_key=HASH_KEY)
        details: dict[NoticeKind, dict[str, object]] = {
            NoticeKind.CONFIRM_SIGN_UP: {"sign_up_id": sign_up.id},
            NoticeKind.ALREADY_SUBSCRIBED: {"lists": [press.id]},
            NoticeKind.CHANGED: {"entry_id": entry_id},
            NoticeKind.CONFIRM_ADDRESS: {"address_change_id": change.id},
            NoticeKind.ADDRESS_CHANGED: {"entry_id": entry_id},
        }
        for kind in set(NoticeKind) - {NoticeKind.DESK_INVITATION, NoticeKind.DESK_LINK}:
            queue(
                session,
                kind,
                address=jo.address,
                language=language,
                subscriber_id=jo.id,
                name="Jo",
                detail=details.get(kind),
            )


@pytest.mark.unmeasured
def test_every_kind_in_every_language_is_a_whole_mail(relaying: Relaying) -> None:
    """Text and HTML, to one person, from no list and no human, with a link of ours where due."""
    for language in supported():
        queue_every_kind(relaying.database, language)
    assert relaying.lane().send_due() == len(supported()) * len(NoticeKind)
    assert {state for _, state in relaying.states()} == {"accepted"}
    assert {kind for kind, _ in relaying.states()} == set(NoticeKind) - {NoticeKind.ERASED}
    confirmations = [
        BytesParser(policy=policy.default).parsebytes(octets).get_body(("plain",))
        for octets in relaying.mails
        if b"Subject: Please confirm: do you want" in octets
    ]
    assert len(confirmations) == 1
    assert confirmations[0] is not None
    assert "Press <news>: once a day, at 08:00 (UTC)." in confirmations[0].get_content()
    identifiers = set()
    for octets in relaying.mails:
        mail = BytesParser(policy=policy.default).parsebytes(octets)
        assert mail["Auto-Submitted"] == "auto-generated"
        assert mail["List-Unsubscribe"] is None
        identifiers.add(mail["Message-ID"])
        text, html = mail.get_body(("plain",)), mail.get_body(("html",))
        assert text is not None
        assert html is not None
        words, page = text.get_content(), html.get_content()
        assert mail["Subject"]
        assert "mnhole" not in words + page
        assert "notice-place" not in words + page
        body = html_of(page).find_class("body")[0]
        # Nothing that the styles name but what they were inlined into (worker.notice_html).
        assert {inner.tag for inner in body.iter()} <= {"div", "p", "a", "strong", "bdi"}
        assert all(inner.get("style") for inner in body.iter("div", "p", "a"))
        assert f'lang="{mail["Content-Language"]}"' in page
        assert ('dir="rtl"' in page) == (mail["Content-Language"] == "ar")
        assert ("https://press.example.org/" in words) == ("https://press.example.org/" in page)
        assert "<news>" not in page
    assert len(identifiers) == len(relaying.mails) == len(supported()) * len(NoticeKind)


def test_a_new_keeper_is_told_what_that_is(relaying: Relaying) -> None:
    """Which desk, at which address, and that it was the office: they have asked for nothing."""
    with relaying.database.transaction() as session:
        desk_commands.create_desk(
            session, "desk@paper.example", "City <desk>", "jo@paper.example", VIA, hash_key=HASH_KEY
        )
    relaying.lane().send_due()
    (octets,) = relaying.mails
    mail = BytesParser(policy=policy.default).parsebytes(octets)
    text = mail.get_body(("plain",))
    assert text is not None
    told = " ".join(text.get_content().split())
    assert mail["To"] == "jo@paper.example"
    assert "Our office has made you keeper of City <desk> (desk@paper.example)." in told
    assert "A desk is an address that several people read" in told
    assert "asked" not in told
    assert "https://press.example.org/p/" in told


def test_two_lanes_send_each_notice_once(relaying: Relaying) -> None:
    """Side by side, as in two workers."""
    queue_every_kind(relaying.database, "en")
    lanes = [threading.Thread(target=relaying.lane().send_due) for _ in range(2)]
    for lane in lanes:
        lane.start()
    for lane in lanes:
        lane.join()
    assert len(relaying.mails) == len(NoticeKind)
    assert relaying.lane().send_due() == 0


def test_who_must_not_be_mailed_is_told_nothing_but_what_they_asked_for(
    relaying: Relaying,
) -> None:
    """A suppression holds for what others caused; a rehearsal holds for everything."""
    queue_every_kind(relaying.database, "en")
    with relaying.database.transaction() as session:
        jo = session.scalars(
            sa.select(Subscriber).where(Subscriber.address == "jo-en@example.com")
        ).one()
        session.add(Suppression(address_hash=jo.address_hash, reason="hard bounce"))
        # To Jo, about somebody else; and about Jo, to somebody else.
        other = add_person(session, "other@example.com")
        for address, about in ((jo.address, other), (other.address, jo)):
            queue(
                session,
                NoticeKind.DESK_LINK,
                address=address,
                language="en",
                subscriber_id=about.id,
                detail={"why": "stop"},
            )
    relaying.lane().send_due()
    assert relaying.states()[-2:] == [("desk-link", "cancelled"), ("desk-link", "accepted")]
    cancelled = {kind for kind, state in relaying.states() if state == "cancelled"}
    assert cancelled == {"already-subscribed", "changed", "address-changed", "desk-link"}
    queue_every_kind(relaying.database, "fr")
    before = len(relaying.mails)
    relaying.lane(only_to=("example.net",)).send_due()
    assert len(relaying.mails) == before


def test_what_is_gone_is_not_spoken_of(relaying: Relaying) -> None:
    """A sign-up that was confirmed or deleted needs no confirmation."""
    queue_every_kind(relaying.database, "en")
    with relaying.database.transaction() as session:
        session.execute(sa.update(SignUp).values(confirmed_at=sa.func.current_timestamp()))
    relaying.lane().send_due()
    assert ("confirm-sign-up", "cancelled") in relaying.states()


def test_decided_notices_are_kept_for_a_month(relaying: Relaying) -> None:
    """Their addresses go with them; that of who was erased is forgotten when it is decided."""
    queue_every_kind(relaying.database, "en")
    relaying.lane().send_due()
    forget_old_notices(relaying.database)
    assert len(relaying.states()) == len(set(NoticeKind) - {NoticeKind.ERASED})
    with relaying.database.transaction() as session:
        session.execute(sa.update(Notice).values(created_at=dt.datetime(2020, 1, 1, tzinfo=dt.UTC)))
        queue(session, NoticeKind.NOT_BY_FORM, address="young@example.com", language="en")
    forget_old_notices(relaying.database)
    assert relaying.states() == [("not-by-form", "queued")]
