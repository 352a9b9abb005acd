"""Who gets a distribution: the statements that find and insert its audience, range by range.

The audience is whoever's subscription to a chosen list was one for mail at once at the cut-off,
began by it and had not ended at it, less who already has the version or is about to get it; of
a resend, whoever of these failed in the distribution that it resends. A digest's audience is
frozen before. Who has paused their mail beyond the cut-off is suppressed like who is suspended.
Lists are numbered by their place in the officer's order; a person's *mask* has a bit for each
list that their copy comes through, the lowest being the lead list.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

import sqlalchemy as sa

from releases.digests.membership import is_in_a_digest, was_in_a_digest_before_merging
from releases.models import Delivery, DeliveryState, DigestMember
from releases.resent import (
    Resent,
    ends,
    failed_in,
    had_it,
    had_it_before_merging,
    next_failed,
)
from runtime.json_rows import json_rows
from subscribers.frequencies import had_frequency
from subscribers.models import (
    Frequency,
    Subscriber,
    Subscription,
    SubscriptionState,
    Suppression,
)

LISTS_MAX: Final = 62
"""More lists than this do not fit into a mask."""


@dataclass(frozen=True, slots=True)
class Combination:
    """What decides a copy: the lists it comes through, the reader's language and format, and
    whether it is one reader or a desk.
    """

    mask: int
    language: str
    format: str
    is_for_desk: bool = False

    @property
    def lead(self) -> int:
        """The place of the lead list in the officer's order."""
        return (self.mask & -self.mask).bit_length() - 1

    def places(self) -> tuple[int, ...]:
        """The places of all its lists."""
        return tuple(place for place in range(LISTS_MAX) if self.mask >> place & 1)


@dataclass(frozen=True, slots=True)
class Statements:
    """Built once for a distribution's lists; run with `cutoff`, `after`, `last`, …"""

    next_ones: sa.Select[*tuple[Any, ...]]
    combinations: sa.Select[*tuple[Any, ...]]
    insert: sa.Insert


@functools.lru_cache(maxsize=32)
def statements(
    lists: tuple[int, ...],
    others: tuple[int, ...],
    *,
    is_postgresql: bool,
    resent: Resent | None = None,
    merged_in: tuple[int, ...] = (),
    digested: tuple[int, ...] = (),
) -> Statements:
    """The statements for these lists (in the officer's order).

    `others` are the distributions whose people are left out; `merged_in` those where that goes
    for who got it as a subscriber that was merged into another since; `digested` the versions
    that leave out whoever has them by a digest. Raises ValueError for more lists than a mask
    holds.
    """
    if not 0 < len(lists) <= LISTS_MAX:
        raise ValueError(f"a distribution goes to 1 to {LISTS_MAX} lists")
    members = _members(lists, others, resent, merged_in, digested, is_postgresql)
    next_ones = _next_ones(lists) if resent is None else next_failed(resent)
    return Statements(next_ones, _combinations(members), _insert(members, is_postgresql))


@functools.cache
def digest_statements(*, is_postgresql: bool) -> Statements:
    """The same for a digest; its id is the parameter `distribution_id`."""
    of_digest = (
        DigestMember.distribution_id == sa.bindparam("distribution_id"),
        DigestMember.subscriber_id > sa.bindparam("after"),
    )
    next_ones = (
        sa.select(DigestMember.subscriber_id)
        .where(*of_digest)
        .order_by(DigestMember.subscriber_id)
        .limit(sa.bindparam("size"))
        .subquery()
    )
    reason = sa.case(
        (Suppression.reason.is_not(None), Suppression.reason), (_is_paused(), "paused"), else_=None
    )
    members = (
        sa.select(
            DigestMember.subscriber_id,
            DigestMember.mask,
            reason.label("reason"),
            Subscriber.language,
            Subscriber.format,
            Subscriber.is_desk,
        )
        .join(Subscriber, Subscriber.id == DigestMember.subscriber_id)
        .outerjoin(Suppression, Suppression.address_hash == Subscriber.address_hash)
        .where(*of_digest, DigestMember.subscriber_id <= sa.bindparam("last"))
        .subquery("chosen")
    )
    return Statements(ends(next_ones), _combinations(members), _insert(members, is_postgresql))


def _is_paused() -> sa.ColumnElement[bool]:
    return Subscriber.paused_until > sa.bindparam("cutoff", type_=Subscriber.paused_until.type)


def _is_member() -> sa.ColumnElement[bool]:
    cutoff = sa.bindparam("cutoff", type_=Subscription.began_at.type)
    return sa.and_(
        had_frequency(Subscription, cutoff, Frequency.AT_ONCE),
        Subscription.began_at <= cutoff,
        sa.or_(Subscription.ended_at.is_(None), Subscription.ended_at > cutoff),
    )


def _next_ones(lists: Sequence[int]) -> sa.Select[*tuple[Any, ...]]:
    """The first and the last of the next `size` members after `after`, and how many there are.

    The first so many of all are among the first so many of each list, and each of these is
    a walk along the index.
    """
    heads = []
    for list_id in lists:
        head = (
            sa.select(Subscription.subscriber_id)
            .where(
                Subscription.list_id == list_id,
                Subscription.subscriber_id > sa.bindparam("after"),
                _is_member(),
            )
            .order_by(Subscription.subscriber_id)
            .limit(sa.bindparam("size"))
            .subquery()
        )
        heads.append(sa.select(head.c.subscriber_id))
    everyone = sa.union(*heads).subquery()
    next_ones = (
        sa.select(everyone.c.subscriber_id)
        .order_by(everyone.c.subscriber_id)
        .limit(sa.bindparam("size"))
        .subquery()
    )
    return ends(next_ones)


def _members(
    lists: Sequence[int],
    others: Sequence[int],
    resent: Resent | None,
    merged_in: Sequence[int],
    digested: Sequence[int],
    is_postgresql: bool,
) -> sa.Subquery:
    """Who of the range from `after` to `last` is to get it, one row each."""
    bit = sa.case(
        *(
            (Subscription.list_id == list_id, sa.literal(1 << place, sa.BigInteger))
            for place, list_id in enumerate(lists)
        )
    )
    is_active = Subscription.state == SubscriptionState.ACTIVE
    is_suspended = Subscription.state == SubscriptionState.SUSPENDED
    of_range = [
        Subscription.list_id.in_(lists),
        Subscription.subscriber_id > sa.bindparam("after"),
        Subscription.subscriber_id <= sa.bindparam("last"),
        _is_member(),
    ]
    members = (
        sa.select(
            Subscription.subscriber_id,
            _union(bit, is_postgresql).label("any_mask"),
            _union(sa.case((is_active, bit)), is_postgresql).label("active_mask"),
            sa.func.max(sa.case((is_suspended, 1), else_=0)).label("is_suspended"),
        )
        .where(*of_range)
        .group_by(Subscription.subscriber_id)
        .subquery("member")
    )
    mask = sa.func.coalesce(members.c.active_mask, members.c.any_mask)
    is_paused = sa.and_(members.c.active_mask.is_not(None), _is_paused())
    reason = sa.case(
        (Suppression.reason.is_not(None), Suppression.reason),
        (is_paused, "paused"),
        (members.c.active_mask.is_not(None), None),
        (members.c.is_suspended == 1, "suspended"),
        else_="left",
    )
    chosen = (
        sa.select(
            members.c.subscriber_id,
            mask.label("mask"),
            reason.label("reason"),
            Subscriber.language,
            Subscriber.format,
            Subscriber.is_desk,
        )
        .join(Subscriber, Subscriber.id == members.c.subscriber_id)
        .outerjoin(Suppression, Suppression.address_hash == Subscriber.address_hash)
        # Said of both, so that they can be walked along side by side.
        .where(Subscriber.id > sa.bindparam("after"), Subscriber.id <= sa.bindparam("last"))
    )
    if resent is not None:
        chosen = chosen.where(failed_in(resent.distribution_id, members.c.subscriber_id))
    if others:
        theirs, conditions = had_it(others, members.c.subscriber_id, resent)
        chosen = chosen.where(
            ~sa.exists().where(
                *conditions,
                theirs.subscriber_id > sa.bindparam("after"),
                theirs.subscriber_id <= sa.bindparam("last"),
            )
        )
    if digested:
        chosen = chosen.where(~is_in_a_digest(digested, members.c.subscriber_id))
    if digested and merged_in:
        chosen = chosen.where(~was_in_a_digest_before_merging(digested, members.c.subscriber_id))
    if merged_in:
        chosen = chosen.where(~had_it_before_merging(merged_in, members.c.subscriber_id))
    return chosen.subquery("chosen")


def _union(bit: sa.ColumnElement[Any], is_postgresql: bool) -> sa.ColumnElement[Any]:
    """All bits of a group in one number."""
    if is_postgresql:
        return sa.func.bit_or(bit)
    # SQLite has no such function. Each bit counts once, so that their sum is their union.
    return sa.cast(sa.func.sum(sa.distinct(bit)), sa.BigInteger)


def _combinations(members: sa.Subquery) -> sa.Select[*tuple[Any, ...]]:
    copy = members.c
    return sa.select(copy.mask, copy.language, copy.format, copy.is_desk).distinct()


def _insert(members: sa.Subquery, is_postgresql: bool) -> sa.Insert:
    copies = _copies(is_postgresql)
    is_queued = members.c.reason.is_(None)
    rows = sa.select(
        sa.bindparam("distribution_id", type_=sa.BigInteger),
        members.c.subscriber_id,
        copies.c.rendering_id,
        copies.c.list_set_id,
        sa.case((is_queued, DeliveryState.QUEUED.value), else_=DeliveryState.SUPPRESSED.value),
        members.c.reason,
        sa.case((is_queued, None), else_=sa.bindparam("now", type_=Delivery.decided_at.type)),
    ).outerjoin(
        # Who has changed how they read since the combinations were looked up has no copy: that
        # is refused by the table, and not a person who is passed over.
        copies,
        sa.and_(
            copies.c.mask == members.c.mask,
            copies.c.language == members.c.language,
            copies.c.format == members.c.format,
            copies.c.is_for_desk == members.c.is_desk,
        ),
    )
    columns = [
        "distribution_id",
        "subscriber_id",
        "rendering_id",
        "list_set_id",
        "state",
        "reason",
        "decided_at",
    ]
    # The table, not the class: the ORM would take the parameters for rows.
    table = cast("sa.Table", Delivery.__table__)
    return sa.insert(table).from_select(columns, rows, include_defaults=False)


def _copies(is_postgresql: bool) -> sa.FromClause:
    """The parameter `copies` as rows: combination → rendering and list set."""
    columns: dict[str, sa.types.TypeEngine[Any]] = {
        "mask": sa.BigInteger(),
        "language": sa.Text(),
        "format": sa.Text(),
        "is_for_desk": sa.Boolean(),
        "rendering_id": sa.BigInteger(),
        "list_set_id": sa.BigInteger(),
    }
    return json_rows("copies", columns, is_postgresql=is_postgresql)
