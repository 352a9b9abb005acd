"""A rehearsal stays one: on the web, in the lists of who has it, and through any worker."""

import datetime as dt
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from releases.expansion import Copy, RangeExpanded, expand_range
from releases.models import Delivery, Distribution
from releases.published import newest, published
from releases.publishing import NobodyLeft
from releases.rehearsal import WITHHELD, Rehearsal
from runtime.database import Database
from tests.support.office import Office


@pytest.fixture
def office(database_url: str) -> Iterator[Office]:
    database = Database(database_url)
    office = Office(database)
    office.subscribe(office.people(3), office.lists("press")["press"])
    yield office
    database.dispose()


def expand_and_accept(office: Office, distribution_id: int) -> int:
    """Expand, have all accepted, and say how many that were."""
    with office.database.transaction() as session:
        from releases.audience import Combination

        copies = {Combination(1, "en", "html"): Copy(rendering_id=1, list_set_id=1)}
        assert isinstance(expand_range(session, distribution_id, copies, 10), RangeExpanded)
        accepted = session.execute(
            sa.update(Delivery)
            .where(Delivery.distribution_id == distribution_id)
            .values(state="accepted", decided_at=dt.datetime.now(dt.UTC))
        )
        return int(accepted.rowcount)


def test_who_had_it_in_a_rehearsal_has_not_had_it(office: Office) -> None:
    """The real publication reaches those whom the rehearsal reached, and each only once."""
    rehearsal = office.publish("press", is_rehearsal=True)
    assert expand_and_accept(office, rehearsal) == 3
    with pytest.raises(NobodyLeft):
        office.publish("press", is_rehearsal=True)
    real = office.publish("press")
    assert expand_and_accept(office, real) == 3
    with pytest.raises(NobodyLeft):
        office.publish("press")


def test_a_rehearsal_is_not_on_the_web(office: Office) -> None:
    """What was only rehearsed is on no page and in no feed, until it is really published."""
    expand_and_accept(office, office.publish("press", is_rehearsal=True))
    with office.database.reading() as session:
        assert published(session, "a-headline") is None
        assert newest(session) == []
    office.publish("press")
    with office.database.reading() as session:
        assert published(session, "a-headline") is not None


def test_the_mark_is_kept(office: Office) -> None:
    """A distribution says of itself that it is a rehearsal."""
    number = office.publish("press", is_rehearsal=True)
    with office.database.reading() as session:
        assert session.get_one(Distribution, number).is_rehearsal


@pytest.mark.parametrize(
    ("only_to", "address", "is_rehearsal", "expected"),
    [
        ((), "a@example.org", False, None),
        ((), "a@example.org", True, WITHHELD),
        (("example.org",), "a@example.org", True, None),
        (("example.org",), "a@example.net", True, WITHHELD),
        (("example.org",), "a@example.net", False, WITHHELD),
        (("a@example.net",), "A@Example.net", False, None),
        (("@example.net",), "b@example.net", False, None),
        (("a@example.net",), "b@example.net", False, WITHHELD),
    ],
)
def test_who_is_mailed(
    only_to: tuple[str, ...], address: str, is_rehearsal: bool, expected: str | None
) -> None:
    """Only those named are mailed; a worker that does not rehearse mails nobody a rehearsal."""
    assert Rehearsal(only_to).why_withheld(address, is_rehearsal) == expected
