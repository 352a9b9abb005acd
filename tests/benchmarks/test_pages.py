"""The measurement of the pages asks what it says, at its times, and counts the waiting."""

from pathlib import Path

import pytest

from benchmarks import pages
from benchmarks.bench import Bench

PEOPLE = 300


def bench(folder: Path) -> Bench:
    return Bench(
        folder=folder,
        people=PEOPLE,
        many=PEOPLE,
        pairs=1,
        concurrency=1,
        size_bytes=1_000,
        scale=PEOPLE,
        wire_seconds=1,
    )


@pytest.mark.unmeasured
@pytest.mark.timeout(300)  # a database and the pages are started, on a machine that may be busy
def test_each_kind_of_request_does_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All are answered with 200, people are unsubscribed and saved, and the delays are told."""
    monkeypatch.setattr(pages, "RATE", 20)
    monkeypatch.setattr(pages, "SECONDS", 3)
    monkeypatch.setattr(pages, "WARM_UP_SECONDS", 1)
    found = pages.pages(bench(tmp_path))
    [within] = found.values
    assert 0 < float(found.details["median, ms"]) <= within <= float(found.details["slowest, ms"])
    assert float(found.details["ms of CPU a request"]) > 0
    assert int(found.details["who left"]) > 0
    assert int(found.details["who saved"]) > 0
