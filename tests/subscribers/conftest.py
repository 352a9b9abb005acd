"""What the tests of subscribers stand on."""

from collections.abc import Iterator

import pytest

from runtime.database import Database
from subscribers.lists import create_list
from tests.support.desk_world import World


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """The lists press and europe, with nobody on them, on either database."""
    database = Database(database_url)
    with database.transaction() as session:
        create_list(session, "press", "Press releases")
        create_list(session, "europe", "Europe")
    yield database
    database.dispose()


@pytest.fixture
def world(database_url: str) -> World:
    """A desk on either database."""
    return World(Database(database_url))
