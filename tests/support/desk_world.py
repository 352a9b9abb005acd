"""A desk, its lists, and what its keeper and members do."""

import datetime as dt

import sqlalchemy as sa

from mail.addresses import parse_address
from runtime.database import Database
from subscribers.changes import Change
from subscribers.commands import Wanted, save, undo
from subscribers.desk_members import (
    Invitation,
    choose,
    invite,
)
from subscribers.models import Subscription
from subscribers.record_models import Consent, DeskMember, Notice
from tests.support.desks import (
    DESK_ADDRESS,
    VIA,
    invited,
    joined,
    make_desk,
)
from tests.support.people import HASH_KEY, add_list, add_list_set, add_person


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
