"""What desks promise: nobody but the keeper ends one's mail."""

import datetime as dt

import pytest
import sqlalchemy as sa

from subscribers.commands import unsubscribe
from subscribers.consents import By
from subscribers.desk_commands import ask_keeper, change_keeper, close_desk, create_desk
from subscribers.desk_members import (
    accept,
    leave,
    remove,
)
from subscribers.desks import (
    DeskError,
    UnknownDeskError,
    desk_by_address,
    desk_summaries,
    members,
    memberships,
)
from subscribers.forwarding import settle
from subscribers.locking import KeeperOnly
from subscribers.models import MailingList, Subscriber, Subscription
from subscribers.notices import NoticeKind, queue, queue_for
from subscribers.record_models import Desk, DeskMember, Notice
from tests.support.desk_world import World, now
from tests.support.desks import (
    DESK_ADDRESS,
    KEEPER_ADDRESS,
    VIA,
    make_desk,
    notices_to,
)
from tests.support.people import HASH_KEY, add_person, suppress


def test_a_desk_is_made_of_an_address(world: World) -> None:
    """It keeps what it followed, its keeper gets the private link, and the log says so."""
    assert world.followed(world.desk) == dict.fromkeys([world.press, world.europe, world.pool])
    assert notices_to(world.database, KEEPER_ADDRESS) == [("desk-link", {"why": "made"})]
    (entry,) = world.entries(world.desk)
    assert (entry.what, entry.detail) == (By.OFFICE, {"desk": "City desk"})
    new = make_desk(world.database, HASH_KEY, "new@paper.example")
    assert world.followed(new) == {}
    with world.database.reading() as session:
        assert session.get_one(Subscriber, new).is_desk
        assert desk_by_address(session, " DESK@paper.example") == world.desk
        with pytest.raises(UnknownDeskError):
            desk_by_address(session, KEEPER_ADDRESS)


@pytest.mark.parametrize(
    ("address", "name", "keeper", "said"),
    [
        (DESK_ADDRESS, "Again", KEEPER_ADDRESS, "is a desk already"),
        ("other@paper.example", " ", KEEPER_ADDRESS, "needs a name"),
        ("other@paper.example", "a\nb", KEEPER_ADDRESS, "line break"),
        ("other@paper.example", "Other", "Other@paper.example", "must be another"),
        ("jo@paper.example", "Other", KEEPER_ADDRESS, "is a member of a desk"),
    ],
)
def test_what_cannot_be_a_desk(
    world: World, address: str, name: str, keeper: str, said: str
) -> None:
    """It is told in one plain line."""
    world.join("jo@paper.example", world.press)
    with world.database.transaction() as session, pytest.raises(DeskError, match=said):
        create_desk(session, address, name, keeper, VIA, hash_key=HASH_KEY)


def test_no_copy_ends_what_a_desk_gets(world: World) -> None:
    """Whoever holds one, and however they ask; what the keeper asks is done."""
    with world.database.transaction() as session, pytest.raises(KeeperOnly):
        unsubscribe(session, world.desk, world.press_set, reason=By.ONE_CLICK, via=VIA)
    assert len(world.followed(world.desk)) == 3
    assert world.save(world.desk, off=frozenset({world.press})).left == (world.press,)


def test_a_keeper_has_the_last_word(world: World) -> None:
    """Who left and was invited anew does not come back by an old undo; who was removed neither."""
    person = world.join("jo@paper.example", world.press)
    with world.database.transaction() as session:
        change = leave(session, world.desk, person, VIA)
    world.age(by=dt.timedelta(hours=2))
    newer = world.invited("jo@paper.example")
    world.undo(change)
    assert world.followed(person) == {}
    with world.database.transaction() as session:
        assert accept(session, newer, frozenset({world.press}), VIA, hash_key=HASH_KEY)
        remove(session, world.desk, newer, VIA)
    assert world.followed(person) == {}
    world.undo(change)
    with world.database.reading() as session:
        assert members(session, world.desk, now()) == ()
    assert [entry.what for entry in world.entries(person)].count(By.DESK) == 4


@pytest.mark.parametrize("how", ["suppressed", "suspended"])
def test_a_desk_that_gets_no_mail_forwards_none(world: World, how: str) -> None:
    """Whoever suppresses or suspends it settles that, and one's own mail goes on."""
    with world.database.transaction() as session:
        europe = session.get_one(MailingList, world.europe)
        add_person(session, "jo@paper.example", [europe])
    person = world.join("jo@paper.example", world.press)
    with world.database.transaction() as session:
        if how == "suppressed":
            suppress(session, session.get_one(Subscriber, world.desk))
        else:
            session.execute(
                sa.update(Subscription)
                .where(Subscription.subscriber_id == world.desk)
                .values(state="suspended")
            )
        settle(session, world.desk, now(), VIA)
    assert world.followed(person) == {world.europe: None}
    with world.database.reading() as session:
        assert [desk.lists for desk in memberships(session, person)] == [()]


def test_an_address_that_became_a_desk_since(world: World) -> None:
    """Who was invited as a person cannot accept as a desk."""
    member_id = world.invited("jo@paper.example")
    make_desk(world.database, HASH_KEY, "jo@paper.example")
    with world.database.transaction() as session:
        assert not accept(session, member_id, frozenset(), VIA, hash_key=HASH_KEY)


def test_readers_ask_the_keeper_three_times_an_hour(world: World) -> None:
    """More would be a way to fill the keeper's mailbox."""
    with world.database.transaction() as session:
        # The first was the link of the beginning.
        assert [ask_keeper(session, world.desk) for _ in range(4)] == [True, True, False, False]
    assert notices_to(world.database, KEEPER_ADDRESS)[1:] == [("desk-link", {"why": "stop"})] * 2
    world.age(by=dt.timedelta(hours=1))
    with world.database.transaction() as session:
        assert ask_keeper(session, world.desk)
        change_keeper(session, world.desk, "new@paper.example")
        with pytest.raises(DeskError, match="single person"):
            change_keeper(session, world.desk, DESK_ADDRESS)
    assert notices_to(world.database, "new@paper.example") == [("desk-link", {"why": "made"})]


def test_notices_to_a_desk_go_to_its_keeper(world: World) -> None:
    """Everybody reads a desk's mail: no private link, confirmation or undo is sent there."""
    with world.database.transaction() as session:
        desk = session.get_one(Subscriber, world.desk)
        desk.name = "City"
        queue_for(session, desk, NoticeKind.PRIVATE_LINK)
        queue_for(session, desk, NoticeKind.CHANGED, {"entry_id": 1})
        queue(session, NoticeKind.CONFIRM_SIGN_UP, address="Desk@paper.example", language="en")
        confirmed = "moved@paper.example"
        queue(
            session,
            NoticeKind.CONFIRM_ADDRESS,
            address=confirmed,
            language="en",
            subscriber_id=world.desk,
        )
    kinds = [kind for kind, _ in notices_to(world.database, KEEPER_ADDRESS)]
    assert kinds == ["desk-link", "private-link", "changed", "confirm-sign-up"]
    assert notices_to(world.database, DESK_ADDRESS) == []
    assert notices_to(world.database, confirmed) == [("confirm-address", {})]
    with world.database.reading() as session:
        assert set(session.scalars(sa.select(Notice.name))) == {None}


def test_the_end_of_a_desk(world: World) -> None:
    """Its address is a reader's like others then, and nothing is forwarded any more."""
    person = world.join("jo@paper.example", world.press)
    with world.database.transaction() as session:
        close_desk(session, world.desk, VIA)
    assert world.followed(person) == {}
    assert len(world.followed(world.desk)) == 3
    with world.database.transaction() as session:
        assert desk_summaries(session, now()) == []
        assert session.scalars(sa.select(DeskMember)).all() == []
        assert session.scalars(sa.select(Desk)).all() == []
        unsubscribe(session, world.desk, world.press_set, reason=By.ONE_CLICK, via=VIA)
