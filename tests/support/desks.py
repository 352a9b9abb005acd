"""A desk for tests: made as the office makes one, with a member who has accepted."""

import sqlalchemy as sa

from mail.addresses import parse_address
from runtime.database import Database
from subscribers.consents import Via
from subscribers.desk_commands import create_desk
from subscribers.desk_members import accept, invite
from subscribers.models import Subscriber
from subscribers.record_models import DeskMember, Notice

VIA = Via("a test")
DESK_ADDRESS = "desk@paper.example"
KEEPER_ADDRESS = "keeper@paper.example"


def make_desk(database: Database, hash_key: str, address: str = DESK_ADDRESS) -> int:
    """Make a desk of an address; its subscriber's id."""
    with database.transaction() as session:
        return create_desk(session, address, "City desk", KEEPER_ADDRESS, VIA, hash_key=hash_key)


def invited(database: Database, hash_key: str, desk_id: int, address: str) -> int:
    """Invite somebody; the member's row."""
    with database.transaction() as session:
        invite(session, desk_id, parse_address(address), hash_key=hash_key)
        return session.scalars(
            sa.select(DeskMember.id)
            .where(DeskMember.desk_id == desk_id, DeskMember.address == address)
            .order_by(DeskMember.id.desc())
            .limit(1)
        ).one()


def joined(database: Database, hash_key: str, desk_id: int, address: str, *lists: int) -> int:
    """Invite somebody who accepts, with these lists; their subscriber's id."""
    member_id = invited(database, hash_key, desk_id, address)
    with database.transaction() as session:
        assert accept(session, member_id, frozenset(lists), VIA, hash_key=hash_key)
        return session.scalars(sa.select(Subscriber.id).where(Subscriber.address == address)).one()


def notices_to(database: Database, address: str) -> list[tuple[str, dict[str, object]]]:
    """Kind and detail of what was queued to an address, in their order."""
    with database.reading() as session:
        rows = session.execute(
            sa.select(Notice.kind, Notice.detail)
            .where(Notice.address == address)
            .order_by(Notice.id)
        )
        return [(kind, detail) for kind, detail in rows]
