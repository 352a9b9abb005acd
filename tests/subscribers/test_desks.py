"""What desks promise: nobody but the keeper ends one's mail; members choose, and get it once."""

import datetime as dt

import pytest
import sqlalchemy as sa

from mail.addresses import parse_address
from runtime.database import Database
from subscribers.changes import Change
from subscribers.commands import Wanted, save, stop_all, undo, unsubscribe
from subscribers.consents import By
from subscribers.desk_commands import ask_keeper, change_keeper, close_desk, create_desk
from subscribers.desk_members import (
    INVITATIONS_PER_HOUR,
    Invitation,
    accept,
    choose,
    forget_member,
    invite,
    leave,
    member_by_address,
    remove,
)
from subscribers.desks import (
    DeskError,
    UnknownDeskError,
    desk_by_address,
    desk_summaries,
    invitation,
    members,
    memberships,
)
from subscribers.forwarding import settle
from subscribers.links import CONFIRM_DAYS
from subscribers.models import MailingList, Subscriber, Subscription
from subscribers.notices import NoticeKind, queue, queue_for
from subscribers.record_models import Consent, Desk, DeskMember, Notice
from subscribers.subscription_rows import KeeperOnly, NotOffered
from tests.support.desks import (
    DESK_ADDRESS,
    KEEPER_ADDRESS,
    VIA,
    invited,
    joined,
    make_desk,
    notices_to,
)
from tests.support.people import HASH_KEY, add_list, add_list_set, add_person, suppress


def now() -> dt.datetime:
    """Memberships are judged by the moment."""
    return dt.datetime.now(dt.UTC)


class World:
    """A desk that follows press, europe and a private pool; travel is followed by nobody."""

    def __init__(self, database: Database) -> None:
        self.database = database
        with database.transaction() as session:
            lists = [add_list(session, slug) for slug in ("press", "europe", "travel")]
            pool = add_list(session, "pool", is_private=True)
            self.press, self.europe, self.travel = (one.id for one in lists)
            self.pool = pool.id
            add_person(session, DESK_ADDRESS, [lists[0], lists[1], pool])
            self.press_set = add_list_set(session, [lists[0]]).id
        self.desk = make_desk(database, HASH_KEY)

    def join(self, address: str, *lists: int) -> int:
        return joined(self.database, HASH_KEY, self.desk, address, *lists)

    def invited(self, address: str) -> int:
        return invited(self.database, HASH_KEY, self.desk, address)

    def invite(self, address: str) -> Invitation:
        with self.database.transaction() as session:
            return invite(session, self.desk, parse_address(address), hash_key=HASH_KEY)

    def choose(self, person: int, on: set[int], off: set[int] | None = None) -> Change:
        with self.database.transaction() as session:
            return choose(session, self.desk, person, frozenset(on), frozenset(off or ()), VIA)

    def save(self, person: int, **wanted: object) -> Change:
        with self.database.transaction() as session:
            return save(session, person, Wanted(**wanted), VIA)  # type: ignore[arg-type]

    def undo(self, change: Change) -> None:
        with self.database.transaction() as session:
            assert isinstance(undo(session, change.undo, VIA), Change)

    def followed(self, person: int) -> dict[int, int | None]:
        """What is active: the desk by list, None for their own."""
        with self.database.reading() as session:
            rows = session.execute(
                sa.select(Subscription.list_id, Subscription.desk_id).where(
                    Subscription.subscriber_id == person, Subscription.state == "active"
                )
            )
            return {row.list_id: row.desk_id for row in rows}

    def entries(self, person: int) -> list[Consent]:
        with self.database.reading() as session:
            found = list(
                session.scalars(
                    sa.select(Consent).where(Consent.subscriber_id == person).order_by(Consent.id)
                )
            )
            session.expunge_all()
        return found

    def age(self, **values: dt.timedelta) -> None:
        """Make memberships and notices older."""
        with self.database.transaction() as session:
            for member in session.scalars(sa.select(DeskMember)):
                member.invited_at -= values["by"]
            for notice in session.scalars(sa.select(Notice)):
                notice.created_at -= values["by"]


@pytest.fixture
def world(database_url: str) -> World:
    """A desk on either database."""
    return World(Database(database_url))


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
