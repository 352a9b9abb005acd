"""Makes one person's copy: the stencil of their rendering, filled with their values."""

import datetime as dt
import itertools
import operator
from collections.abc import Callable, Iterable
from typing import Final

import sqlalchemy as sa

from mail.holes import (
    Value,
    encode_html,
    encode_message_ids,
    encode_text,
    encode_to_person,
    encode_tokens,
)
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
        signed = self._sign(leased, titles)
        whys, desks, zone = self._whys, self._desks, self._sending.timezone

        def make(recipient: Recipient) -> tuple[str, str, bytes]:
            since, subscriber_id, _, _, rendering_id, list_set_id, address, name, language = (
                recipient
            )
            if not 1 < since.day < 28:
                # Only then may the office have another month than UTC; converting takes long.
                since = since.astimezone(zone)
            key = (list_set_id, since.year, since.month, language, rendering_id in desks)
            reasons = whys.get(key) or self._why(key, titles[list_set_id], since)
            return_path, *values = signed[subscriber_id]
            filled = (encode_to_person(address, name or ""), *values, *reasons)
            return return_path, address, fillers[rendering_id](filled)

        return make

    def _sign(
        self, leased: Leased, list_sets: Iterable[int]
    ) -> dict[int, tuple[str, Value, Value, Value]]:
        """Everyone's return path, Message-ID and two tokens: all at once, which is far faster."""
        sign = self._keyring.sign_all
        people = [one.subscriber_id for one in leased.recipients]
        packed = [pack(person) for person in people]
        packed_sets = {one: pack(one) for one in list_sets}
        sets = [packed_sets[one.list_set_id] for one in leased.recipients]
        return_paths: Iterable[str] = itertools.repeat(self._mail_from)
        if (domain := self._sending.bounce_domain) is not None:
            distribution = pack(leased.distribution_id)
            tokens = sign(Purpose.RETURN_PATH, (distribution + who for who in packed))
            return_paths = [f"b-{token}@{domain}" for token in tokens]
        values = zip(
            return_paths,
            encode_message_ids(message_ids(leased.salt, self._domain)(people)),
            encode_tokens(sign(Purpose.UNSUBSCRIBE, map(operator.add, packed, sets))),
            encode_tokens(sign(Purpose.PREFERENCES, packed)),
            strict=False,
        )
        return dict(zip(people, values, strict=False))

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
