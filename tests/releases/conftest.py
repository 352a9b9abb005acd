"""What the tests of releases stand on."""

import pytest

from tests.support.books import Books


@pytest.fixture
def books(database_url: str) -> Books:
    """Ten people on a list."""
    return Books(database_url)
