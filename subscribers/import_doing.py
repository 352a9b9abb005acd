"""What a plan of `import_chunk` says, done in sets; the consent log is written with it.

Each statement holds its own against whoever leaves or signs up at the same moment.
"""

from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from runtime.database import Moment, database_now, is_postgresql
from subscribers.consents import By
from subscribers.frequencies import is_no_digest_due
from subscribers.import_chunk import BEGINNING, FIELDS, SKIPPED, Fate, Plan, Target
from subscribers.import_tables import plan as _plan
from subscribers.models import PLAN_ANEW, Format, Frequency, Subscriber, Subscription
from subscribers.models import SubscriptionState as State
from subscribers.record_models import Consent
from subscribers.standing import had_to_do_with, has_stopped_all, is_suspended

PAGE: Final = "subscribers import"
"""What the consent log says of where it was done."""


class ChangedMeanwhile(sa.exc.SQLAlchemyError):
    """Somebody joined, left or stopped all mail since the plan was made: plan again."""


def apply(session: Session, target: Target, planned: Plan) -> None:
    """Do what the plan says.

    Raises IntegrityError or ChangedMeanwhile where somebody signed up, left or stopped all mail
    since the plan was made: plan again.
    """
    if planned.fates.get(Fate.NEW):
        _add_people(session, target)
    for fate in (Fate.NEW, Fate.JOINS, Fate.CONFIRMS):
        if count := planned.fates.get(fate):
            begin = _confirm if fate == Fate.CONFIRMS else _subscribe
            if begin(session, target, fate) != count:
                raise ChangedMeanwhile("people of the table came or left meanwhile")
    begun = [fate for fate in BEGINNING if planned.fates.get(fate)]
    if begun:
        _log(session, target)
    if target.is_confirmed and (Fate.JOINS in begun or Fate.CONFIRMS in begun):
        _plan_digests(session, target)
    if planned.changes:
        _update_fields(session)


def _add_people(session: Session, target: Target) -> None:
    given = ["address", "address_key", "address_hash", "name", "outlet"]
    next_digest_at = sa.case((_is_of_digests(_plan.c.frequency), _anew()))
    fresh = sa.select(
        _plan.c.subscriber_id,
        *(_plan.c[column] for column in given),
        sa.func.coalesce(_plan.c.language, "en"),
        sa.func.coalesce(_plan.c.format, Format.HTML),
        next_digest_at if target.is_confirmed else sa.null(),
        database_now(),
    ).where(_plan.c.fate == Fate.NEW)
    session.execute(
        sa.insert(Subscriber).from_select(
            ["id", *given, "language", "format", "next_digest_at", "created_at"],
            fresh.order_by(_plan.c.line),
        )
    )


def _subscribe(session: Session, target: Target, fate: Fate) -> int:
    """How many began; only who never had anything to do with this list.

    Who left, stopped all mail or was suspended meanwhile stays away.
    """
    state = State.ACTIVE if target.is_confirmed else State.PENDING
    joining = sa.select(
        _plan.c.subscriber_id,
        sa.literal(target.list_id),
        sa.literal(state.value),
        sa.func.coalesce(_plan.c.frequency, Frequency.AT_ONCE),
        database_now() if target.is_confirmed else sa.null(),
        sa.literal(target.source),
        database_now(),
    ).where(_plan.c.fate == fate)
    if fate != Fate.NEW:
        person = _plan.c.subscriber_id
        joining = joining.where(
            ~had_to_do_with(person, target.list_id), ~is_suspended(person), ~has_stopped_all(person)
        )
    columns = ["subscriber_id", "list_id", "state", "frequency", "began_at", "source", "created_at"]
    return _count(
        session, sa.insert(Subscription).from_select(columns, joining.order_by(_plan.c.line))
    )


def _confirm(session: Session, target: Target, fate: Fate) -> int:
    """How many were confirmed."""
    return _count(
        session,
        sa.update(Subscription)
        .where(
            Subscription.subscriber_id == _plan.c.subscriber_id,
            _plan.c.fate == fate,
            Subscription.list_id == target.list_id,
            Subscription.state == State.PENDING,
            ~is_suspended(Subscription.subscriber_id),
        )
        .values(
            state=State.ACTIVE,
            began_at=database_now(),
            frequency=sa.func.coalesce(_plan.c.frequency, Subscription.frequency),
        )
        .execution_options(synchronize_session=False),
    )


def _count(session: Session, statement: sa.Insert | sa.Update) -> int:
    done = session.execute(statement, execution_options={"preserve_rowcount": True})
    assert isinstance(done, sa.CursorResult)
    return done.rowcount


def _log(session: Session, target: Target) -> None:
    """Put on the consent log who begins by this, and how and when they agreed."""
    entries = sa.select(
        _plan.c.subscriber_id,
        database_now(),
        sa.literal(By.IMPORT.value),
        _detail(session, target),
        sa.literal(PAGE),
    ).where(_plan.c.fate.in_(BEGINNING))
    session.execute(
        sa.insert(Consent).from_select(
            ["subscriber_id", "at", "what", "detail", "page"], entries.order_by(_plan.c.line)
        )
    )


def _detail(session: Session, target: Target) -> sa.ColumnElement[Any]:
    """As subscribers.consents.change_of reads it, with what only an import has."""
    source = sa.func.coalesce(_plan.c.consent_source, target.consent.source)
    date = sa.func.coalesce(_plan.c.consent_date, target.consent.date)
    if is_postgresql(session):
        build, joined = sa.func.jsonb_build_object, sa.func.jsonb_build_array(target.list_id)
    else:
        build, joined = sa.func.json_object, sa.func.json_array(target.list_id)
    return build(
        *(sa.literal_column("'joined'"), joined),
        *(sa.literal_column("'source'"), source),
        *(sa.literal_column("'date'"), date),
    )


def _plan_digests(session: Session, target: Target) -> None:
    """Have it worked out when the next digest of those is due who were known and get one now."""
    session.execute(
        sa.update(Subscriber)
        .where(
            Subscriber.id == _plan.c.subscriber_id,
            _plan.c.fate.in_((Fate.JOINS, Fate.CONFIRMS)),
            Subscription.subscriber_id == _plan.c.subscriber_id,
            Subscription.list_id == target.list_id,
            Subscription.state == State.ACTIVE,
            _is_of_digests(Subscription.frequency),
            is_no_digest_due(),
        )
        .values(next_digest_at=_anew())
        .execution_options(synchronize_session=False)
    )


def _is_of_digests(frequency: Any) -> sa.ColumnElement[bool]:
    return sa.func.coalesce(frequency, Frequency.AT_ONCE) != Frequency.AT_ONCE


def _anew() -> sa.ColumnElement[Any]:
    return sa.literal(PLAN_ANEW, Moment())


def _update_fields(session: Session) -> None:
    """A cell that is empty says nothing, so it changes nothing."""
    session.execute(
        sa.update(Subscriber)
        .where(
            Subscriber.id == _plan.c.subscriber_id,
            _plan.c.differs,
            _plan.c.fate.not_in(SKIPPED),
        )
        .values(
            {
                field: sa.func.coalesce(_plan.c[field], getattr(Subscriber, field))
                for field in FIELDS
            }
        )
        .execution_options(synchronize_session=False)
    )
