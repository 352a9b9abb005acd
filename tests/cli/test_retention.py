"""What the command says of a distribution whose deliveries are not kept any more."""

import datetime as dt

import pytest

from releases.retention import drop_old
from runtime.database import Database
from tests.cli.running import InProcess
from tests.releases.test_retention import begin_next_partition, office_of, sent


def test_counts_stay_and_names_do_not(configured: InProcess, database_url: str) -> None:
    """`status` tells the truth as ever; `--failed` says that it cannot, and no list is empty."""
    office = office_of(database_url)
    old = sent(office, state="failed")
    begin_next_partition(office)
    drop_old(Database(database_url), dt.timedelta(days=400))
    assert configured("status", str(old), "--json").json["failed"] == 30
    for options in ([], ["--json"]):
        told = configured("status", str(old), "--failed", *options)
        assert (told.status, told.out) == (1, "")
        assert told.errors[0].startswith(f"who got distribution {old} is not kept since 20")


def test_a_time_that_is_too_short(configured: InProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    """Deliveries are needed while they are tried again, and for reports that come late."""
    monkeypatch.setenv("MEDIANOTE_KEEP_DELIVERIES_DAYS", "3")
    told = configured("lists", "create", "x", "--title", "X")
    assert told.status == 2
    assert told.errors[0].startswith("MEDIANOTE_KEEP_DELIVERIES_DAYS: ")
    assert "14" in told.errors[0]
