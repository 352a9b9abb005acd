"""The engine against real SMTP servers: what it sends, to whom, and when it stops."""

import dataclasses
import datetime as dt
import threading
from email import message_from_bytes, policy
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from mail.tokens import Purpose
from releases import commands
from releases.models import Delivery, Distribution, Rendering
from subscribers.models import Subscriber, Subscription
from tests.support.fleet import message_ids, status_of, wait_until
from tests.support.office import SENDING
from tests.support.smtp_model import ESMTP, Say, SmtpModel, Vanish
from tests.support.smtp_server import SmtpServer
from tests.support.workshop import KEYRING, Workshop, scripted
from worker.engine import Delivered


def test_everyone_gets_their_own_copy(shop: Workshop) -> None:
    """The mail is to the person, with their links, and says why they get it."""
    people = shop.people(30)
    distribution = shop.publish()
    with SmtpServer() as server:
        delivered = shop.engine(server.port).deliver()
        assert delivered == Delivered(is_more_left=False, to_settle=frozenset({distribution}))
        assert shop.settle(distribution) == "complete"
    assert status_of(shop.office, distribution).accepted == 30
    got = message_ids(server)
    assert len(got) == 30
    mail = message_from_bytes(server.taken[0].data, policy=policy.default)
    (recipient,) = server.taken[0].rcpt_to
    number = int(recipient.split("@")[0].removeprefix("<").removeprefix("reader"))
    assert mail["To"] == f"Reader {number} <reader{number}@example.net>"
    token = mail["List-Unsubscribe"].split("/u/")[1].split(">")[0]
    assert KEYRING.verify(Purpose.UNSUBSCRIBE, token)[0] == people[number - 1]
    text = mail.get_body(("plain",))
    assert text is not None
    assert "You get this because you follow Press, since March 2024." in text.get_content()


def test_months_are_the_offices(shop: Workshop) -> None:
    """Since when somebody follows a list is told in the press office's time zone."""
    shop.people(1)
    with shop.database.transaction() as session:
        late = dt.datetime(2024, 2, 29, 23, 30, tzinfo=dt.UTC)
        session.execute(sa.update(Subscription).values(began_at=late))
    shop.publish()
    sending = dataclasses.replace(SENDING, timezone=ZoneInfo("Europe/Brussels"))
    with SmtpServer() as server:
        assert shop.engine(server.port, sending=sending).deliver().to_settle
    mail = message_from_bytes(server.taken[0].data, policy=policy.default)
    text = mail.get_body(("plain",))
    assert text is not None
    assert "since March 2024." in text.get_content()


def test_several_batches_are_delivered_in_one_go(shop: Workshop) -> None:
    """The engine goes on with the next batch, and leaves neither lease nor journal behind."""
    shop.people(2500)
    distribution = shop.publish()
    with SmtpServer() as server:
        engine = shop.engine(server.port)
        while engine.deliver().is_more_left:
            pass
        assert shop.settle(distribution) == "complete"
    assert len(message_ids(server)) == len(server.taken) == 2500
    engine.close()
    assert shop.left_behind() == (0, [])


def test_refusals_concern_one_person(shop: Workshop) -> None:
    """A refused recipient fails, a deferred one goes again; the others have it."""

    def script(verb: str, argument: str, count: int) -> object:
        if verb == "RCPT" and "reader3@" in argument:
            return Say("550 5.1.1 No such user")
        if verb == "RCPT" and "reader5@" in argument and count < 100:
            return Say("450 4.2.0 Greylisted")
        return None

    shop.people(10)
    distribution = shop.publish()
    with SmtpServer(scripted(script)) as server:
        engine = shop.engine(server.port)
        engine.deliver()
    said = status_of(shop.office, distribution)
    assert (said.accepted, said.failed, said.deferred) == (8, 1, 1)
    with SmtpServer() as server:
        shop.make_due()
        engine = shop.engine(server.port)
        engine.deliver()
        assert server.recipients == ["reader5@example.net"]
    assert shop.settle(distribution) == "complete"
    assert status_of(shop.office, distribution).repeats == 0
    with shop.database.reading() as session:
        failed = session.scalars(sa.select(Delivery).where(Delivery.state == "failed")).one()
        assert failed.reply == "550 5.1.1 No such user"


def test_an_address_that_no_relay_takes_fails_alone(shop: Workshop) -> None:
    """Without SMTPUTF8 at the relay an internationalised address fails, clearly."""
    odd, *_ = shop.people(5)
    with shop.database.transaction() as session:
        session.execute(
            sa.update(Subscriber).where(Subscriber.id == odd).values(address="käthe@example.net")
        )
    distribution = shop.publish()
    plain = tuple(word for word in ESMTP if word != "SMTPUTF8")
    with SmtpServer(scripted(lambda *_: None, plain)) as server:
        shop.engine(server.port).deliver()
    assert shop.settle(distribution) == "complete"
    said = status_of(shop.office, distribution)
    assert (said.accepted, said.failed) == (4, 1)
    with shop.database.reading() as session:
        failed = session.scalars(sa.select(Delivery).where(Delivery.state == "failed")).one()
        assert failed.subscriber_id == odd
        assert "SMTPUTF8" in (failed.reason or "")


def test_a_copy_that_cannot_be_made_fails_alone(shop: Workshop) -> None:
    """A damaged address does not stop the others, and does not loop."""
    odd, *_ = shop.people(5)
    with shop.database.transaction() as session:
        session.execute(
            sa.update(Subscriber)
            .where(Subscriber.id == odd)
            .values(address="a\r\nRCPT TO:<x@y>@example.net")
        )
    distribution = shop.publish()
    with SmtpServer() as server:
        shop.engine(server.port).deliver()
        assert len(server.taken) == 4
    assert shop.settle(distribution) == "complete"
    said = status_of(shop.office, distribution)
    assert (said.accepted, said.failed) == (4, 1)


def test_a_damaged_rendering_fails_with_a_plain_reason(shop: Workshop) -> None:
    """What cannot be read as a stencil fails for those who need it; nothing loops."""
    shop.people(5)
    shop.people(5, language="fr")
    distribution = shop.publish()
    with shop.database.transaction() as session:
        session.execute(
            sa.update(Rendering).where(Rendering.language == "fr").values(stencil=b"nonsense")
        )
    with SmtpServer() as server:
        shop.engine(server.port).deliver()
    assert shop.settle(distribution) == "complete"
    said = status_of(shop.office, distribution)
    assert (said.accepted, said.failed) == (5, 5)


def test_a_message_in_doubt_is_sent_again_with_the_same_message_id(shop: Workshop) -> None:
    """A server that vanishes after taking a message: it goes again, is counted, and is known."""

    def script(verb: str, argument: str, count: int) -> object:
        return Vanish(took=True) if verb == "CONTENT" else None

    shop.people(10)
    distribution = shop.publish()
    good = SmtpModel
    with SmtpServer(lambda number: SmtpModel(script=script) if number < 3 else good()) as server:
        engine = shop.engine(server.port)
        engine.deliver()
        wait_until(lambda: not engine.is_busy, 5)
        for _ in range(10):
            shop.make_due()
            engine._relay_back_at = 0.0
            engine.deliver()
            if shop.settle(distribution) == "complete":
                break
        got = message_ids(server)
    said = status_of(shop.office, distribution)
    assert said.state == "complete"
    assert said.accepted == len(got) == 10
    assert all(len(ids) == 1 for ids in got.values())
    assert said.repeats == sum(sum(ids.values()) - 1 for ids in got.values()) > 0


def test_pause_and_cancel_take_effect_within_a_second(shop: Workshop) -> None:
    """In mid-batch, with a slow relay: soon after the officer's word nothing more leaves."""
    shop.people(190)
    distribution = shop.publish()
    with SmtpServer(reply_delay_seconds=0.05) as server:
        engine = shop.engine(server.port)
        thread = threading.Thread(target=engine.deliver)
        thread.start()
        wait_until(lambda: len(server.taken) > 10, 10)
        with shop.database.transaction() as session:
            commands.pause(session, distribution)
        wait_until(lambda: not engine.is_busy, 1.5, "the engine goes on after a pause")
        thread.join()
        paused_at = len(server.taken)
        assert paused_at < 150
        assert status_of(shop.office, distribution).accepted == paused_at
        assert not engine.deliver().is_more_left
        with shop.database.transaction() as session:
            commands.resume(session, distribution)
        while shop.settle(distribution) != "complete":
            engine.deliver()
        assert len(message_ids(server)) == len(server.taken) == 190


def test_a_rehearsal_mails_only_whom_it_may(shop: Workshop) -> None:
    """MEDIANOTE_ONLY_TO: everyone else is held back, with the reason."""
    shop.people(5)
    shop.people(3, domain="office.example")
    distribution = shop.publish()
    with SmtpServer() as server:
        shop.engine(server.port, only_to=("office.example", "reader1@example.net")).deliver()
        assert len(server.taken) == 4
    assert shop.settle(distribution) == "complete"
    said = status_of(shop.office, distribution)
    assert (said.accepted, said.suppressed) == (4, 4)


def test_the_engine_that_is_asked_to_stop_gives_everything_back(shop: Workshop) -> None:
    """Nothing new begins, what is out is finished, the rest is open again."""
    shop.people(190)
    distribution = shop.publish()
    with SmtpServer(reply_delay_seconds=0.05) as server:
        engine = shop.engine(server.port)
        thread = threading.Thread(target=engine.deliver)
        thread.start()
        wait_until(lambda: len(server.taken) > 10, 10)
        shop.is_stopping = True
        thread.join(3)
        assert not engine.is_busy
        engine.close()
        assert shop.left_behind() == (0, [])
        said = status_of(shop.office, distribution)
        assert said.accepted == len(server.taken)
        assert said.queued == 190 - said.accepted


def test_nothing_is_delivered_after_an_outage_before_the_sweep_has_looked(shop: Workshop) -> None:
    """Until a sweep has said that workers run, stale work does not leave."""
    shop.people(5)
    distribution = shop.publish()
    with shop.database.transaction() as session:
        session.execute(sa.text("DELETE FROM fact"))
    with SmtpServer() as server:
        assert shop.engine(server.port).deliver() == Delivered()
        assert server.taken == []
    with shop.database.reading() as session:
        assert session.get_one(Distribution, distribution).state == "running"


def test_one_engine_delivers_at_a_time(shop: Workshop) -> None:
    """A second task in the same process returns at once."""
    shop.people(100)
    shop.publish()
    with SmtpServer(reply_delay_seconds=0.05) as server:
        engine = shop.engine(server.port)
        thread = threading.Thread(target=engine.deliver)
        thread.start()
        wait_until(lambda: len(server.taken) > 0, 10)
        assert engine.deliver() == Delivered()
        thread.join()
