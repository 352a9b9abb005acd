"""Served installations, each with a database of its own."""

from collections.abc import Iterator

import httpx
import pytest

from tests.web.world import World, world


@pytest.fixture
def site(sqlite_url: str) -> Iterator[World]:
    """An installation on SQLite."""
    with world(sqlite_url) as site:
        yield site


@pytest.fixture
def either(database_url: str) -> Iterator[World]:
    """An installation; the test runs once on SQLite and once on PostgreSQL."""
    with world(database_url) as site:
        yield site


@pytest.fixture
def client(site: World) -> Iterator[httpx.Client]:
    """A plain HTTP client of the installation on SQLite, which follows no redirect."""
    with site.client() as client:
        yield client
