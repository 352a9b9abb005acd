"""A desk's copy and its members', as they arrive."""

import dataclasses
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
import sqlalchemy as sa

from mail.tokens import Purpose
from releases.models import Rendering
from releases.prospects import NobodyLeft
from subscribers.commands import Wanted, save
from subscribers.desk_members import leave
from subscribers.models import Subscriber
from tests.support.desks import VIA, joined, make_desk
from tests.support.fleet import status_of
from tests.support.office import HASH_KEY, SENDING
from tests.support.smtp_server import SmtpServer
from tests.support.workshop import KEYRING, Workshop


def arrived(server: SmtpServer) -> dict[str, EmailMessage]:
    """The mail by address; nobody has two."""
    found = {}
    for taken in server.taken:
        (recipient,) = taken.rcpt_to
        assert recipient not in found
        found[recipient.strip("<>")] = message_from_bytes(taken.data, policy=policy.default)
    return found


def text_of(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    return " ".join(part.get_content().split())


@pytest.mark.parametrize("bounce_domain", [None, "bounces.example.org"])
def test_desk_and_members(shop: Workshop, bounce_domain: str | None) -> None:
    """The desk's copy offers no one-click, a member's does; everyone has one, also both ways."""
    reader, both, desk = shop.people(3)
    with shop.database.transaction() as session:
        addresses = {one.id: one.address for one in session.scalars(sa.select(Subscriber))}
    make_desk(shop.database, HASH_KEY, addresses[desk])
    member = joined(shop.database, HASH_KEY, desk, "max@example.net", shop.list_id)
    leaver = joined(shop.database, HASH_KEY, desk, "lea@example.net", shop.list_id)
    assert joined(shop.database, HASH_KEY, desk, addresses[both], shop.list_id) == both
    with shop.database.transaction() as session:
        leave(session, desk, leaver, VIA)
    distribution = shop.publish()
    sending = dataclasses.replace(SENDING, bounce_domain=bounce_domain)
    with SmtpServer() as server:
        shop.engine(server.port, sending=sending).deliver()
        assert shop.settle(distribution) == "complete"
        mails = arrived(server)
    assert status_of(shop.office, distribution).accepted == 4
    assert set(mails) == {addresses[reader], addresses[both], addresses[desk], "max@example.net"}
    copy = mails.pop(addresses[desk])
    assert copy["List-Unsubscribe-Post"] is None
    assert copy["List-Unsubscribe"].startswith("<https://press.example.org/u/")
    assert "mailto" not in copy["List-Unsubscribe"]
    assert "This desk follows Press, since March 2024." in text_of(copy)
    assert "Its keeper decides what comes." in text_of(copy)
    assert "Stop these mails" not in copy.as_string()
    for mail in mails.values():
        assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert "You get this because you follow Press" in text_of(mail)
        assert "keeper" not in text_of(mail)
    token = mails["max@example.net"]["List-Unsubscribe"].split("/u/")[1].split(">")[0]
    assert KEYRING.verify(Purpose.UNSUBSCRIBE, token)[0] == member
    with shop.database.reading() as session:
        made = session.scalars(sa.select(Rendering.is_for_desk).order_by(Rendering.id)).all()
    assert sorted(made) == [False, True]


def test_a_desk_that_has_left(shop: Workshop) -> None:
    """Nothing is forwarded of what the desk does not get any more, and it says "left"."""
    (desk,) = shop.people(1)
    with shop.database.transaction() as session:
        address = session.get_one(Subscriber, desk).address
    make_desk(shop.database, HASH_KEY, address)
    joined(shop.database, HASH_KEY, desk, "max@example.net", shop.list_id)
    distribution = shop.publish()
    with shop.database.transaction() as session:
        save(session, desk, Wanted(off=frozenset({shop.list_id})), VIA)
    with SmtpServer() as server:
        shop.engine(server.port).deliver()
    assert server.taken == []
    assert status_of(shop.office, distribution).suppressed == 2
    with pytest.raises(NobodyLeft):
        shop.publish(title="The next one")
