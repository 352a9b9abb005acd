"""Expansion reads what its range needs, however long the list is."""

import sqlalchemy as sa

from releases.models import Delivery
from runtime.database import Database
from tests.support.office import Office
from tests.support.plans import read_whole, taken_down

PEOPLE = 20_000


def test_no_range_reads_a_table_to_its_end(postgresql_url: str) -> None:
    """Not the end of a range, which is a walk, nor its people; also for two lists."""
    office = Office(Database(postgresql_url))
    lists = office.lists("press", "europe")
    people = office.people(PEOPLE)
    office.subscribe(people, lists["press"])
    office.subscribe(people[::2], lists["europe"])
    office.suppress(people[7])
    with office.database.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        connection.execute(sa.text("ANALYZE"))
    distribution = office.publish("press", "europe")
    with taken_down(office.database) as statements:
        office.expand(distribution)
    read = {
        statement.text: whole
        for statement in statements
        if (whole := read_whole(office.database, statement, ("subscriber", "subscription")))
    }
    assert read == {}
    assert sum("subscription" in statement.text for statement in statements) >= 2
    with office.database.reading() as session:
        states = sa.select(Delivery.state, sa.func.count()).group_by(Delivery.state)
        assert dict(session.execute(states).all()) == {"queued": PEOPLE - 1, "suppressed": 1}


def test_a_range_begins_with_its_first_person(postgresql_url: str) -> None:
    """Whoever is on other lists and lies before them is not read for it."""
    office = Office(Database(postgresql_url))
    lists = office.lists("large", "press")
    office.subscribe(office.people(300), lists["large"])
    people = office.people(3)
    office.subscribe(people, lists["press"])
    distribution = office.publish("press")
    with taken_down(office.database) as statements:
        office.expand(distribution)
    (inserted,) = [one for one in statements if one.text.startswith("INSERT INTO delivery")]
    assert (inserted.parameters["after"], inserted.parameters["last"]) == (
        people[0] - 1,
        people[-1],
    )
