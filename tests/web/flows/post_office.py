"""A served installation, and the mail that its worker brings to people."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from html.parser import HTMLParser
from typing import Any

import sqlalchemy as sa
from celery import Celery

from mail.tokens import Keyring
from releases.blocks import Paragraph, Run
from releases.content import Content
from releases.models import Delivery, Distribution
from releases.publishing import Order, publish
from releases.upkeep import keep_pulse
from runtime.database import Database
from runtime.settings import Settings
from subscribers.links import Links
from subscribers.models import MailingList, Subscriber, Subscription, SubscriptionState
from subscribers.record_models import AddressChange, Consent, Notice, SignUp
from subscribers.telling import mail_private_link
from tests.support.people import HASH_KEY, add_list, add_person
from tests.support.programs import free_port
from tests.support.smtp_server import SmtpServer
from web.app import create_app
from web.server import serving_app
from worker import doorbell
from worker.context import Context

OFFICE = "Harbour Press Office"
LISTS = {"press": "Press releases", "europe": "Europe", "travel": "Travel warnings"}


class PostOfficeError(AssertionError):
    """No such mail, or no such link in it."""


class PostOffice:
    """Pages, lists without subscribers, and a worker that works when it is told to."""

    def __init__(self, settings: Settings, database: Database, server: SmtpServer) -> None:
        self.settings = settings
        self.database = database
        self.url = settings.public_url
        self.links = Links(self.url, Keyring(settings.signing_keys))
        self._server = server
        # A broker that nobody hears: each duty is called for here.
        app = Celery("flows", set_as_current=False)
        doorbell.configure(app, "memory://localhost/", queue_prefix=secrets.token_hex(8))
        self._worker = Context(settings, settings.smtp_url, app, lambda: False)
        with database.transaction() as session:
            keep_pulse(session)
            for slug, title in LISTS.items():
                add_list(session, slug, title, description=f"All about {slug}, now and then")

    def subscriber(self, address: str, *lists: str, language: str = "en") -> int:
        """Somebody who has followed these lists for long; their id."""
        with self.database.transaction() as session:
            found = session.scalars(sa.select(MailingList).where(MailingList.slug.in_(lists)))
            return add_person(session, address, list(found), language=language).id

    def publish(self, *lists: str, title: str = "Harbour opens at night") -> int:
        """Publish a release and deliver it; the distribution's id."""
        content = Content(title=title, body=(Paragraph((Run("It opens on Monday."),)),))
        made = publish(
            self.database, Order(content=content, lists=lists), salt=secrets.token_bytes(16)
        )
        self._worker.expand(made.distribution_id)
        self._worker.engine.deliver()
        self._worker.settle(made.distribution_id)
        return made.distribution_id

    def ask_for_private_link(self, subscriber_id: int) -> None:
        """As the page does it."""
        with self.database.transaction() as session:
            mail_private_link(session, subscriber_id)

    def deliver_notices(self) -> None:
        """Send what is due, as a worker does every second."""
        self._worker.notice_lane.send_due()

    def mails_to(self, address: str) -> list[EmailMessage]:
        """All that has come to an address, notices that are due included."""
        self.deliver_notices()
        return [
            message_from_bytes(envelope.data, policy=policy.default)
            for envelope in self._server.taken
            if [one.strip("<>") for one in envelope.rcpt_to] == [address]
        ]

    def newest_to(self, address: str) -> EmailMessage:
        """The newest mail to an address."""
        mails = self.mails_to(address)
        if not mails:
            raise PostOfficeError(f"nothing has come to {address}")
        return mails[-1]

    def time_passes(self) -> None:
        """What has been mailed until now was mailed five minutes earlier."""
        time_passes(self.database)

    def sign_up_was_mailed_just_now(self) -> None:
        """However long it has taken until now."""
        with self.database.transaction() as session:
            session.execute(sa.update(SignUp).values(mailed_at=sa.func.now()))

    def followed(self, address: str) -> dict[str, str]:
        """The lists that an address is on (active), and how often mail comes from each."""
        with self.database.reading() as session:
            rows = session.execute(
                sa.select(MailingList.slug, Subscription.frequency)
                .join(Subscription, Subscription.list_id == MailingList.id)
                .join(Subscriber, Subscriber.id == Subscription.subscriber_id)
                .where(
                    Subscriber.address == address, Subscription.state == SubscriptionState.ACTIVE
                )
            )
            return {row.slug: row.frequency for row in rows}

    def row(self, address: str) -> Subscriber:
        """The subscriber's row."""
        with self.database.reading() as session:
            found = session.scalars(
                sa.select(Subscriber).where(Subscriber.address == address)
            ).one()
            session.expunge(found)
            return found

    def newest_consent(self) -> dict[str, Any]:
        """What the newest entry of the consent log says."""
        with self.database.reading() as session:
            newest = sa.select(Consent.detail).order_by(Consent.id.desc()).limit(1)
            return session.scalars(newest).one()

    def is_known(self, address: str) -> bool:
        """Whether there is such a row."""
        with self.database.reading() as session:
            found = sa.select(Subscriber.id).where(Subscriber.address == address)
            return session.scalar(found) is not None

    def close(self) -> None:
        """Let the worker go."""
        self._worker.close()


def time_passes(database: Database) -> None:
    """What has been mailed until now was mailed five minutes earlier; on PostgreSQL."""
    moments: list[Any] = [
        *(Notice.created_at, Notice.decided_at, SignUp.mailed_at, AddressChange.created_at),
        *(Delivery.decided_at, Distribution.finished_at),
    ]
    with database.transaction() as session:
        for moment in moments:
            earlier = sa.text(f"{moment.key} - interval '5 minutes'")
            session.execute(sa.update(moment.class_).values({moment.key: earlier}))


class _Links(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: dict[str, str] = {}
        self._url: str | None = None
        self._text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self._url, self._text = dict(attrs).get("href"), ""

    def handle_data(self, data: str) -> None:
        self._text += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "a" and self._url is not None:
            self.found[" ".join(self._text.split())] = self._url
            self._url = None


def link_in(mail: EmailMessage, text: str) -> str:
    """Where a link of a mail leads to; its plain text has the same address."""
    page, plain = mail.get_body(("html",)), mail.get_body(("plain",))
    assert page is not None
    assert plain is not None
    found = _Links(page.get_content()).found
    if text not in found:
        raise PostOfficeError(f"{mail['Subject']} has {sorted(found)}, not {text}")
    assert found[text] in plain.get_content()
    return found[text]


@contextmanager
def post_office(database_url: str) -> Iterator[PostOffice]:
    """An installation on this database, served at the address that its mail names."""
    with SmtpServer() as server:
        port = free_port()
        environment = {
            "MEDIANOTE_DATABASE_URL": database_url,
            "MEDIANOTE_BASE_URL": f"http://127.0.0.1:{port}",
            "MEDIANOTE_SMTP_URL": f"smtp://127.0.0.1:{server.port}",
            "MEDIANOTE_SECRET_KEYS": "a signing key for the flows 0123456789",
            "MEDIANOTE_HASH_KEY": HASH_KEY,
            "MEDIANOTE_FROM": f"{OFFICE} <press@harbour.example.org>",
            "MEDIANOTE_POSTAL_ADDRESS": "4 Quay Street, Port Ellis",
        }
        os.environ.update(environment)
        try:
            settings = Settings()
        finally:
            for name in environment:
                del os.environ[name]
        database = Database(database_url, pool_size=10)
        try:
            app = create_app(settings, database)
            with serving_app(app, port=port):
                office = PostOffice(settings, database, server)
                try:
                    yield office
                finally:
                    office.close()
        finally:
            database.dispose()
