"""Makes the renderings and list sets that a range of the audience needs, once each.

Rendering takes long, so nothing is locked meanwhile; whoever comes second finds the row of who
came first.
"""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from mail.addresses import Mailbox, parse_mailbox
from releases import mail_frame
from releases.audience import Combination
from releases.content import Content
from releases.digests.rendering import Part, render_digest
from releases.expansion import Copies, Copy
from releases.models import (
    Distribution,
    DistributionKind,
    DistributionList,
    DistributionRelease,
    Release,
    ReleaseVersion,
    Rendering,
)
from releases.published import public_versions
from releases.rendering import Lead, Rendered, Sending, render
from runtime.database import Database, insert
from runtime.i18n import best_language
from subscribers.models import ListSet, ListSetMember, MailingList

Key = tuple[str, str, int, bool]
"""Language, format, the lead list's id, and whether it is for desks: what tells a distribution's
renderings apart.
"""


@dataclass(frozen=True, slots=True)
class _Facts:
    """What the renderings of a distribution are made from."""

    parts: tuple[Part, ...]
    is_digest: bool
    date: dt.datetime
    is_embargoed: bool
    lists: tuple[tuple[int, Lead], ...]
    known: dict[Key, int]


def make_copies(
    database: Database,
    distribution_id: int,
    combinations: Collection[Combination],
    sending: Sending,
) -> Copies:
    """The rendering and list set of each combination; those that are missing are made.

    Raises ReleaseError for a release that cannot be mailed.
    """
    with database.reading() as session:
        facts = _gather(session, distribution_id)
    keys = {combination: _key(combination, facts.lists) for combination in combinations}
    missing = set(keys.values()) - facts.known.keys()
    rendered = {key: _render(facts, key, sending) for key in missing}
    with database.transaction() as session:
        known = facts.known | {
            key: _store_rendering(session, distribution_id, key, made)
            for key, made in sorted(rendered.items(), key=lambda pair: pair[0])
        }
        members = {
            mask: sorted(facts.lists[place][0] for place in Combination(mask, "", "").places())
            for mask in {combination.mask for combination in combinations}
        }
        # In one order everywhere: two distributions may make the same sets at once.
        sets = {
            mask: _store_list_set(session, lists)
            for mask, lists in sorted(members.items(), key=lambda pair: pair[1])
        }
    return {
        combination: Copy(known[key], sets[combination.mask]) for combination, key in keys.items()
    }


def _gather(session: Session, distribution_id: int) -> _Facts:
    distribution = session.get_one(Distribution, distribution_id)
    versions = session.execute(
        sa.select(ReleaseVersion, Release.slug)
        .join(DistributionRelease, DistributionRelease.version_id == ReleaseVersion.id)
        .join(Release, Release.id == ReleaseVersion.release_id)
        .where(DistributionRelease.distribution_id == distribution_id)
        .order_by(DistributionRelease.position)
    ).all()
    is_digest = distribution.kind == DistributionKind.DIGEST
    public = public_versions(session, [row[0].release_id for row in versions]) if is_digest else {}
    lists = session.scalars(
        sa.select(MailingList)
        .join(DistributionList, DistributionList.list_id == MailingList.id)
        .where(DistributionList.distribution_id == distribution_id)
        .order_by(DistributionList.position)
    ).all()
    known = session.execute(
        sa.select(
            Rendering.language,
            Rendering.format,
            Rendering.lead_list_id,
            Rendering.is_for_desk,
            Rendering.id,
        ).where(Rendering.distribution_id == distribution_id)
    )
    return _Facts(
        parts=tuple(
            Part(
                Content.from_json(version.content),
                slug,
                # A private version that is newer than that one is not what one would read there.
                is_on_the_web=version.number <= public.get(version.release_id, 0),
            )
            for version, slug in versions
        ),
        is_digest=is_digest,
        date=distribution.due_at,
        is_embargoed=distribution.is_embargoed,
        lists=tuple((chosen.id, lead_of(chosen)) for chosen in lists),
        known={(language, form, lead, desk): made for language, form, lead, desk, made in known},
    )


def _key(combination: Combination, lists: tuple[tuple[int, Lead], ...]) -> Key:
    lead_id, _ = lists[combination.lead]
    language = best_language(combination.language)
    return language, combination.format, lead_id, combination.is_for_desk


def _render(facts: _Facts, key: Key, sending: Sending) -> Rendered:
    language, form, lead_id, is_for_desk = key
    lead = dict(facts.lists)[lead_id]
    if facts.is_digest:
        copy = mail_frame.Copy(lead, language, form, facts.date, is_for_desk)
        return render_digest(facts.parts, copy, sending)
    return render(
        facts.parts[0].content,
        slug=facts.parts[0].slug,
        lead=lead,
        sending=sending,
        language=language,
        format=form,
        is_embargoed=facts.is_embargoed,
        date=facts.date,
        is_for_desk=is_for_desk,
    )


def lead_of(chosen: MailingList) -> Lead:
    """A list as a rendering sees it."""
    return Lead(
        slug=chosen.slug,
        title=chosen.title,
        is_private=chosen.is_private,
        reply_to=_mailbox(chosen.reply_to),
        sender=_mailbox(chosen.sender),
    )


def _mailbox(text: str | None) -> Mailbox | None:
    return parse_mailbox(text) if text else None


def _store_rendering(session: Session, distribution_id: int, key: Key, made: Rendered) -> int:
    language, form, lead_id, is_for_desk = key
    session.execute(
        insert(session, Rendering)
        .values(
            distribution_id=distribution_id,
            language=language,
            format=form,
            lead_list_id=lead_id,
            is_for_desk=is_for_desk,
            subject=made.subject,
            html=made.html,
            text=made.text,
            stencil=made.stencil.to_bytes(),
        )
        .on_conflict_do_nothing()
    )
    return session.scalars(
        sa.select(Rendering.id).where(
            Rendering.distribution_id == distribution_id,
            Rendering.language == language,
            Rendering.format == form,
            Rendering.lead_list_id == lead_id,
            Rendering.is_for_desk.is_(is_for_desk),
        )
    ).one()


def _store_list_set(session: Session, lists: Collection[int]) -> int:
    key = ",".join(map(str, sorted(lists)))
    made: int | None = session.scalar(
        insert(session, ListSet).values(key=key).on_conflict_do_nothing().returning(ListSet.id)
    )
    if made is not None:
        session.execute(
            sa.insert(ListSetMember),
            [{"list_set_id": made, "list_id": list_id} for list_id in sorted(lists)],
        )
        return made
    return session.scalars(sa.select(ListSet.id).where(ListSet.key == key)).one()
