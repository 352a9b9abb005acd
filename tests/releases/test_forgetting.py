"""Who is erased or merged while mail is on its way: it balances, and nobody gets it twice."""

import pytest
import sqlalchemy as sa

from releases.forgetting import delivered_to, erase_person
from releases.models import Delivery
from releases.settling import Completed
from subscribers.consents import Via
from subscribers.merging import merge
from subscribers.models import Subscriber
from tests.releases.test_ledger import NEVER, OK, Desk
from tests.support.office import HASH_KEY

VIA = Via("a test")


@pytest.fixture
def desk(database_url: str) -> Desk:
    """Ten people on a list."""
    return Desk(database_url)


def erase(desk: Desk, person: int) -> bool:
    with desk.database.transaction() as session:
        return erase_person(session, person, VIA, hash_key=HASH_KEY)


def test_who_is_erased_while_it_runs_is_suppressed(desk: Desk) -> None:
    """Before their batch is leased: their copy becomes `left`, and the distribution completes."""
    first = desk.publish()
    gone = desk.people[3]
    assert erase(desk, gone)
    assert not erase(desk, gone)
    lease = desk.lease()
    leased = desk.next(lease)
    assert leased is not None
    assert gone not in {one.subscriber_id for one in leased.recipients}
    desk.report(lease, leased, [OK] * len(leased.recipients))
    assert isinstance(desk.settle(first), Completed)
    assert desk.rows(first)[gone] == "suppressed"
    assert list(desk.rows(first).values()).count("accepted") == 9


def test_replies_are_scrubbed(desk: Desk) -> None:
    """What a server said of the address goes; that of others, and what became of it, stays."""
    first = desk.publish()
    lease = desk.lease()
    leased = desk.next(lease)
    assert leased is not None
    desk.report(lease, leased, [NEVER] * 2 + [OK] * 8)
    with desk.database.reading() as session:
        told = delivered_to(session, desk.people[0])
    assert [(one["distribution"], one["state"]) for one in told] == [(first, "failed")]
    assert len(told[0]["releases"]) == 1
    assert told[0]["reply"]
    assert erase(desk, desk.people[0])
    with desk.database.reading() as session:
        replies = session.execute(
            sa.select(Delivery.subscriber_id, Delivery.state, Delivery.reply)
            .where(Delivery.subscriber_id.in_(desk.people[:2]))
            .order_by(Delivery.subscriber_id)
        ).all()
    assert [(state, bool(reply)) for _, state, reply in replies] == [
        ("failed", False),
        ("failed", True),
    ]


def test_an_id_is_never_given_again(desk: Desk) -> None:
    """The newest subscriber is erased, and the next one has another number."""
    newest = desk.people[-1]
    assert erase(desk, newest)
    (next_one,) = desk.office.people(1)
    assert next_one > newest
    with desk.database.reading() as session:
        assert session.get(Subscriber, newest) is None


def test_who_had_it_at_another_address_does_not_get_it_again(desk: Desk) -> None:
    """Merged after the copy went out: a wider distribution of the release leaves them out."""
    (keep,) = desk.office.people(1)
    desk.publish()
    lease = desk.lease()
    leased = desk.next(lease)
    assert leased is not None
    desk.report(lease, leased, [OK] * 9 + [NEVER])
    with desk.database.transaction() as session:
        merge(session, keep, desk.people[0], VIA)
    lists = desk.office.lists("europe")
    desk.office.subscribe([keep, *desk.office.people(1)], lists["europe"])
    wider = desk.office.publish("press", "europe")
    desk.expand(wider)
    assert keep not in desk.rows(wider)
    assert len(desk.rows(wider)) == 2
