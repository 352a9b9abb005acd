"""What a desk's invitation promises: a look changes nothing, one press accepts, once."""

import datetime as dt
import re
from collections.abc import Iterator
from typing import Annotated

import httpx
import pytest
import sqlalchemy as sa
from fastapi import Depends, Request
from starlette.responses import Response

from mail.tokens import Keyring, Purpose, TokenError
from runtime.database import Database
from runtime.settings import Settings
from subscribers.desk_members import leave
from subscribers.links import Links
from subscribers.models import MailingList, Subscriber, Subscription
from subscribers.record_models import Consent, DeskMember
from tests.support.desks import DESK_ADDRESS, VIA, invited, make_desk
from tests.support.people import add_list, add_person
from tests.web.world import seal_of
from web.app import create_app
from web.forms import Form, read_form
from web.invitations import InvitationPages
from web.pages import Site, make_site
from web.server import serving_app


class Invitations:
    """City desk follows press and europe, and has invited Ann."""

    def __init__(self, url: str, database: Database, settings: Settings) -> None:
        self.url = url
        self.database = database
        self.settings = settings
        with database.transaction() as session:
            lists = [add_list(session, "press", "Press releases"), add_list(session, "europe")]
            add_person(session, DESK_ADDRESS, lists)
            add_list(session, "travel")
        self.desk = make_desk(database, settings.suppression_key)
        self.ann = self.invite("ann@paper.example")
        self.client = httpx.Client(base_url=url, timeout=20, trust_env=False, verify=False)

    def invite(self, address: str) -> int:
        return invited(self.database, self.settings.suppression_key, self.desk, address)

    def path(self, member_id: int | None = None) -> str:
        keyring = Keyring(self.settings.signing_keys)
        return httpx.URL(Links(self.url, keyring).invitation_url(member_id or self.ann)).path

    def accept(self, *lists: str, path: str | None = None, **more: str) -> httpx.Response:
        where = path or self.path()
        form = {"seal": seal_of(self.client.get(where).text), "list": list(lists)}
        return self.client.post(where, data=form | more)

    def followed(self, address: str = "ann@paper.example") -> dict[str, int | None]:
        """What comes to an address: the desk by slug, None for their own."""
        with self.database.reading() as session:
            rows = session.execute(
                sa.select(MailingList.slug, Subscription.desk_id)
                .join(Subscription, Subscription.list_id == MailingList.id)
                .join(Subscriber, Subscriber.id == Subscription.subscriber_id)
                .where(Subscriber.address == address, Subscription.state == "active")
            )
            return {row.slug: row.desk_id for row in rows}

    def everything(self) -> list[object]:
        """All members, subscribers and subscriptions."""
        with self.database.reading() as session:
            return [
                tuple(row)
                for table in (DeskMember, Subscriber, Subscription)
                for row in session.execute(sa.select(*table.__table__.columns).order_by("id"))
            ]


def route(site: Site, pages: InvitationPages, request: Request, token: str, form: Form) -> Response:
    """As `/c/TOKEN` does it: read the token, then show or post."""
    try:
        subject = pages.read(token)
    except TokenError as error:
        return site.bad_token(request, error)
    if request.method == "POST":
        return pages.post(request, subject, form)
    return pages.show(request, subject)


@pytest.fixture
def invitations(database_url: str) -> Iterator[Invitations]:
    """An installation, on SQLite and on PostgreSQL."""
    settings, database = Settings(), Database(database_url, pool_size=10)
    app = create_app(settings, database)
    site = make_site(settings, database)
    pages = InvitationPages(site)

    def confirm(
        request: Request, token: str, form: Annotated[Form, Depends(read_form)]
    ) -> Response:
        return route(site, pages, request, token, form)

    app.add_api_route("/c/{token}", confirm, methods=["GET", "HEAD", "POST"], response_model=None)
    with serving_app(app) as url:
        made = Invitations(url, database, settings)
        yield made
        made.client.close()
    database.dispose()


def test_a_look_changes_nothing(invitations: Invitations) -> None:
    """It shows what the desk could forward, nothing of it ticked, and no address in full."""
    before = invitations.everything()
    for method in ("GET", "HEAD", "GET"):
        answer = invitations.client.request(method, invitations.path())
        assert answer.status_code == 200
    for shown in ("<bdi>City desk</bdi>", "a•••@paper.example", "Press releases", "Europe"):
        assert shown in answer.text
    for hidden in ("ann@paper.example", DESK_ADDRESS, "Travel", " checked"):
        assert hidden not in answer.text
    assert invitations.everything() == before


def test_accepting(invitations: Invitations) -> None:
    """The ticked lists come through the desk; again, or with others ticked, changes nothing."""
    accepted = invitations.accept("press")
    assert accepted.status_code == 200
    assert "<bdi>City desk</bdi> forwards <strong><bdi>Press releases</bdi>" in accepted.text
    assert invitations.followed() == {"press": invitations.desk}
    before = invitations.everything()
    again = {"seal": seal_of(accepted.text) if "seal" in accepted.text else "", "list": "europe"}
    assert invitations.client.post(invitations.path(), data=again).status_code == 200
    assert invitations.client.get(invitations.path()).status_code == 200
    assert invitations.everything() == before
    with invitations.database.reading() as session:
        (entry,) = session.scalars(sa.select(Consent).where(Consent.what == "desk"))
        assert entry.wording == "City desk may forward what you tick to ann@paper.example."


def test_what_is_not_accepted(invitations: Invitations) -> None:
    """Nothing ticked, no seal, another site, a list that the desk has not: nothing changes."""
    before = invitations.everything()
    none = invitations.accept()
    assert (none.status_code, 'href="#lists"' in none.text) == (422, True)
    assert invitations.accept("travel").status_code == 422
    assert invitations.accept("press", seal="x").status_code == 422
    path = invitations.path()
    form = {"seal": seal_of(invitations.client.get(path).text), "list": "press"}
    foreign = invitations.client.post(path, data=form, headers={"Origin": "https://evil.example"})
    assert foreign.status_code == 403
    keyring = Keyring(invitations.settings.signing_keys)
    for purpose in set(Purpose) - {Purpose.DESK_INVITATION}:
        token = keyring.sign(purpose, invitations.ann)
        if purpose in {Purpose.UNSUBSCRIBE, Purpose.PREFERENCES, Purpose.RETURN_PATH}:
            assert invitations.client.post(f"/c/{token}", data=form).status_code == 404
    assert invitations.everything() == before


def test_an_invitation_that_is_over(invitations: Invitations) -> None:
    """After a week, or once its member has left: a page that says what to do, and 410."""
    path = invitations.path()
    form = {"seal": seal_of(invitations.client.get(path).text), "list": "press"}
    invitations.client.post(path, data=form)
    with invitations.database.transaction() as session:
        ann = session.scalars(
            sa.select(Subscriber.id).where(Subscriber.address == "ann@paper.example")
        ).one()
        leave(session, invitations.desk, ann, VIA)
    late = invitations.invite("late@paper.example")
    with invitations.database.transaction() as session:
        session.get_one(DeskMember, late).invited_at -= dt.timedelta(days=8)
    before = invitations.everything()
    for over in (path, invitations.path(late), invitations.path(10**6)):
        answer = invitations.client.get(over)
        assert (answer.status_code, "This invitation is over" in answer.text) == (410, True)
        form_there = form if over == path else {"list": "press"}
        assert invitations.client.post(over, data=form_there).status_code in {410, 422}
    assert invitations.everything() == before


def test_what_comes_already_is_not_offered(invitations: Invitations) -> None:
    """Who follows a list keeps it as it is; who has all of them may accept with none ticked."""
    with invitations.database.transaction() as session:
        lists = session.scalars(
            sa.select(MailingList).where(MailingList.slug.in_(["press", "europe"]))
        ).all()
        add_person(session, "jo@paper.example", lists)
    path = invitations.path(invitations.invite("jo@paper.example"))
    page = invitations.client.get(path).text
    assert page.count("You get it already") == 2
    assert not re.search(r'name="list"', page)
    assert invitations.accept("press", path=path).status_code == 422
    assert invitations.accept(path=path).status_code == 200
    assert invitations.followed("jo@paper.example") == {"press": None, "europe": None}


def test_a_desk_with_nothing_to_forward(invitations: Invitations) -> None:
    """Nobody joins what forwards nothing: they would have no mail, and so no link of theirs."""
    with invitations.database.transaction() as session:
        session.execute(sa.update(Subscription).values(state="suspended"))
    page = invitations.client.get(invitations.path()).text
    assert "nothing to forward" in page
    assert "<form" not in page
