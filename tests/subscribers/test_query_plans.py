"""Lists of any length stay fast: what the pages and the search ask for is found by an index."""

import datetime as dt
from collections.abc import Iterator

import httpx
import pytest
import sqlalchemy as sa

from mail.addresses import parse_address
from mail.hashing import suppression_hash
from releases.models import Distribution
from releases.partitions import build_partitions
from subscribers.consents import Via
from subscribers.lists import list_by_slug
from subscribers.merging import merge
from subscribers.models import Subscriber
from subscribers.own_data import known
from subscribers.record_models import AddressChange, SignUp
from subscribers.searching import search
from subscribers.suppressions import lift, suppress
from subscribers.undo import Undo
from tests.support.desks import joined, make_desk
from tests.support.people import HASH_KEY
from tests.support.plans import Statement, read_whole, taken_down, touched
from tests.support.samples import NOTE
from tests.support.services import PostgresqlServer
from tests.web.world import World, seal_of, undo_of, world

ROWS = 20_000
LARGE = (
    "subscriber",
    "subscription",
    "suppression",
    "consent",
    "notice",
    "sign_up",
    "sign_up_list",
    "address_change",
    "merged_subscriber",
    "desk",
    "desk_member",
    "delivery",
)
FILLING = (
    """
    INSERT INTO subscriber (address, address_key, address_hash, name, outlet, created_at)
    SELECT a, a, sha256(a::bytea), 'Reader Number' || n, 'Outlet ' || n % 500, now()
    FROM (SELECT n, 'reader' || n || '@news' || n % 500 || '.example' AS a
          FROM generate_series(1, :rows) n) AS people
    """,
    """
    INSERT INTO subscription (subscriber_id, list_id, state, began_at, source, created_at)
    SELECT s.id, l.id, 'active', now(), 'import', now()
    FROM subscriber s, mailing_list l WHERE s.outlet IS NOT NULL AND l.slug IN ('press', 'europe')
    """,
    """
    INSERT INTO suppression (address_hash, reason, created_at)
    SELECT sha256(('gone' || n)::bytea), 'bounced', now() FROM generate_series(1, :rows) n
    """,
    """
    INSERT INTO consent (subscriber_id, at, what, detail)
    SELECT id, now(), 'import', '{}' FROM subscriber WHERE outlet IS NOT NULL
    """,
    """
    INSERT INTO notice (kind, detail, subscriber_id, address, language, state, salt, created_at)
    SELECT 'changed', '{}', id, address, 'en', 'accepted', '\\x00',
           now() - interval '1 minute' * id
    FROM subscriber WHERE outlet IS NOT NULL
    """,
    """
    INSERT INTO sign_up (address, address_key, address_hash, language, format, network, created_at)
    SELECT address, address_key, address_hash, 'en', 'html', '192.0.2.' || id % 250,
           now() - interval '1 minute' * id
    FROM subscriber WHERE outlet IS NOT NULL
    """,
    """
    INSERT INTO sign_up_list (sign_up_id, list_id, frequency, created_at)
    SELECT u.id, l.id, 'at-once', u.created_at FROM sign_up u, mailing_list l
    WHERE l.slug = 'press'
    """,
    """
    INSERT INTO address_change
        (subscriber_id, address_before, address, address_key, address_hash, created_at)
    SELECT id, address, address, address_key, address_hash, now() - interval '1 day'
    FROM subscriber WHERE outlet IS NOT NULL
    """,
    """
    INSERT INTO merged_subscriber (subscriber_id, into_id, merged_at)
    SELECT id + 1000000, id, now() FROM subscriber WHERE outlet IS NOT NULL
    """,
    """
    INSERT INTO desk (subscriber_id, name, keeper_address, created_at)
    SELECT id + 2000000, 'Desk', address, now() FROM subscriber WHERE outlet IS NOT NULL
    """,
    """
    INSERT INTO desk_member
        (desk_id, address, address_key, subscriber_id, state, invited_at)
    SELECT id + 2000000, address, address_key, id, 'active', now()
    FROM subscriber WHERE outlet IS NOT NULL
    """,
    """
    INSERT INTO delivery
        (distribution_id, subscriber_id, rendering_id, list_set_id, state, decided_at)
    SELECT d.id, s.id, 1, 1, 'accepted', now() - interval '1 day'
    FROM distribution d, subscriber s
    """,
)


@pytest.fixture(scope="module")
def large(postgresql_server: PostgresqlServer) -> Iterator[World]:
    """An installation with long tables and a release under way; each test has its own people."""
    name = postgresql_server.create_migrated()
    with world(postgresql_server.url(name)) as site:
        build_partitions(site.database)
        site.publish(NOTE)
        with site.database.transaction() as session:
            session.execute(sa.update(Distribution).values(state="running"))
            for statement in FILLING:
                wanted = {"rows": ROWS} if ":rows" in statement else {}
                session.execute(sa.text(statement), wanted)
        with site.database.engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT")
            connection.execute(sa.text("VACUUM ANALYZE"))
        yield site
    postgresql_server.drop(name)


def check(site: World, statements: list[Statement], *must_touch: str) -> None:
    """None of the statements reads a large table from end to end; these tables were asked."""
    found = {
        f"{', '.join(faults)}: {statement.text}"
        for statement in statements
        if (faults := read_whole(site.database, statement, LARGE))
    }
    assert not found, "\n\n".join(sorted(found))
    asked = set().union(*(touched(site.database, statement) for statement in statements))
    assert asked >= set(must_touch)


def press(client: httpx.Client, path: str, **fields: str | list[str]) -> httpx.Response:
    """Open a page and send its form."""
    page = client.get(path)
    assert page.status_code == 200, path
    answer = client.post(path, data={"seal": seal_of(page.text), **fields})
    assert answer.status_code == 200, answer.text
    return answer


def age(site: World) -> None:
    """What was asked for was asked for a minute ago, so that no guard stands before it."""
    past = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=1)
    with site.database.transaction() as session:
        newest = sa.select(sa.func.max(SignUp.id)).scalar_subquery()
        session.execute(sa.update(SignUp).where(SignUp.id == newest).values(mailed_at=past))
        newest = sa.select(sa.func.max(AddressChange.id)).scalar_subquery()
        session.execute(
            sa.update(AddressChange).where(AddressChange.id == newest).values(created_at=past)
        )


def reader(site: World, number: int) -> int:
    """The id of one of the people."""
    with site.database.reading() as session:
        found = session.scalar(
            sa.select(Subscriber.id).where(Subscriber.address == address_of(number))
        )
    assert found is not None
    return found


def address_of(number: int) -> str:
    return f"reader{number}@news{number % 500}.example"


def newest_id(site: World, table: type[SignUp] | type[AddressChange]) -> int:
    with site.database.reading() as session:
        found = session.scalar(sa.select(sa.func.max(table.id)))
    assert found is not None
    return found


def test_signing_up(large: World) -> None:
    """The form, its mail, the confirmation and its undo."""
    with taken_down(large.database) as statements, large.client() as client:
        for address in ("new@example.org", address_of(7)):
            press(client, "/subscribe", address=address, list=["press", "travel"], format="html",
                  language="en")  # fmt: skip
        age(large)
        path = "/c/" + large.links.sign_up_url(newest_id(large, SignUp)).rpartition("/")[2]
        done = press(client, path)
        undo = {"seal": seal_of(done.text), "undo": undo_of(done.text)}
        assert client.post(path, data=undo).status_code == 200
    check(large, statements, "subscriber", "subscription", "sign_up", "sign_up_list", "notice",
          "suppression", "consent")  # fmt: skip


def test_unsubscribing(large: World) -> None:
    """The page, its button, the undo, and one-click; for who was merged, too."""
    kept, gone, third = (reader(large, number) for number in (10, 11, 12))
    with large.database.transaction() as session:
        merge(session, kept, gone, Via("a test"))
    with taken_down(large.database) as statements, large.client() as client:
        for person in (kept, gone):
            path = large.unsubscribe_path(person)
            page = client.get(path)
            assert page.status_code == 200
            assert client.post(path, data={"List-Unsubscribe": "One-Click"}).status_code == 200
        path = large.unsubscribe_path(third)
        pressed = press(client, path, stop=["press"])
        undo = {"seal": seal_of(pressed.text), "undo": undo_of(pressed.text)}
        assert client.post(path, data=undo).status_code == 200
    check(large, statements, "subscriber", "subscription", "merged_subscriber", "consent")


def test_preferences(large: World) -> None:
    """The shared view and the private one: looking, saving, undoing, stopping everything."""
    shown = ["press", "europe", "travel"]
    person = reader(large, 20)
    with taken_down(large.database) as statements, large.client() as client:
        for path in (large.preferences_path(person), large.private_path(person)):
            saved = press(client, path, do="save", shown=shown, list=["press", "travel"],
                          format="text", language="fr")  # fmt: skip
            undo = {"seal": seal_of(saved.text), "do": "undo", "undo": undo_of(saved.text)}
            assert client.post(path, data=undo).status_code == 200
        press(client, large.preferences_path(person), do="private-link")
        press(client, large.preferences_path(person), do="stop-all")
    check(large, statements, "subscriber", "subscription", "suppression", "notice", "consent")


def test_their_data(large: World) -> None:
    """A change of address and its undo, the download, erasure."""
    person, base = reader(large, 30), large.links.base_url
    with taken_down(large.database) as statements, large.client() as client:
        private = large.private_path(person)
        press(client, private, do="change-address", address="jo@paper.example")
        age(large)
        change = newest_id(large, AddressChange)
        press(client, large.links.address_url(change).removeprefix(base))
        entry = large.notices(person)[-1][1]["entry_id"]
        press(client, large.links.undo_url(Undo(person, entry)).removeprefix(base))
        # Of somebody who is known: both are one, and become one.
        press(client, private, do="change-address", address=address_of(31))
        age(large)
        press(client, large.links.address_url(newest_id(large, AddressChange)).removeprefix(base))
        page = press(client, private, do="download")
        assert page.json()["subscriber"]["address"] == address_of(31)
        once_more = press(client, private, do="erase")
        erased = client.post(private, data={"seal": seal_of(once_more.text), "do": "erase-really"})
        assert erased.status_code == 200
    check(large, statements, *(table for table in LARGE if table != "delivery"))
    assert any("delivery" in statement.text for statement in statements)


def test_a_desk(large: World) -> None:
    """What a member chooses of a desk's mail, and that somebody is one at all."""
    desk_id = make_desk(large.database, HASH_KEY, "jo@example.com")
    with large.database.reading() as session:
        press_id = list_by_slug(session, "press").id
    joined(large.database, HASH_KEY, desk_id, "member@paper.example", press_id)
    with taken_down(large.database) as statements, large.client() as client:
        for path in (large.preferences_path(desk_id), f"{large.preferences_path(desk_id)}/desk"):
            assert client.get(path).status_code == 200
    check(large, statements, "subscriber", "subscription")


def test_the_office(large: World) -> None:
    """Showing, suppressing, lifting and merging somebody."""
    via, address = Via("a test"), parse_address(address_of(40))
    kept, other = reader(large, 40), reader(large, 41)
    with taken_down(large.database) as statements:
        with large.database.reading() as session:
            assert known(session, kept) is not None
        with large.database.transaction() as session:
            suppress(session, address, "a letter", via, hash_key=HASH_KEY)
        with large.database.transaction() as session:
            lift(session, address, "a call", via, hash_key=HASH_KEY)
        with large.database.transaction() as session:
            merge(session, kept, other, via)
    check(large, statements, "subscriber", "subscription", "suppression", "consent", "notice")


def test_searching(large: World) -> None:
    """By address, domain, name and outlet; on a list, too."""
    counts = {
        "reader77@": 1,
        "reader777": 11,
        "@news77.": 40,
        "number19999": 1,
        "read outlet 499": 40,
        "nothing-like-it": 0,
    }
    with taken_down(large.database) as statements, large.database.reading() as session:
        for text, count in counts.items():
            for slug in (None, "press"):
                assert len(search(session, text, list_slug=slug, limit=1_000)) == count, text
    check(large, statements, "subscriber")


def test_a_whole_reading_is_noticed(large: World) -> None:
    """The check itself finds what reads a table, or an index, from end to end."""
    with taken_down(large.database) as statements, large.database.reading() as session:
        session.execute(sa.text("SELECT id FROM subscriber WHERE address LIKE '%x'"))
        session.execute(sa.text("SELECT count(*) FROM subscription WHERE began_at < now()"))
        session.execute(sa.text("SELECT id FROM subscriber ORDER BY address_key LIMIT 5"))
        known = suppression_hash(HASH_KEY, "jo@example.com")
        session.execute(
            sa.text("SELECT id FROM subscriber WHERE address_hash = :hash"), {"hash": known}
        )
    found = [bool(read_whole(large.database, statement, LARGE)) for statement in statements]
    assert found == [True, True, True, False]
