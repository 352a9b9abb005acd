"""Writes what became of a batch's deliveries, in groups, and counts the batch anew.

The caller has locked the batch's row. Nearly everything is an acceptance of a delivery that
nobody else touched: those are one statement. The rest is read, judged by `releases.outcomes`,
and written back.
"""

import contextlib
import datetime as dt
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import Any, Final, NamedTuple, cast

import sqlalchemy as sa
from sqlalchemy.orm import Session

from mail.replies import Accepted, Outcome, Unsent
from releases.batches import Range, bounds_of
from releases.models import Delivery
from releases.outcomes import (
    OPEN,
    Attempt,
    GivenUp,
    Standing,
    Withheld,
    after_attempt,
    cut,
    without_attempt,
)
from runtime.asked_often import AskedOften
from runtime.database import database_now, is_postgresql

_TABLE: Final = cast("sa.Table", Delivery.__table__)
_STANDING: Final = (
    "state",
    "attempts",
    "lease_id",
    "is_in_doubt",
    "repeats",
    "reason",
    "reply",
    "due_at",
)


class Entry(NamedTuple):
    """What became of one attempt."""

    subscriber_id: int
    attempt: int
    outcome: Outcome


def record(
    session: Session,
    batch: Range,
    lease_id: int,
    entries: Sequence[Entry],
    *,
    is_holder: bool,
    retry_at: dt.datetime,
) -> None:
    """Write the outcomes of attempts made under a lease, in the order in which they came."""
    plain, others = [], []
    for entry in entries:
        if is_holder and type(entry.outcome) is Accepted:
            plain.append(entry)
        elif type(entry.outcome) is not Unsent:
            others.append(entry)
    if plain and _accept(session, batch, lease_id, plain) < len(plain):
        # Somebody was in doubt, or was accepted late: look at each.
        others = list(entries)
    for group in _without_repetition(others):
        _judge(
            session,
            batch,
            {entry.subscriber_id: entry for entry in group},
            lambda standing, entry: after_attempt(
                standing,
                Attempt(lease_id, entry.attempt),
                entry.outcome,
                is_holder=is_holder,
                retry_at=retry_at,
            ),
        )


def withhold(session: Session, batch: Range, reasons: dict[int, str]) -> None:
    """Who is not to be mailed after all, and why, by subscriber."""
    _judge(
        session,
        batch,
        reasons,
        lambda standing, reason: without_attempt(standing, Withheld(reason)),
    )


def give_up(session: Session, batch: Range, decision: GivenUp) -> None:
    """Nothing more will be tried for a batch's open deliveries."""
    open_ones = session.scalars(
        sa.select(Delivery.subscriber_id).where(
            *_of_batch(batch),
            Delivery.state.in_(OPEN),
        )
    ).all()
    _judge(
        session,
        batch,
        dict.fromkeys(open_ones, decision),
        without_attempt,
    )


def _of_batch(batch: Range) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        Delivery.distribution_id == batch.distribution_id,
        Delivery.subscriber_id >= batch.first_id,
        Delivery.subscriber_id <= batch.last_id,
    )


def _without_repetition(entries: Sequence[Entry]) -> list[list[Entry]]:
    """Groups in which nobody occurs twice; nearly always one."""
    groups: list[list[Entry]] = []
    places: dict[int, int] = {}
    for entry in entries:
        place = places.get(entry.subscriber_id, 0)
        places[entry.subscriber_id] = place + 1
        if place == len(groups):
            groups.append([])
        groups[place].append(entry)
    return groups


def _accept(session: Session, batch: Range, lease_id: int, entries: Sequence[Entry]) -> int:
    """Accept what is open and not in doubt; how many that were."""
    bounds = bounds_of(batch) | {"lease_id": lease_id}
    if is_postgresql(session):
        bounds["ids"] = f"{{{','.join([str(entry.subscriber_id) for entry in entries])}}}"
        bounds["replies"] = _text_array(_replies_of(entries))
        with _by_hash(session):
            return _ACCEPT_POSTGRESQL.write(session, bounds)
    rows = [
        bounds | {"subscriber": entry.subscriber_id, "reply": reply}
        for entry, reply in zip(entries, _replies_of(entries), strict=True)
    ]
    return session.connection().execute(_ACCEPT_SQLITE, rows).rowcount


@contextlib.contextmanager
def _by_hash(session: Session) -> Iterator[None]:
    """PostgreSQL joins the range with the rows to write by hash, whatever it believes of them.

    The states of a partition change so fast that its statistics are always wrong, and a nested
    loop of a thousand rows with a thousand costs a hundred times more.
    """
    _NO_NESTED_LOOPS.write(session, {})
    yield
    _NESTED_LOOPS.write(session, {})


def _replies_of(entries: Sequence[Entry]) -> list[str]:
    """What the mail servers said, as text; many say the same, in the same object."""
    texts: dict[int, str] = {}
    found = []
    for entry in entries:
        assert type(entry.outcome) is Accepted
        reply = entry.outcome.reply
        text = texts.get(id(reply))
        if text is None:
            text = texts[id(reply)] = cut(str(reply))
        found.append(text)
    return found


def _text_array(texts: Sequence[str]) -> str:
    """A PostgreSQL array as text: one parameter is sent much faster than a list."""
    escaped = {
        text: text.replace("\\", "\\\\").replace('"', '\\"') for text in dict.fromkeys(texts)
    }
    return '{"' + '","'.join([escaped[text] for text in texts]) + '"}'


def _judge(
    session: Session,
    batch: Range,
    verdicts: dict[int, Any],
    decide: Callable[[Standing, Any], Standing],
) -> None:
    """Read each delivery, decide, and write back what has changed."""
    if not verdicts:
        return
    found = session.execute(
        sa.select(Delivery.subscriber_id, *(getattr(Delivery, name) for name in _STANDING))
        .where(*_of_batch(batch))
        .with_for_update()
    ).all()
    changed: dict[int, Standing] = {}
    for subscriber_id, *values in found:
        if subscriber_id in verdicts:
            standing = Standing(*values)
            new = decide(standing, verdicts[subscriber_id])
            if new is not standing:
                changed[subscriber_id] = new
    _write(session, batch, changed)


def _write(session: Session, batch: Range, changed: dict[int, Standing]) -> None:
    if not changed:
        return
    if is_postgresql(session):
        rows = [
            asdict(standing) | {"subscriber": subscriber_id, "is_decided": not standing.is_open}
            for subscriber_id, standing in changed.items()
        ]
        written = json.dumps(rows, default=dt.datetime.isoformat)
        with _by_hash(session):
            _WRITE_POSTGRESQL.write(session, bounds_of(batch) | {"rows": written})
        return
    session.connection().execute(
        _WRITE_SQLITE,
        [
            asdict(standing)
            | {
                "of_distribution": batch.distribution_id,
                "of_subscriber": subscriber_id,
                "is_decided": not standing.is_open,
            }
            for subscriber_id, standing in changed.items()
        ],
    )


_NO_NESTED_LOOPS: Final = AskedOften(sa.text("SET LOCAL enable_nestloop = off"))
_NESTED_LOOPS: Final = AskedOften(sa.text("SET LOCAL enable_nestloop = on"))
_ACCEPT_POSTGRESQL: Final = AskedOften(
    sa.text(
        """
    UPDATE delivery AS d
    SET state = 'accepted', reason = NULL, reply = u.reply, attempts = d.attempts + 1,
        lease_id = :lease_id, due_at = NULL, decided_at = clock_timestamp()
    FROM unnest(CAST(:ids AS bigint[]), CAST(:replies AS text[])) AS u (id, reply)
    WHERE d.distribution_id = :distribution_id AND d.subscriber_id = u.id
      AND d.subscriber_id BETWEEN :first AND :last
      AND d.state IN ('queued', 'deferred') AND NOT d.is_in_doubt
    """
    )
)
_ACCEPT_SQLITE: Final = sa.text(
    """
    UPDATE delivery
    SET state = 'accepted', reason = NULL, reply = :reply, attempts = attempts + 1,
        lease_id = :lease_id, due_at = NULL,
        decided_at = strftime('%Y-%m-%d %H:%M:%f000', 'now')
    WHERE distribution_id = :distribution_id AND subscriber_id = :subscriber
      AND state IN ('queued', 'deferred') AND NOT is_in_doubt
    """
)
_WRITE_POSTGRESQL: Final = AskedOften(
    sa.text(
        """
    UPDATE delivery AS d
    SET state = r.state, attempts = r.attempts, lease_id = r.lease_id,
        is_in_doubt = r.is_in_doubt, repeats = r.repeats, reason = r.reason, reply = r.reply,
        due_at = r.due_at,
        decided_at = CASE WHEN r.is_decided THEN coalesce(d.decided_at, clock_timestamp()) END
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (
        subscriber bigint, state text, attempts smallint, lease_id bigint, is_in_doubt boolean,
        repeats smallint, reason text, reply text, due_at timestamptz, is_decided boolean)
    WHERE d.distribution_id = :distribution_id AND d.subscriber_id = r.subscriber
      AND d.subscriber_id BETWEEN :first AND :last
    """
    )
)
_WRITE_SQLITE: Final = (
    sa.update(_TABLE)
    .where(
        _TABLE.c.distribution_id == sa.bindparam("of_distribution"),
        _TABLE.c.subscriber_id == sa.bindparam("of_subscriber"),
    )
    .values(
        {name: sa.bindparam(name) for name in _STANDING}
        | {
            "decided_at": sa.case(
                (
                    sa.bindparam("is_decided", type_=sa.Boolean),
                    sa.func.coalesce(_TABLE.c.decided_at, database_now()),
                )
            )
        }
    )
)
