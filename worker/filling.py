"""Makes one person's copy: the stencil of their rendering, filled with their values."""

import datetime as dt
from collections.abc import Callable
from typing import Final

import sqlalchemy as sa

from mail.addresses import Address, Mailbox
from mail.holes import Value, encode_html, encode_message_id, encode_text, encode_to, encode_token
from mail.message_ids import message_ids
from mail.stencil import Stencil, StencilError
from mail.tokens import Keyring, Purpose, pack
from releases.leasing import Leased, Recipient
from releases.models import Rendering
from releases.reason import why
from releases.rendering import Sending
from runtime.database import Database
from runtime.i18n import best_language
from runtime.logging import get_logger
from subscribers.models import ListSetMember, MailingList

CACHE_MAX: Final = 256
"""Renderings kept, and sentences: a year of releases must not stay in memory."""

Values = tuple[Value, ...]

log = get_logger("worker")


class Filling:
    """Fills stencils; keeps the renderings and sentences used lately."""

    def __init__(
        self, database: Database, keyring: Keyring, sending: Sending, message_id_domain: str
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._sending = sending
        self._domain = message_id_domain
        self._fillers: dict[int, Callable[[Values], bytes]] = {}
        self._titles: dict[int, tuple[str, ...]] = {}
        self._desks: set[int] = set()  # renderings for desks
        self._whys: dict[tuple[int, int, int, str, bool], tuple[Value, Value]] = {}
        self._mail_from = str(sending.from_.address)

    def for_batch(self, leased: Leased) -> Callable[[Recipient], tuple[str, str, bytes]]:
        """A function that makes (return path, address, message) for one of the batch's people.

        What the batch's copies have in common is read and made here. The function raises
        ValueError for a person whose values cannot be put into a mail.
        """
        fillers = self._load_fillers({one.rendering_id for one in leased.recipients})
        titles = self._load_titles({one.list_set_id for one in leased.recipients})
        identify = message_ids(leased.salt, self._domain)
        whys, desks = self._whys, self._desks
        sign_unsubscribe = self._keyring.signer(Purpose.UNSUBSCRIBE)
        sign_preferences = self._keyring.signer(Purpose.PREFERENCES)
        sign_return_path = self._keyring.signer(Purpose.RETURN_PATH)
        packed_sets = {one: pack(one) for one in titles}
        of_distribution = pack(leased.distribution_id)
        bounce_domain = self._sending.bounce_domain
        mail_from, zone = self._mail_from, self._sending.timezone

        def make(recipient: Recipient) -> tuple[str, str, bytes]:
            subscriber_id, since = recipient.subscriber_id, recipient.since
            if not 1 < since.day < 28:
                # Only then may the office have another month than UTC; converting takes long.
                since = since.astimezone(zone)
            list_set_id = recipient.list_set_id
            is_for_desk = recipient.rendering_id in desks
            key = (list_set_id, since.year, since.month, recipient.language, is_for_desk)
            reasons = whys.get(key) or self._why(key, titles[list_set_id], since)
            local, _, domain = recipient.address.rpartition("@")
            who = pack(subscriber_id)
            values = (
                encode_to(Mailbox(Address(local, domain), recipient.name or "")),
                encode_message_id(identify(subscriber_id)),
                encode_token(sign_unsubscribe(who + packed_sets[list_set_id])),
                encode_token(sign_preferences(who)),
                *reasons,
            )
            return_path = mail_from
            if bounce_domain is not None:
                return_path = f"b-{sign_return_path(of_distribution + who)}@{bounce_domain}"
            return return_path, recipient.address, fillers[recipient.rendering_id](values)

        return make

    def _why(
        self, key: tuple[int, int, int, str, bool], titles: tuple[str, ...], since: dt.datetime
    ) -> tuple[Value, Value]:
        *_, language, is_for_desk = key
        language = best_language(language)
        sentence = why(titles, since.date(), language, is_for_desk=is_for_desk)
        made = encode_text(sentence.text), encode_html(sentence.html)
        if len(self._whys) >= CACHE_MAX * 16:
            self._whys.clear()
        self._whys[key] = made
        return made

    def _load_fillers(self, renderings: set[int]) -> dict[int, Callable[[Values], bytes]]:
        if missing := renderings - self._fillers.keys():
            if len(self._fillers) + len(missing) > CACHE_MAX:
                self._fillers.clear()
                self._desks.clear()
                missing = renderings
            with self._database.reading() as session:
                rows = session.execute(
                    sa.select(Rendering.id, Rendering.stencil, Rendering.is_for_desk).where(
                        Rendering.id.in_(missing)
                    )
                ).all()
            for rendering_id, stencil, is_for_desk in rows:
                self._fillers[rendering_id] = _filler(rendering_id, stencil)
                if is_for_desk:
                    self._desks.add(rendering_id)
        return {rendering_id: self._fillers[rendering_id] for rendering_id in renderings}

    def _load_titles(self, list_sets: set[int]) -> dict[int, tuple[str, ...]]:
        if missing := list_sets - self._titles.keys():
            if len(self._titles) + len(missing) > CACHE_MAX:
                self._titles.clear()
                missing = list_sets
            found: dict[int, list[str]] = {list_set_id: [] for list_set_id in missing}
            with self._database.reading() as session:
                rows = session.execute(
                    sa.select(ListSetMember.list_set_id, MailingList.title)
                    .join(MailingList, MailingList.id == ListSetMember.list_id)
                    .where(ListSetMember.list_set_id.in_(missing))
                    .order_by(ListSetMember.list_set_id, ListSetMember.list_id)
                )
                for list_set_id, title in rows:
                    found[list_set_id].append(title)
            self._titles |= {list_set_id: tuple(named) for list_set_id, named in found.items()}
        return {list_set_id: self._titles[list_set_id] for list_set_id in list_sets}


def _filler(rendering_id: int, stencil: bytes) -> Callable[[Values], bytes]:
    try:
        return Stencil.from_bytes(stencil).filler()
    except StencilError as error:
        # Each of its deliveries fails with this reason; the others go on.
        reason = f"rendering {rendering_id} is damaged: {error}"
        log.exception("a rendering is damaged", rendering=rendering_id)

        def refuse(_values: Values) -> bytes:
            raise ValueError(reason)

        return refuse
