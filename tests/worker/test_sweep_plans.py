"""A sweep comes every second, on every host: it reads no large table from end to end."""

from pathlib import Path

import sqlalchemy as sa

from subscribers.models import Subscriber
from tests.support.plans import read_whole, taken_down
from tests.worker.test_sweep import Ground

PEOPLE = 20_000


def test_a_round_reads_no_large_table(postgresql_url: str, redis_url: str, tmp_path: Path) -> None:
    """Beside a distribution that runs, with some who have digests that are not due."""
    ground = Ground(postgresql_url, redis_url, tmp_path / "ground")
    office = ground.office
    people = office.people(PEOPLE)
    office.subscribe(people, ground.list_id)
    office.expand(office.publish("press"))
    with office.database.transaction() as session:
        session.execute(
            sa.update(Subscriber)
            .where(Subscriber.id % 3 == 0)
            .values(next_digest_at=sa.text("clock_timestamp() + interval '1 hour'"))
        )
    with office.database.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        connection.execute(sa.text("VACUUM ANALYZE"))
    sweep = ground.sweep()
    with taken_down(sweep._context.database) as statements:
        sweep.round()
    sweep.stop()
    large = ("subscriber", "subscription", "delivery")
    read = {
        statement.text: whole
        for statement in statements
        if (whole := read_whole(office.database, statement, large))
    }
    assert read == {}
    assert any("next_digest_at" in statement.text for statement in statements)
    office.database.dispose()
