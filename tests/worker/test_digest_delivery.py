"""Digests as they arrive: planned, rendered and sent by a worker."""

import datetime as dt
import mailbox
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest
import sqlalchemy as sa

from mail.tokens import Keyring, Purpose
from releases.digests import turn as turn_module
from releases.models import Distribution, DistributionKind
from runtime.database import Database
from runtime.migrations import migrate
from runtime.settings import Settings
from subscribers.models import PLAN_ANEW, ListSetMember, Subscriber
from tests.support.fleet import status_of, wait_until
from tests.support.office import HASH_KEY, Office
from worker.doorbell import ring_prepare
from worker.embedded import running_worker


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """An installation without any setting but its folder."""
    made = Settings(state_dir=tmp_path / "state", hash_key=HASH_KEY)
    migrate(made.database)
    return made


def outbox(settings: Settings) -> list[EmailMessage]:
    """What has arrived."""
    folder = settings.state_folder / "outbox"
    if not folder.exists():
        return []
    return [
        message_from_bytes(one.as_bytes(), policy=policy.default) for one in mailbox.Maildir(folder)
    ]


def test_a_digest_arrives(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two releases to a list that two people read daily and one at once: two mails and two
    digests, and each digest's one click ends the list that it came through.
    """
    monkeypatch.setattr(turn_module, "OPEN_FOR", dt.timedelta(seconds=0.5))
    office = Office(Database(settings.database))
    press = office.lists("press")["press"]
    daily = office.people(2)
    office.subscribe(daily, press, frequency="daily")
    office.subscribe(office.people(1), press)
    with running_worker(settings):
        for title in ("Ferries by night", "Fares stay as they are"):
            ring_prepare(settings, office.publish("press", title=title))
        wait_until(lambda: len(outbox(settings)) == 2, 20)
        with office.database.transaction() as session:
            session.execute(
                sa.update(Subscriber)
                .where(Subscriber.id.in_(daily))
                .values(next_digest_at=dt.datetime.now(dt.UTC))
            )
        wait_until(lambda: len(outbox(settings)) == 4, 20)
        with office.database.reading() as session:
            digest = session.scalars(
                sa.select(Distribution.id).where(Distribution.kind == DistributionKind.DIGEST)
            ).one()
        wait_until(lambda: status_of(office, digest).is_finished, 20)
    found = [mail for mail in outbox(settings) if mail["Auto-Submitted"]]
    assert len(found) == 2
    for mail in found:
        assert mail["Subject"] == "Fares stay as they are, and 1 more"
        assert mail["List-Id"].startswith("Press <press.")
        text = mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
        assert text.index("1. Fares stay") < text.index("2. Ferries by night")
        assert "You get this because you follow Press" in text
        assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        token = mail["List-Unsubscribe"].split("/u/")[1].split(">")[0]
        keyring = Keyring(settings.signing_keys, settings.retired_keys)
        person, list_set = keyring.verify(Purpose.UNSUBSCRIBE, token)[:2]
        assert person in daily
        with office.database.reading() as session:
            lists = session.scalars(
                sa.select(ListSetMember.list_id).where(ListSetMember.list_set_id == list_set)
            )
            assert lists.all() == [press]
    said = status_of(office, digest)
    assert (said.kind, said.state, said.accepted, said.balances) == ("digest", "complete", 2, True)


def test_nobody_is_planned_for_in_a_rehearsal(settings: Settings) -> None:
    """While only some people may be mailed, everyone else's digests wait."""
    office = Office(Database(settings.database))
    press = office.lists("press")["press"]
    (reader,) = office.people(1)
    office.subscribe([reader], press, frequency="daily")
    office.subscribe(office.people(1), press)
    with office.database.transaction() as session:
        session.execute(
            sa.update(Subscriber).where(Subscriber.id == reader).values(next_digest_at=PLAN_ANEW)
        )
    rehearsal = settings.model_copy(update={"only_to": ("reader2@example.net",)})
    with running_worker(rehearsal):
        distribution = office.publish("press", is_rehearsal=True)
        ring_prepare(rehearsal, distribution)
        wait_until(lambda: status_of(office, distribution).is_finished, 20)
    with office.database.reading() as session:
        assert session.get_one(Subscriber, reader).next_digest_at == PLAN_ANEW
    with running_worker(settings):
        wait_until(lambda: _next_of(office, reader) != PLAN_ANEW, 20)


def _next_of(office: Office, reader: int) -> dt.datetime | None:
    with office.database.reading() as session:
        return session.get_one(Subscriber, reader).next_digest_at
