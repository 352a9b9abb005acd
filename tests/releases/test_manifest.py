"""The delivery manifest: everyone, in one order, in octets that mean something."""

import csv
import hashlib
import io
import tracemalloc

import pytest
import sqlalchemy as sa

from mail.message_ids import message_id
from mail.replies import Accepted, Failed, Reply
from releases import commands, manifest
from releases.manifest import COLUMNS, write_manifest
from releases.models import Delivery, Distribution
from subscribers.models import Subscriber
from tests.support.books import NEVER, NOT_NOW, OK, Books

DOMAIN = "newsroom.example.org"


def deliver(books: Books, *outcomes: object) -> int:
    """A distribution whose deliveries have these outcomes."""
    distribution = books.publish()
    lease = books.lease()
    leased = books.next(lease)
    assert leased is not None
    books.report(lease, leased, outcomes)  # type: ignore[arg-type]
    return distribution


def written(books: Books, distribution: int) -> tuple[manifest.Written, bytes]:
    """What is written, and its octets."""
    file = io.BytesIO()
    with books.database.reading() as session:
        done = write_manifest(session, distribution, file.write, message_id_domain=DOMAIN)
    return done, file.getvalue()


def test_everyone_is_in_it(books: Books) -> None:
    """A line each, by subscriber, with what became of their copy and its Message-ID."""
    books.office.suppress(books.people[9])
    distribution = deliver(books, *[OK] * 6, NEVER, NOT_NOW)
    done, octets = written(books, distribution)
    assert done.sha256 == hashlib.sha256(octets).digest()
    assert (done.people, done.erased) == (10, 0)
    rows = list(csv.DictReader(io.StringIO(octets.decode(), newline="")))
    assert tuple(rows[0]) == COLUMNS
    assert [int(row["subscriber"]) for row in rows] == books.people
    outcomes = [row["outcome"] for row in rows]
    assert outcomes == [*["accepted"] * 6, "failed", "deferred", "queued", "suppressed"]
    with books.database.reading() as session:
        salt = session.get_one(Distribution, distribution).salt
    first = rows[0]
    assert first["message_id"] == message_id(salt, books.people[0], DOMAIN)
    assert (first["email"], first["reply"]) == ("reader1@example.net", str(OK.reply))
    assert (first["lists"], first["language"], first["format"]) == ("press", "en", "html")
    assert first["time"].endswith("+00:00")
    assert (rows[6]["reason"], rows[9]["reason"]) == (NEVER.why, "hard bounce")
    assert (rows[8]["message_id"], rows[9]["message_id"]) == ("", "")


def test_it_is_the_same_again_until_later_facts_change_it(books: Books) -> None:
    """The same octets, page by page or at once; a bounce or an erasure makes others."""
    distribution = deliver(books, *[OK] * 10)
    first, octets = written(books, distribution)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest, "_PAGE", manifest._PAGE.limit(3))
        assert written(books, distribution) == (first, octets)
    with books.database.transaction() as session:
        assert commands.keep_manifest(session, distribution, first.sha256)
        assert not commands.keep_manifest(session, distribution, bytes(32))
        assert session.get_one(Distribution, distribution).manifest_digest == first.sha256
        bounce = sa.update(Delivery).where(Delivery.subscriber_id == books.people[3])
        session.execute(bounce.values(bounced_at=Delivery.decided_at))
    bounced, _ = written(books, distribution)
    assert bounced.sha256 != first.sha256
    with books.database.transaction() as session:
        session.execute(sa.text("DELETE FROM subscription WHERE subscriber_id = 2"))
        session.execute(sa.delete(Subscriber).where(Subscriber.id == 2))
    erased, octets = written(books, distribution)
    assert erased.sha256 not in (first.sha256, bounced.sha256)
    assert (erased.people, erased.erased) == (10, 1)
    assert b"\r\n2,,accepted," in octets


def test_a_spreadsheet_runs_none_of_it(books: Books) -> None:
    """What a mail server or an address says is text, whatever it begins with."""
    evil = Failed(Reply(550, None, "no"), '=HYPERLINK("http://evil.example")')
    distribution = deliver(books, evil, Accepted(Reply(250, None, "@SUM(1)")), *[OK] * 8)
    with books.database.transaction() as session:
        plus = sa.update(Subscriber).where(Subscriber.id == books.people[0])
        session.execute(plus.values(address="+1@example.net"))
    _, octets = written(books, distribution)
    rows = list(csv.reader(io.StringIO(octets.decode(), newline="")))
    assert rows[1][1] == "'+1@example.net"
    assert rows[1][4].startswith("'=HYPERLINK")
    assert all(cell[:1] not in "=+-@" for row in rows for cell in row if cell)


@pytest.mark.unmeasured
def test_memory_does_not_grow_with_the_audience(books: Books) -> None:
    """Ten pages take no more than two."""
    distribution = deliver(books, *[OK] * 10)
    rows = sa.text(
        "INSERT INTO delivery (distribution_id, subscriber_id, rendering_id, list_set_id, state,"
        " reply, attempts) SELECT distribution_id, subscriber_id + 100 * :step, rendering_id,"
        " list_set_id, state, reply, attempts FROM delivery WHERE distribution_id = :number"
    )
    with books.database.transaction() as session:
        for doubled in range(10):
            session.execute(rows, {"number": distribution, "step": 2**doubled})

    def peak(page: int) -> int:
        with pytest.MonkeyPatch.context() as patch, books.database.reading() as session:
            patch.setattr(manifest, "_PAGE", manifest._PAGE.limit(page))
            tracemalloc.start()
            done = write_manifest(
                session, distribution, lambda octets: None, message_id_domain=DOMAIN
            )
            most = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        assert done.people == 10_240
        return most

    peak(1_000)  # what is loaded once
    assert peak(1_000) < 0.4 * peak(11_000)
