"""Digests when something comes between: officers, outages, changes, mergers."""

import datetime as dt
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from releases import commands
from releases.digests.withdrawn import digests_under_way
from releases.models import Delivery, Distribution, DistributionRelease, ReleaseVersion
from releases.published import public_versions
from releases.resending import ResendOrder, resend
from releases.upkeep import keep_pulse, start
from subscribers.lists import change_list
from subscribers.models import PLAN_ANEW
from subscribers.record_models import MergedSubscriber
from subscribers.subscription_rows import plan_digests_anew
from tests.support.digests import DigestRoom

MONDAY = dt.datetime(2026, 11, 23, 8, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
DAY = dt.timedelta(days=1)


@pytest.fixture
def room(database_url: str) -> DigestRoom:
    """On either database."""
    return DigestRoom(database_url)


def test_a_digest_is_resent_once_to_each(room: DigestRoom) -> None:
    """Who has had it by a resend is in no further one."""
    press = room.office.lists("press")["press"]
    first, second = room.readers(2, press)
    room.plan(MONDAY - DAY)
    room.release("Text", "press", at=MONDAY - HOUR)
    (digest,) = room.plan(MONDAY)
    with room.database.transaction() as session:
        session.execute(
            sa.update(Delivery).where(Delivery.distribution_id == digest).values(state="failed")
        )
    made = resend(room.database, ResendOrder(digest), salt=bytes(16)).distribution_id
    room.office.expand(made)
    with room.database.transaction() as session:
        session.execute(
            sa.update(Delivery)
            .where(Delivery.distribution_id == made)
            .values(state=sa.case((Delivery.subscriber_id == first, "accepted"), else_="failed"))
        )
    again = resend(room.database, ResendOrder(digest), salt=bytes(16)).distribution_id
    room.office.expand(again)
    with room.database.reading() as session:
        assert session.scalars(
            sa.select(Delivery.subscriber_id).where(Delivery.distribution_id == again)
        ).all() == [second]


def test_a_change_loses_no_turn_that_is_due(room: DigestRoom) -> None:
    """Who saves something on a Monday morning, before the turn comes to them, gets it still."""
    press = room.office.lists("press")["press"]
    (reader,) = room.readers(1, press, frequency="weekly")
    room.plan(MONDAY - DAY)
    room.release("Text", "press", at=MONDAY - HOUR)
    room.set([reader], next_digest_at=dt.datetime.now(dt.UTC) - HOUR)
    due_at = room.next_of(reader)
    with room.database.transaction() as session:
        plan_digests_anew(session, reader)
        change_list(session, "press", digest_hour="9")
    assert room.next_of(reader) == due_at
    room.set([reader], next_digest_at=dt.datetime.now(dt.UTC) + HOUR)
    with room.database.transaction() as session:
        plan_digests_anew(session, reader)
    assert room.next_of(reader) == PLAN_ANEW


@pytest.mark.parametrize("command", [commands.cancel, commands.pause])
def test_what_is_stopped_is_taken_out_of_digests_that_wait(
    room: DigestRoom, command: Callable[[Session, int], object]
) -> None:
    """The others in them come all the same; what goes on again comes with the next."""
    press = room.office.lists("press")["press"]
    (reader,) = room.readers(1, press)
    room.plan(MONDAY - DAY)
    wrong = room.release("Wrong", "press", at=MONDAY - HOUR, state="running")
    room.release("Right", "press", at=MONDAY - HOUR)
    room.plan_only(MONDAY)
    (planned,) = room.digests()
    with room.database.transaction() as session:
        command(session, wrong)
    room.edit(planned, due_at=dt.datetime.now(dt.UTC) - dt.timedelta(seconds=1))
    with room.database.transaction() as session:
        assert not start(session, planned)
    (digest,) = room.plan(dt.datetime.now(dt.UTC))
    assert room.titles(digest) == room.got(reader) == ["Right"]
    if command is commands.pause:
        with room.database.transaction() as session:
            commands.resume(session, wrong)
        room.edit(wrong, resumed_at=dt.datetime.now(dt.UTC))
        room.plan(dt.datetime.now(dt.UTC) + DAY + HOUR)
        assert room.got(reader) == ["Right", "Wrong"]


def test_digests_that_are_being_sent_are_told_of(room: DigestRoom) -> None:
    """Whoever stops a release learns which digests carry it."""
    press = room.office.lists("press")["press"]
    room.readers(1, press)
    room.plan(MONDAY - DAY)
    release = room.release("Text", "press", at=MONDAY - HOUR, state="running")
    (digest,) = room.plan(MONDAY)
    with room.database.reading() as session:
        assert digests_under_way(session, release) == [digest]


def test_an_outage_holds_no_digest(room: DigestRoom) -> None:
    """However late it is: it tells what has been."""
    press = room.office.lists("press")["press"]
    room.readers(1, press)
    room.plan(MONDAY - DAY)
    room.release("Text", "press", at=MONDAY - HOUR)
    room.plan_only(MONDAY)
    (digest,) = room.digests()
    room.edit(digest, due_at=dt.datetime.now(dt.UTC) - DAY)
    with room.database.transaction() as session:
        assert start(session, digest)
        assert keep_pulse(session) == []
        assert session.get_one(Distribution, digest).state == "running"


def test_who_had_it_by_a_digest_before_a_merger_does_not_get_it_at_once(room: DigestRoom) -> None:
    """As if they had always been one."""
    lists = room.office.lists("press", "arts")
    (gone,) = room.readers(1, lists["press"])
    (stays,) = room.office.people(1)
    room.office.subscribe([stays], lists["arts"])
    room.plan(MONDAY - DAY)
    room.release("Text", "press", at=MONDAY - HOUR)
    room.plan(MONDAY)
    with room.database.transaction() as session:
        session.execute(sa.update(Delivery).values(state="accepted"))
        session.add(MergedSubscriber(subscriber_id=gone, into_id=stays))
    room.office.subscribe(room.office.people(1), lists["arts"])
    room.office.expand(room.office.publish("arts", title="Text"))
    assert room.got(stays) == []


def test_what_the_public_may_read_of_a_release(room: DigestRoom) -> None:
    """A newer version that is private is not what one would read on the web."""
    press = room.office.lists("press")["press"]
    room.readers(1, press)
    number = room.release("Text", "press", at=MONDAY - HOUR)
    with room.database.transaction() as session:
        release = session.scalars(
            sa.select(ReleaseVersion.release_id)
            .join(DistributionRelease, DistributionRelease.version_id == ReleaseVersion.id)
            .where(DistributionRelease.distribution_id == number)
        ).one()
        session.add(
            ReleaseVersion(
                release_id=release, number=2, content_digest=bytes(32), content={}, title="Text"
            )
        )
    with room.database.reading() as session:
        assert public_versions(session, [release, 999]) == {release: 1}
