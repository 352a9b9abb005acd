"""Who is erased or merged while mail is on its way: it balances, and nobody gets it twice."""

import sqlalchemy as sa

from releases.forgetting import delivered_to, erase_person
from releases.models import Delivery
from releases.settling import Completed
from subscribers.consents import Via
from subscribers.merging import merge
from subscribers.models import Subscriber
from tests.support.books import NEVER, OK, Books
from tests.support.office import HASH_KEY

VIA = Via("a test")


def erase(books: Books, person: int) -> bool:
    with books.database.transaction() as session:
        return erase_person(session, person, VIA, hash_key=HASH_KEY)


def test_who_is_erased_while_it_runs_is_suppressed(books: Books) -> None:
    """Before their batch is leased: their copy becomes `left`, and the distribution completes."""
    first = books.publish()
    gone = books.people[3]
    assert erase(books, gone)
    assert not erase(books, gone)
    lease = books.lease()
    leased = books.next(lease)
    assert leased is not None
    assert gone not in {one.subscriber_id for one in leased.recipients}
    books.report(lease, leased, [OK] * len(leased.recipients))
    assert isinstance(books.settle(first), Completed)
    assert books.rows(first)[gone] == "suppressed"
    assert list(books.rows(first).values()).count("accepted") == 9


def test_replies_are_scrubbed(books: Books) -> None:
    """What a server said of the address goes; that of others, and what became of it, stays."""
    first = books.publish()
    lease = books.lease()
    leased = books.next(lease)
    assert leased is not None
    books.report(lease, leased, [NEVER] * 2 + [OK] * 8)
    with books.database.reading() as session:
        told = delivered_to(session, books.people[0])
    assert [(one["distribution"], one["state"]) for one in told] == [(first, "failed")]
    assert len(told[0]["releases"]) == 1
    assert told[0]["reply"]
    assert erase(books, books.people[0])
    with books.database.reading() as session:
        replies = session.execute(
            sa.select(Delivery.subscriber_id, Delivery.state, Delivery.reply)
            .where(Delivery.subscriber_id.in_(books.people[:2]))
            .order_by(Delivery.subscriber_id)
        ).all()
    assert [(state, bool(reply)) for _, state, reply in replies] == [
        ("failed", False),
        ("failed", True),
    ]


def test_an_id_is_never_given_again(books: Books) -> None:
    """The newest subscriber is erased, and the next one has another number."""
    newest = books.people[-1]
    assert erase(books, newest)
    (next_one,) = books.office.people(1)
    assert next_one > newest
    with books.database.reading() as session:
        assert session.get(Subscriber, newest) is None


def test_who_had_it_at_another_address_does_not_get_it_again(books: Books) -> None:
    """Merged after the copy went out: a wider distribution of the release leaves them out."""
    (keep,) = books.office.people(1)
    books.publish()
    lease = books.lease()
    leased = books.next(lease)
    assert leased is not None
    books.report(lease, leased, [OK] * 9 + [NEVER])
    with books.database.transaction() as session:
        merge(session, keep, books.people[0], VIA)
    lists = books.office.lists("europe")
    books.office.subscribe([keep, *books.office.people(1)], lists["europe"])
    wider = books.office.publish("press", "europe")
    books.office.expand(wider)
    assert keep not in books.rows(wider)
    assert len(books.rows(wider)) == 2
