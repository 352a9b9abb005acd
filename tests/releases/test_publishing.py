"""What publishing promises: a distribution that will run, or nothing and a plain reason."""

import datetime as dt
import threading
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from releases.commands import DistributionError, NoSuchDistribution, cancel, pause, resume
from releases.content import Content, Paragraph, Run
from releases.errors import EmbargoError
from releases.models import Delivery, Distribution, DistributionList, ReleaseVersion
from releases.publishing import (
    RETRY_WINDOW,
    NobodyLeft,
    Order,
    PublishError,
    publish,
)
from releases.queries import status
from releases.upkeep import hold, start
from runtime.database import Database, database_now
from subscribers.lists import UnknownListError
from subscribers.models import MailingList, Subscriber, Subscription

SALT = bytes(16)
NEWS = Content(
    title="Harbour bridge opens to traffic",
    body=(Paragraph((Run("The harbour bridge opened to traffic on Monday."),)),),
)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    yield database
    database.dispose()


@pytest.fixture
def lists(database: Database) -> None:
    """Lists press (a, b), europe (b, c), desk (private: c) and quiet (nobody)."""
    with database.transaction() as session:
        add_list(session, "press", "a", "b")
        add_list(session, "europe", "b", "c")
        add_list(session, "desk", "c", is_private=True)
        add_list(session, "quiet")


def add_list(session: Session, slug: str, *people: str, is_private: bool = False) -> None:
    chosen = MailingList(slug=slug, title=slug.capitalize(), is_private=is_private)
    session.add(chosen)
    session.flush()
    for name in people:
        address = f"{name}@example.org"
        person = session.scalar(sa.select(Subscriber).where(Subscriber.address_key == address))
        if person is None:
            person = Subscriber(address=address, address_key=address, address_hash=name.encode())
            session.add(person)
            session.flush()
        session.add(
            Subscription(
                subscriber_id=person.id,
                list_id=chosen.id,
                state="active",
                began_at=database_now(),
                source="test",
            )
        )


def deliver_to(database: Database, distribution_id: int, *people: str, state: str) -> None:
    """Write deliveries as an expansion and its workers would."""
    with database.transaction() as session:
        for name in people:
            person = session.scalar(
                sa.select(Subscriber.id).where(Subscriber.address == f"{name}@example.org")
            )
            if database.is_postgresql:
                session.execute(
                    sa.text("CREATE TABLE IF NOT EXISTS delivery_p0 PARTITION OF delivery DEFAULT")
                )
            session.add(
                Delivery(
                    distribution_id=distribution_id,
                    subscriber_id=person,
                    rendering_id=1,
                    list_set_id=1,
                    state=state,
                )
            )


@pytest.mark.usefixtures("lists")
def test_publish_freezes_and_inserts(database: Database) -> None:
    """A publication is a frozen version and a running distribution, due at its commit."""
    done = publish(database, Order(NEWS, ("europe", "press", "europe")), salt=SALT)
    with database.reading() as session:
        stands = status(session, done.distribution_id)
        assert stands is not None
        assert (stands.state, stands.eligible, stands.queued) == ("running", None, 0)
        version = session.scalars(sa.select(ReleaseVersion)).one()
        assert Content.from_json(version.content) == NEWS
        chosen = session.execute(
            sa.select(MailingList.slug)
            .join(DistributionList, DistributionList.list_id == MailingList.id)
            .order_by(DistributionList.position)
        ).scalars()
        assert list(chosen) == ["europe", "press"]
    assert (done.slug, done.version, done.is_new_version) == (
        "harbour-bridge-opens-to-traffic",
        1,
        True,
    )


@pytest.mark.usefixtures("lists")
def test_same_content_is_same_version(database: Database) -> None:
    """Publishing the same content to a further list freezes no second version."""
    first = publish(database, Order(NEWS, ("press",)), salt=SALT)
    again = publish(database, Order(NEWS, ("europe",)), salt=SALT)
    assert (again.slug, again.version, again.is_new_version) == (first.slug, 1, False)


@pytest.mark.usefixtures("lists")
def test_changed_text_is_new_release_unless_slug_names_it(database: Database) -> None:
    """Changed text becomes a new release, or a new version of the one that its slug names."""
    first = publish(database, Order(NEWS, ("press",)), salt=SALT)
    body = (Paragraph((Run("The bridge opened on Tuesday."),)),)
    other = publish(database, Order(Content(NEWS.title, body), ("press",)), salt=SALT)
    assert (other.slug, other.version) == ("harbour-bridge-opens-to-traffic-2", 1)
    corrected = Content(NEWS.title, body, subtitle="Corrected", slug=first.slug)
    newer = publish(database, Order(corrected, ("press",)), salt=SALT)
    assert (newer.slug, newer.version) == (first.slug, 2)
    with database.reading() as session:
        stands = status(session, newer.distribution_id)
        assert stands is not None
        assert stands.kind == "correction"


@pytest.mark.parametrize("state", ["queued", "deferred", "accepted", "uncertain"])
@pytest.mark.usefixtures("lists")
def test_nobody_left(database: Database, state: str) -> None:
    """It says by what, or how it goes to them all the same."""
    first = publish(database, Order(NEWS, ("press",)), salt=SALT)
    deliver_to(database, first.distribution_id, "a", "b", state=state)
    with pytest.raises(NobodyLeft, match=r"distribution 1 is running \(`medianote status 1`\)$"):
        publish(database, Order(NEWS, ("press",)), salt=SALT)
    with database.transaction() as session:
        session.execute(sa.update(Distribution).values(state="complete"))
    with pytest.raises(NobodyLeft, match="has this version already; --again"):
        publish(database, Order(NEWS, ("press",)), salt=SALT)
    publish(database, Order(NEWS, ("press",), is_again=True), salt=SALT)
    publish(database, Order(NEWS, ("europe",)), salt=SALT)


@pytest.mark.usefixtures("lists")
def test_nobody_left_before_the_first_is_expanded(database: Database) -> None:
    """Who is about to get it from a distribution that has no rows yet is not served twice."""
    first = publish(database, Order(NEWS, ("press",)), salt=SALT)
    with pytest.raises(NobodyLeft, match="or is about to get it"):
        publish(database, Order(NEWS, ("press",)), salt=SALT)
    publish(database, Order(NEWS, ("europe",)), salt=SALT)
    with pytest.raises(NobodyLeft):
        publish(database, Order(NEWS, ("europe", "press")), salt=SALT)
    with database.transaction() as session:
        cancel(session, first.distribution_id)
    publish(database, Order(NEWS, ("press",)), salt=SALT)


@pytest.mark.usefixtures("lists")
def test_lists_that_cannot_be_sent_to(database: Database) -> None:
    """No list, an unknown one and an empty one are refused in words, and nothing is kept."""
    with pytest.raises(PublishError, match="--list"):
        publish(database, Order(NEWS, ()), salt=SALT)
    with pytest.raises(UnknownListError, match="“pres”; there are: desk, europe, press, quiet"):
        publish(database, Order(NEWS, ("press", "pres")), salt=SALT)
    with pytest.raises(NobodyLeft, match="no active subscribers on quiet"):
        publish(database, Order(NEWS, ("quiet",)), salt=SALT)
    with database.reading() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(ReleaseVersion)) == 0
        assert session.scalar(sa.select(sa.func.count()).select_from(Distribution)) == 0


@pytest.mark.usefixtures("lists")
def test_embargo_ahead_needs_private_lists(database: Database) -> None:
    """What is under embargo at its time of sending goes to private lists only."""
    soon = dt.datetime.now(dt.UTC) + dt.timedelta(hours=3)
    with pytest.raises(EmbargoError, match="public: press"):
        publish(database, Order(NEWS, ("desk", "press"), embargo=soon), salt=SALT)
    done = publish(database, Order(NEWS, ("desk",), embargo=soon), salt=SALT)
    with database.reading() as session:
        assert session.get_one(Distribution, done.distribution_id).is_embargoed
    lifted = publish(database, Order(NEWS, ("press",), at=soon, embargo=soon), salt=SALT)
    with database.reading() as session:
        distribution = session.get_one(Distribution, lifted.distribution_id)
        assert (distribution.state, distribution.is_embargoed) == ("scheduled", False)
        assert distribution.due_at == soon


@pytest.mark.usefixtures("lists")
def test_embargo_of_text_and_option_disagree(database: Database) -> None:
    """An option that contradicts the text is an error, however late either is."""
    text = dt.datetime(2030, 5, 1, 6, tzinfo=dt.UTC)
    content = Content(NEWS.title, NEWS.body, embargo=text)
    with pytest.raises(EmbargoError, match="agree"):
        publish(
            database, Order(content, ("desk",), embargo=text + dt.timedelta(hours=1)), salt=SALT
        )
    zoned = text.astimezone(dt.timezone(dt.timedelta(hours=2)))
    publish(database, Order(content, ("desk",), embargo=zoned), salt=SALT)


@pytest.mark.usefixtures("lists")
def test_time_that_has_passed(database: Database) -> None:
    """A time in the past is refused, not taken for now."""
    with pytest.raises(PublishError, match="has passed"):
        publish(
            database,
            Order(NEWS, ("press",), at=dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)),
            salt=SALT,
        )


@pytest.mark.usefixtures("lists")
def test_an_undo_window_comes_before_the_first_mail(database: Database) -> None:
    """It is scheduled for the window's end, and cancelling until then leaves nothing behind."""
    before = dt.datetime.now(dt.UTC)
    done = publish(database, Order(NEWS, ("press",), undo_seconds=30), salt=SALT)
    assert (done.is_scheduled, done.has_undo) == (True, True)
    assert 29 < (done.due_at - before).total_seconds() < 40
    with pytest.raises(NobodyLeft, match="about to get it"):
        publish(database, Order(NEWS, ("press",), undo_seconds=30), salt=SALT)
    with pytest.raises(NobodyLeft, match="no active subscribers"):
        publish(database, Order(NEWS, ("quiet",), undo_seconds=30), salt=SALT)
    with database.transaction() as session:
        stands = status(session, done.distribution_id)
        assert stands is not None
        assert (stands.state, stands.started_at) == ("scheduled", done.due_at)
        assert not start(session, done.distribution_id)
        cancel(session, done.distribution_id)
        assert not start(session, done.distribution_id)
    assert publish(database, Order(NEWS, ("press",)), salt=SALT).has_undo is False


@pytest.mark.usefixtures("lists")
@pytest.mark.parametrize(("ahead", "has_undo"), [(10, True), (60, False)])
def test_a_time_beyond_the_window_needs_none(
    database: Database, ahead: int, has_undo: bool
) -> None:
    """A time further ahead stays as it is; a nearer one waits for the window's end."""
    at = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=ahead)
    done = publish(database, Order(NEWS, ("press",), at=at, undo_seconds=30), salt=SALT)
    assert (done.is_scheduled, done.has_undo) == (True, has_undo)
    assert (done.due_at == at) is not has_undo


@pytest.mark.usefixtures("lists")
def test_two_officers_at_once(database: Database) -> None:
    """Of publications of one text at the same moment one is made; the others reach nobody."""
    done, failures = [], []

    def officer() -> None:
        try:
            done.append(publish(database, Order(NEWS, ("press",)), salt=SALT))
        except Exception as error:
            failures.append(error)

    officers = [threading.Thread(target=officer) for _ in range(4)]
    for thread in officers:
        thread.start()
    for thread in officers:
        thread.join()
    assert [type(failure) for failure in failures] == [NobodyLeft] * 3
    assert [(one.slug, one.version) for one in done] == [("harbour-bridge-opens-to-traffic", 1)]


@pytest.mark.usefixtures("lists")
def test_pause_resume_cancel(database: Database) -> None:
    """Each is possible in the states that it makes sense in, and says so in the others."""
    number = publish(database, Order(NEWS, ("press",)), salt=SALT).distribution_id
    with database.transaction() as session:
        pause(session, number)
        pause(session, number)
    with database.transaction() as session:
        resume(session, number)
        resume(session, number)
    with database.transaction() as session:
        assert cancel(session, number) == 0
        assert cancel(session, number) == 0
    for change in (pause, resume):
        with database.transaction() as session, pytest.raises(DistributionError, match="cancelled"):
            change(session, number)
    with database.transaction() as session, pytest.raises(NoSuchDistribution, match="99"):
        pause(session, 99)


@pytest.mark.usefixtures("lists")
def test_what_is_scheduled_can_be_paused(database: Database) -> None:
    """Its time may pass meanwhile; resumed, it waits for its time, or runs when that has passed."""
    at = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
    number = publish(database, Order(NEWS, ("press",), at=at), salt=SALT).distribution_id
    with database.transaction() as session:
        assert pause(session, number) == "paused"
    with database.transaction() as session:
        resume(session, number)
        assert session.get_one(Distribution, number).state == "scheduled"
        pause(session, number)
    with database.transaction() as session:
        session.get_one(Distribution, number).due_at = at - dt.timedelta(hours=2)
    with database.transaction() as session:
        assert not start(session, number)
        resume(session, number)
        assert session.get_one(Distribution, number).state == "running"


@pytest.mark.usefixtures("lists")
def test_what_is_held_stays_held(database: Database) -> None:
    """Pausing it does not lose the reason for which it is held."""
    number = publish(database, Order(NEWS, ("press",)), salt=SALT).distribution_id
    with database.transaction() as session:
        hold(session, number, "for a reason")
    with database.transaction() as session:
        assert pause(session, number) == "held"
    with database.reading() as session:
        assert session.get_one(Distribution, number).note == "for a reason"


@pytest.mark.usefixtures("lists")
def test_what_is_resumed_has_time_to_be_delivered(database: Database) -> None:
    """Whatever an officer resumes after days is tried for as long as what is published then."""
    number = publish(database, Order(NEWS, ("press",)), salt=SALT).distribution_id
    with database.transaction() as session:
        found = session.get_one(Distribution, number)
        found.state = "held"
        found.due_at -= dt.timedelta(days=3)
        found.deadline_at -= dt.timedelta(days=3)
    with database.transaction() as session:
        resume(session, number)
    with database.reading() as session:
        left = session.get_one(Distribution, number).deadline_at - dt.datetime.now(dt.UTC)
    assert dt.timedelta(hours=47) < left <= RETRY_WINDOW


@pytest.mark.usefixtures("lists")
def test_cancel_says_who_stays_out(database: Database) -> None:
    """Whom another distribution left out in favour of the cancelled one is counted."""
    first = publish(database, Order(NEWS, ("press",)), salt=SALT).distribution_id
    deliver_to(database, first, "a", state="accepted")
    deliver_to(database, first, "b", state="queued")
    second = publish(database, Order(NEWS, ("europe",)), salt=SALT).distribution_id
    deliver_to(database, second, "c", state="queued")
    with database.transaction() as session:
        assert cancel(session, first) == 1
