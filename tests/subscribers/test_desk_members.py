"""Members of a desk: invited, choosing, leaving; each gets what they chose, once."""

import datetime as dt

import pytest
import sqlalchemy as sa

from mail.addresses import parse_address
from subscribers.commands import stop_all, unsubscribe
from subscribers.consents import By
from subscribers.desk_members import (
    INVITATIONS_PER_HOUR,
    Invitation,
    accept,
    forget_member,
    leave,
    member_by_address,
    remove,
)
from subscribers.desks import (
    DeskError,
    invitation,
    members,
    memberships,
)
from subscribers.links import CONFIRM_DAYS
from subscribers.models import MailingList, Subscriber
from subscribers.record_models import DeskMember
from subscribers.subscription_rows import NotOffered
from tests.support.desk_world import World, now
from tests.support.desks import (
    DESK_ADDRESS,
    VIA,
    invited,
    make_desk,
    notices_to,
)
from tests.support.people import HASH_KEY, add_person, suppress


def test_an_invitation_is_accepted(world: World) -> None:
    """A stranger becomes a subscriber, gets what they ticked, and the log says at which words."""
    member_id = world.invited("jo@paper.example")
    assert notices_to(world.database, "jo@paper.example") == [
        ("desk-invitation", {"member_id": member_id})
    ]
    with world.database.reading() as session:
        offered = invitation(session, member_id, now())
    assert offered is not None
    assert [one.slug for one in offered.lists] == ["europe", "press"]
    person = world.join("jo@paper.example", world.press)
    assert world.followed(person) == {world.press: world.desk}
    (entry,) = world.entries(person)
    assert entry.what == By.DESK
    assert entry.detail == {"joined": [world.press], "joined_desk": world.desk}
    with world.database.reading() as session:
        (desk,) = memberships(session, person)
        assert (desk.desk_id, desk.name) == (world.desk, "City desk")
        assert [(one.slug, one.is_forwarded) for one in desk.lists] == [
            ("europe", False),
            ("press", True),
        ]


def test_accepting_twice(world: World) -> None:
    """The second time changes nothing, whatever is ticked then."""
    member_id = world.invited("jo@paper.example")
    for lists in ({world.press}, {world.europe}, set[int]()):
        with world.database.transaction() as session:
            assert accept(session, member_id, frozenset(lists), VIA, hash_key=HASH_KEY)
    with world.database.reading() as session:
        person = session.scalars(
            sa.select(Subscriber.id).where(Subscriber.address == "jo@paper.example")
        ).one()
    assert world.followed(person) == {world.press: world.desk}
    assert len(world.entries(person)) == 1


def test_invitations_that_are_over(world: World) -> None:
    """Of last week, taken back, or never made: nothing is accepted, and nobody is made."""
    late = world.invited("late@paper.example")
    world.age(by=dt.timedelta(days=CONFIRM_DAYS, minutes=1))
    removed = world.invited("removed@paper.example")
    with world.database.transaction() as session:
        assert remove(session, world.desk, removed, VIA) == "removed@paper.example"
        assert remove(session, world.desk, removed, VIA) is None
    for member_id in (late, removed, 10**6):
        with world.database.transaction() as session:
            assert not accept(session, member_id, frozenset(), VIA, hash_key=HASH_KEY)
            assert invitation(session, member_id, now()) is None
    with world.database.reading() as session:
        assert session.scalars(sa.select(Subscriber.address)).all() == [DESK_ADDRESS]
        (shown,) = members(session, world.desk, now())
        assert (shown.address, shown.is_over) == ("late@paper.example", True)
    assert world.invite("late@paper.example") == Invitation.SENT
    with world.database.transaction() as session:
        assert accept(session, late, frozenset({world.press}), VIA, hash_key=HASH_KEY)


def test_only_what_the_desk_gets_and_is_public(world: World) -> None:
    """A private list is not forwarded, nor one that the desk does not follow; not to strangers."""
    member_id = world.invited("jo@paper.example")
    for refused in (world.pool, world.travel):
        with world.database.transaction() as session, pytest.raises(NotOffered):
            accept(session, member_id, frozenset({refused}), VIA, hash_key=HASH_KEY)
    person = world.join("ann@paper.example", world.press)
    for refused in (world.pool, world.travel):
        with pytest.raises(NotOffered):
            world.choose(person, {refused})
    with world.database.transaction() as session:
        stranger = add_person(session, "stranger@paper.example").id
    with pytest.raises(NotOffered):
        world.choose(stranger, {world.press})


def test_choosing_and_undoing(world: World) -> None:
    """What is ticked comes, what is not ends, and an undo takes it back through the desk."""
    person = world.join("jo@paper.example", world.press)
    change = world.choose(person, {world.europe}, {world.press})
    assert (change.joined, change.left) == ((world.europe,), (world.press,))
    assert world.followed(person) == {world.europe: world.desk}
    assert world.choose(person, {world.europe}, {world.press}).is_nothing
    world.undo(change)
    assert world.followed(person) == {world.press: world.desk}
    assert len(world.followed(world.desk)) == 3


def test_everyone_once(world: World) -> None:
    """Who follows a list by themselves keeps that one, whatever the desk does."""
    with world.database.transaction() as session:
        press = session.get_one(MailingList, world.press)
        person = add_person(session, "jo@paper.example", [press]).id
    assert world.join("jo@paper.example", world.press, world.europe) == person
    assert world.followed(person) == {world.press: None, world.europe: world.desk}
    world.choose(person, set(), {world.press, world.europe})
    assert world.followed(person) == {world.press: None}
    with world.database.transaction() as session:
        leave(session, world.desk, person, VIA)
    assert world.followed(person) == {world.press: None}


def test_a_member_leaves_and_thinks_again(world: World) -> None:
    """What came through the desk ends; the desk's mail does not; an undo brings both back."""
    person = world.join("jo@paper.example", world.press, world.europe)
    with world.database.transaction() as session:
        change = leave(session, world.desk, person, VIA)
        assert leave(session, world.desk, person, VIA).is_nothing
    assert world.followed(person) == {}
    assert len(world.followed(world.desk)) == 3
    with world.database.reading() as session:
        assert memberships(session, person) == ()
    world.undo(change)
    world.undo(change)
    assert world.followed(person) == dict.fromkeys([world.press, world.europe], world.desk)
    with world.database.reading() as session:
        assert len(memberships(session, person)) == 1


def test_what_a_member_ends_is_theirs_alone(world: World) -> None:
    """Their one-click and "stop all mail" end what comes to them, and nothing of the desk's."""
    person = world.join("jo@paper.example", world.press, world.europe)
    with world.database.transaction() as session:
        unsubscribe(session, person, world.press_set, reason=By.ONE_CLICK, via=VIA)
    assert world.followed(person) == {world.europe: world.desk}
    with world.database.transaction() as session:
        stop_all(session, person, VIA)
    assert world.followed(person) == {}
    assert len(world.followed(world.desk)) == 3


def test_what_the_desk_leaves_its_members_leave(world: World) -> None:
    """A keeper's change ends what was forwarded; undone, it is forwarded again."""
    person = world.join("jo@paper.example", world.press, world.europe)
    other = world.join("ann@paper.example", world.press)
    change = world.save(world.desk, off=frozenset({world.press}))
    assert world.followed(person) == {world.europe: world.desk}
    assert world.followed(other) == {}
    ended = world.entries(other)[-1]
    assert (ended.what, ended.detail) == (By.DESK, {"left": [world.press]})
    world.undo(change)
    assert world.followed(person) == dict.fromkeys([world.press, world.europe], world.desk)
    assert world.followed(other) == {world.press: world.desk}
    with world.database.transaction() as session:
        stop_all(session, world.desk, VIA)
    assert world.followed(person) == world.followed(other) == {}


def test_an_undo_brings_back_only_what_is_still_forwarded(world: World) -> None:
    """Who stopped a list that the desk has left since does not get it through the desk again."""
    person = world.join("jo@paper.example", world.press, world.europe)
    change = world.choose(person, set(), {world.press, world.europe})
    world.save(world.desk, off=frozenset({world.press}))
    world.undo(change)
    assert world.followed(person) == {world.europe: world.desk}


def test_invitations_are_limited(world: World) -> None:
    """Twenty an hour from one desk, one to an address; a removal does not make it more."""
    assert world.invite("jo@paper.example") == Invitation.SENT
    assert world.invite("JO@paper.example") == Invitation.SENT_LATELY
    with world.database.transaction() as session:
        address = parse_address("jo@paper.example")
        remove(session, world.desk, member_by_address(session, world.desk, address), VIA)
        with pytest.raises(DeskError):
            member_by_address(session, world.desk, address)
    assert world.invite("jo@paper.example") == Invitation.SENT_LATELY
    for number in range(INVITATIONS_PER_HOUR - 1):
        assert world.invite(f"n{number}@paper.example") == Invitation.SENT
    assert world.invite("late@paper.example") == Invitation.TOO_MANY
    assert len(notices_to(world.database, "jo@paper.example")) == 1
    assert notices_to(world.database, "late@paper.example") == []
    world.age(by=dt.timedelta(hours=1, minutes=1))
    assert world.invite("late@paper.example") == Invitation.SENT
    assert world.invite("n3@paper.example") == Invitation.SENT
    assert len(notices_to(world.database, "n3@paper.example")) == 2


def test_who_is_not_invited(world: World) -> None:
    """Members, desks, and by mail nobody whose address is suppressed."""
    world.join("jo@paper.example", world.press)
    make_desk(world.database, HASH_KEY, "other@paper.example")
    with world.database.transaction() as session:
        suppress(session, add_person(session, "no@paper.example"))
    assert world.invite("jo@paper.example") == Invitation.MEMBER_ALREADY
    assert world.invite("other@paper.example") == Invitation.IS_A_DESK
    assert world.invite(DESK_ADDRESS) == Invitation.IS_A_DESK
    assert world.invite("no@paper.example") == Invitation.SUPPRESSED
    assert notices_to(world.database, "no@paper.example") == []


def test_who_is_forgotten_is_in_no_desk(world: World) -> None:
    """An erased person's address goes from every desk, also where they were only invited."""
    person = world.join("jo@paper.example", world.press)
    other = make_desk(world.database, HASH_KEY, "other@paper.example")
    invited(world.database, HASH_KEY, other, "jo@paper.example")
    world.invited("ann@paper.example")
    with world.database.transaction() as session:
        forget_member(session, person, "jo@paper.example")
        left = session.scalars(sa.select(DeskMember.address)).all()
    assert left == ["ann@paper.example"]
