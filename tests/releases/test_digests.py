"""Digests: who gets what, and nobody anything twice."""

import datetime as dt
import threading

import pytest
import sqlalchemy as sa

from releases import commands
from releases.digests import turn as turn_module
from releases.digests.turn import OPEN_FOR, Turn
from releases.models import (
    Delivery,
    DigestMember,
    Distribution,
    DistributionList,
    DistributionState,
    Release,
    ReleaseVersion,
)
from releases.resending import ResendOrder, resend
from subscribers.models import PLAN_ANEW, Subscriber
from subscribers.record_models import MergedSubscriber
from tests.support.digests import UTC, DigestRoom

MONDAY = dt.datetime(2026, 11, 30, 8, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
DAY = dt.timedelta(days=1)


@pytest.fixture
def room(database_url: str) -> DigestRoom:
    """On either database."""
    return DigestRoom(database_url)


def test_a_daily_digest_brings_the_day(room: DigestRoom) -> None:
    """One mail with the releases since the last, and none where nothing came out."""
    press = room.office.lists("press")["press"]
    (reader, *others) = room.readers(5, press)
    assert room.plan(MONDAY - 2 * DAY - HOUR) == []  # works out when they are due
    assert room.plan(MONDAY - 2 * DAY) == []
    room.release("First", "press", at=MONDAY - 2 * DAY + HOUR)
    room.release("Second", "press", at=MONDAY - 2 * DAY + 2 * HOUR)
    assert room.plan(MONDAY - DAY - HOUR) == []
    (digest,) = room.plan(MONDAY - DAY)
    assert room.titles(digest) == ["Second", "First"]
    assert all(room.got(one) == ["Second", "First"] for one in (reader, *others))
    assert room.plan(MONDAY) == []
    with room.database.reading() as session:
        found = session.get_one(Distribution, digest)
        assert found.due_at == MONDAY - DAY + OPEN_FOR
        assert found.eligible == 5
        assert set(session.scalars(sa.select(Subscriber.next_digest_at))) == {MONDAY + DAY}


def test_weekly_ones_come_on_mondays(room: DigestRoom) -> None:
    """Who reads one list daily and another weekly gets each in its time."""
    lists = room.office.lists("press", "arts")
    (reader,) = room.readers(1, lists["press"])
    room.office.subscribe([reader], lists["arts"], frequency="weekly")
    room.plan(MONDAY - 5 * DAY)
    room.release("Of the arts", "arts", at=MONDAY - 5 * DAY + HOUR)
    room.release("Of the press", "press", at=MONDAY - 5 * DAY + 2 * HOUR)
    for day in range(4, 0, -1):
        room.plan(MONDAY - day * DAY)
    assert room.got(reader) == ["Of the press"]
    room.plan(MONDAY)
    assert room.got(reader) == ["Of the press", "Of the arts"]


def test_who_lacks_the_same_shares_a_rendering(room: DigestRoom) -> None:
    """People of different lists are in one digest if its releases are the same."""
    lists = room.office.lists("press", "arts")
    one, two = room.readers(1, lists["press"]) + room.readers(1, lists["arts"])
    both = room.readers(1, *lists.values())[0]
    room.plan(MONDAY - DAY)
    room.release("On both", "press", "arts", at=MONDAY - HOUR)
    (digest,) = room.plan(MONDAY)
    with room.database.reading() as session:
        members = dict(
            session.execute(sa.select(DigestMember.subscriber_id, DigestMember.mask)).all()
        )
        ordered = session.scalars(
            sa.select(DistributionList.list_id)
            .where(DistributionList.distribution_id == digest)
            .order_by(DistributionList.position)
        ).all()
    assert ordered == [lists["press"], lists["arts"]]
    assert members == {one: 1, two: 2, both: 3}


def test_what_somebody_has_is_not_repeated(room: DigestRoom) -> None:
    """Neither what came at once through another list, nor what a digest brought."""
    lists = room.office.lists("press", "arts")
    (reader,) = room.readers(1, lists["press"])
    room.office.subscribe([reader], lists["arts"])  # at once
    room.plan(MONDAY - 2 * DAY)
    room.release("On both", "press", "arts", at=MONDAY - DAY - HOUR)
    room.release("Of the press", "press", at=MONDAY - DAY - HOUR)
    for day in range(2, -1, -1):
        room.plan(MONDAY - day * DAY)
    assert room.got(reader) == ["On both", "Of the press"]


def test_nothing_is_sent_at_once_that_a_digest_has_brought(room: DigestRoom) -> None:
    """The same text to a further list leaves out who has it by a digest, planned or sent."""
    lists = room.office.lists("press", "arts")
    (reader,) = room.readers(1, lists["press"])
    room.office.subscribe([reader], lists["arts"])
    other = room.office.people(1)
    room.office.subscribe(other, lists["arts"])
    room.plan(MONDAY - DAY)
    room.release("Text", "press", at=MONDAY - HOUR)
    room.plan_only(MONDAY)
    assert room.digests()
    second = room.office.publish("arts", title="Text")
    room.office.expand(second)
    assert room.got(reader) == []
    assert room.got(other[0]) == ["Text"]
    (digest,) = room.digests()
    room.edit(digest, state=DistributionState.RUNNING)
    room.office.expand(digest)
    assert room.got(reader) == ["Text"]


@pytest.mark.parametrize("state", ["running", "paused", "held"])
def test_who_is_about_to_get_it_at_once_is_left_to_that(room: DigestRoom, state: str) -> None:
    """While a distribution is not expanded yet, its people are its own."""
    lists = room.office.lists("press", "arts")
    (reader,) = room.readers(1, lists["press"])
    room.office.subscribe([reader], lists["arts"])
    room.plan(MONDAY - DAY)
    room.release("Text", "press", at=MONDAY - HOUR)
    second = room.office.publish("arts", title="Text")
    room.edit(second, due_at=MONDAY - HOUR, state=DistributionState(state))
    assert room.plan(MONDAY) == []
    room.edit(second, state=DistributionState.RUNNING)
    room.office.expand(second)
    assert room.got(reader) == ["Text"]


def test_an_embargo_holds_for_digests(room: DigestRoom) -> None:
    """What is under embargo waits for the first digest after it lifts."""
    press = room.office.lists("press")["press"]
    (reader,) = room.readers(1, press)
    room.plan(MONDAY - 2 * DAY)
    early = room.release("Embargoed", "press", at=MONDAY - DAY - HOUR)
    with room.database.transaction() as session:
        session.execute(sa.update(ReleaseVersion).values(embargo_at=MONDAY - DAY + HOUR))
    assert room.plan(MONDAY - DAY) == []
    (digest,) = room.plan(MONDAY)
    assert room.titles(digest) == room.titles(early) == room.got(reader) == ["Embargoed"]


@pytest.mark.parametrize("state", ["scheduled", "paused", "held", "cancelled"])
def test_what_is_not_out_is_not_in_a_digest(room: DigestRoom, state: str) -> None:
    """Nor what an officer has stopped; once it is let go on, the next digest has it."""
    press = room.office.lists("press")["press"]
    (reader,) = room.readers(1, press)
    room.plan(MONDAY - 2 * DAY)
    number = room.release("Stopped", "press", at=MONDAY - DAY - HOUR, state=state)
    assert room.plan(MONDAY - DAY) == []
    room.edit(number, state=DistributionState.COMPLETE, resumed_at=MONDAY - HOUR)
    assert len(room.plan(MONDAY)) == 1
    assert room.got(reader) == ["Stopped"]


def test_rehearsals_and_resends_are_in_no_digest(room: DigestRoom) -> None:
    """A rehearsal is not for them, and a resend brings nothing new."""
    press = room.office.lists("press")["press"]
    room.readers(1, press)
    room.plan(MONDAY - DAY)
    room.release("Rehearsed", "press", at=MONDAY - HOUR, is_rehearsal=True)
    room.release("Resent", "press", at=MONDAY - HOUR, resends_id=1)
    assert room.plan(MONDAY) == []


def test_of_a_release_the_newest_version_counts(room: DigestRoom) -> None:
    """Who gets the corrected one by a digest never gets the first one."""
    lists = room.office.lists("press", "arts")
    (reader,) = room.readers(1, *lists.values())
    room.plan(MONDAY - 2 * DAY)
    first = room.release("First version", "arts", at=MONDAY - DAY - 2 * HOUR)
    second = room.release("Second version", "press", at=MONDAY - DAY - HOUR)
    with room.database.transaction() as session:
        release = session.scalars(sa.select(Release.id).order_by(Release.id)).first()
        session.execute(
            sa.update(ReleaseVersion)
            .where(ReleaseVersion.title == "Second version")
            .values(release_id=release, number=2)
        )
    assert first < second
    for day in range(1, -2, -1):
        room.plan(MONDAY - day * DAY)
    assert room.got(reader) == ["Second version"]


def test_a_change_of_frequency_loses_nothing(room: DigestRoom) -> None:
    """What came out before the change is still brought, and once."""
    press = room.office.lists("press")["press"]
    (weekly,) = room.readers(1, press, frequency="weekly")
    (at_once,) = room.readers(1, press, frequency="at-once")
    room.plan(MONDAY - 5 * DAY)
    room.release("Before", "press", at=MONDAY - 5 * DAY + HOUR)
    room.change(weekly, press, "at-once", MONDAY - 5 * DAY + 2 * HOUR)
    room.change(at_once, press, "daily", MONDAY - 5 * DAY + 2 * HOUR)
    late = room.release("Between", "press", at=MONDAY - 5 * DAY + 2 * HOUR, state="paused")
    room.edit(late, due_at=MONDAY - 5 * DAY + HOUR)
    room.plan(MONDAY - 5 * DAY + 3 * HOUR)
    room.release("After", "press", at=MONDAY - 5 * DAY + 4 * HOUR)
    room.edit(late, state=DistributionState.RUNNING)
    room.office.expand(late)
    for day in range(4, -2, -1):
        room.plan(MONDAY - day * DAY)
    for reader in (weekly, at_once):
        assert sorted(room.got(reader)) == ["After", "Before", "Between"]


def test_a_missed_turn_is_made_up_for(room: DigestRoom) -> None:
    """No worker ran for days, a Monday among them: one mail brings all of it."""
    lists = room.office.lists("press", "arts")
    (reader,) = room.readers(1, lists["press"])
    room.office.subscribe([reader], lists["arts"], frequency="weekly")
    room.plan(MONDAY - 3 * DAY)
    room.release("Of the arts", "arts", at=MONDAY - 3 * DAY + HOUR)
    room.release("Of the press", "press", at=MONDAY - 2 * DAY)
    room.release("Just now", "press", at=MONDAY + DAY + 5 * HOUR)
    (digest,) = room.plan(MONDAY + DAY + 6 * HOUR)
    assert sorted(room.titles(digest)) == ["Just now", "Of the arts", "Of the press"]
    assert room.plan(MONDAY + 2 * DAY) == []
    assert len(room.got(reader)) == 3


def test_who_came_later_gets_nothing_older(room: DigestRoom) -> None:
    """What was published before somebody subscribed is not for them, nor after they left."""
    press = room.office.lists("press")["press"]
    new, left = room.office.people(2)
    room.office.subscribe([new], press, frequency="daily", began_at=MONDAY - HOUR)
    room.office.subscribe([left], press, frequency="daily")
    room.set([new, left], next_digest_at=PLAN_ANEW)
    room.plan(MONDAY - DAY)
    room.release("Old", "press", at=MONDAY - 2 * HOUR)
    room.office.leave(left, press)
    assert room.plan(MONDAY) == []


def test_who_is_suppressed_or_has_paused_is_told_of_in_the_ledger(room: DigestRoom) -> None:
    """Their deliveries say why nothing was sent."""
    press = room.office.lists("press")["press"]
    barred, paused = room.readers(2, press)
    room.plan(MONDAY - DAY)
    room.release("Text", "press", at=MONDAY - HOUR)
    room.office.suppress(barred)
    room.office.pause(paused, MONDAY + DAY)
    (digest,) = room.plan(MONDAY)
    with room.database.reading() as session:
        reasons = session.execute(
            sa.select(Delivery.subscriber_id, Delivery.reason, Delivery.state).where(
                Delivery.distribution_id == digest
            )
        ).all()
    assert {tuple(row) for row in reasons} == {
        (barred, "hard bounce", "suppressed"),
        (paused, "paused", "suppressed"),
    }


def test_a_merged_reader_has_what_the_other_one_had(room: DigestRoom) -> None:
    """Whether that came at once or by a digest."""
    lists = room.office.lists("press", "arts")
    (gone,) = room.readers(1, lists["press"])
    (stays,) = room.readers(1, *lists.values())
    (other,) = room.office.people(1)
    room.office.subscribe([other], lists["arts"])
    room.plan(MONDAY - 3 * DAY)
    room.set([stays], next_digest_at=None)
    room.release("By a digest", "press", at=MONDAY - 3 * DAY + HOUR)
    room.plan(MONDAY - 2 * DAY)
    room.release("At once", "arts", at=MONDAY - 2 * DAY + HOUR)
    with room.database.transaction() as session:
        session.execute(sa.update(Delivery).values(state="accepted"))
        session.add(MergedSubscriber(subscriber_id=gone, into_id=stays))
        session.add(MergedSubscriber(subscriber_id=other, into_id=stays))
    room.office.leave(gone, lists["press"])
    room.office.leave(other, lists["arts"])
    room.set([stays], next_digest_at=PLAN_ANEW)
    room.plan(MONDAY - DAY - 2 * HOUR)
    room.release("New", "press", at=MONDAY - DAY - HOUR)
    room.plan(MONDAY - DAY)
    assert room.got(gone) == ["By a digest"]
    assert room.got(other) == ["At once"]
    assert room.got(stays) == ["New"]


def test_digests_wait_for_the_next_people(
    room: DigestRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A turn in many pieces makes one distribution, lists that come late included."""
    monkeypatch.setattr(turn_module, "PEOPLE", 3)
    lists = room.office.lists("press", "arts")
    people = room.readers(7, lists["press"]) + room.readers(7, lists["arts"])
    room.plan_only(MONDAY - DAY)
    room.release("Text", "press", "arts", at=MONDAY - HOUR)
    (digest,) = room.plan(MONDAY)
    with room.database.reading() as session:
        assert session.get_one(Distribution, digest).eligible == len(people)


def test_two_turns_at_once_give_nobody_two(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many workers plan, and though one of them begins anew."""
    monkeypatch.setattr(turn_module, "PEOPLE", 5)
    room = DigestRoom(postgresql_url)
    press = room.office.lists("press")["press"]
    people = room.readers(60, press)
    room.plan(MONDAY - DAY)
    room.release("Text", "press", at=MONDAY - HOUR)

    def is_some_left() -> bool:
        with room.database.reading() as session:
            due = sa.select(Subscriber.id).where(Subscriber.next_digest_at <= MONDAY).limit(1)
            return session.scalar(due) is not None

    def plan() -> None:
        turn = Turn(room.database, UTC)
        while is_some_left():
            turn.plan_some(MONDAY)

    threads = [threading.Thread(target=plan) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert room.plan(MONDAY) == []
    with room.database.reading() as session:
        members = session.scalars(sa.select(DigestMember.subscriber_id)).all()
    assert sorted(members) == people


def test_a_digest_is_resent_to_who_failed(room: DigestRoom) -> None:
    """As it was, through the same lists."""
    lists = room.office.lists("press", "arts")
    fine, failed = room.readers(2, *lists.values())
    room.plan(MONDAY - DAY)
    room.release("Text", "press", "arts", at=MONDAY - HOUR)
    (digest,) = room.plan(MONDAY)
    with room.database.transaction() as session:
        session.execute(
            sa.update(Delivery)
            .where(Delivery.distribution_id == digest)
            .values(state=sa.case((Delivery.subscriber_id == failed, "failed"), else_="accepted"))
        )
    made = resend(room.database, ResendOrder(digest), salt=bytes(16))
    room.office.expand(made.distribution_id)
    with room.database.reading() as session:
        assert session.get_one(Distribution, made.distribution_id).eligible == 1
        sets = session.execute(
            sa.select(Delivery.subscriber_id, Delivery.list_set_id).where(
                Delivery.distribution_id.in_([digest, made.distribution_id])
            )
        ).all()
    assert len({list_set for _, list_set in sets}) == 1
    assert sorted(who for who, _ in sets) == [fine, failed, failed]


def test_a_paused_digest_takes_nobody_else(
    room: DigestRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An officer has looked at it as it is."""
    monkeypatch.setattr(turn_module, "PEOPLE", 1)
    press = room.office.lists("press")["press"]
    room.readers(2, press)
    room.plan_only(MONDAY - DAY)
    room.release("Text", "press", at=MONDAY - HOUR)
    turn = Turn(room.database, UTC)
    assert turn.plan_some(MONDAY) == 1
    (first,) = room.digests()
    with room.database.transaction() as session:
        commands.pause(session, first)
    assert turn.plan_some(MONDAY) == 1
    assert len(room.digests()) == 2
