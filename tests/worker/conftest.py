"""What the tests of workers stand on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.workshop import Workshop


@pytest.fixture
def shop(database_url: str, tmp_path: Path) -> Iterator[Workshop]:
    """An engine's surroundings on either database."""
    made = Workshop(database_url, tmp_path / "work")
    yield made
    for engine in made.engines:
        engine.close()
    made.database.dispose()
