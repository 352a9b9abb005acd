"""What each kind of notice says, in its reader's language.

The words are read from what the notice names, at the moment when it is sent; one whose subject
is gone says nothing, and is not sent.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from markupsafe import Markup, escape
from sqlalchemy.orm import Session

from runtime.i18n import Words, words
from subscribers.change_words import Reader, named, rhythms, told
from subscribers.consents import change_of
from subscribers.desks import desk_facts, invitation
from subscribers.links import Links
from subscribers.masking import in_full
from subscribers.models import Subscriber
from subscribers.notices import NoticeKind
from subscribers.queries import frequencies, titles
from subscribers.record_models import AddressChange, Consent, Notice, SignUp
from subscribers.sign_ups import lists_of
from subscribers.undo import Undo


@dataclass(frozen=True, slots=True)
class Said:
    """A notice's words: HTML fragments, escaped, and at most one link."""

    subject: str
    paragraphs: tuple[Markup, ...]
    action: tuple[str, str] | None = None
    """What the link is called, and where it leads."""
    rest: tuple[Markup, ...] = ()
    """What stands after the link."""


@dataclass(frozen=True, slots=True)
class Telling:
    """What every kind speaks with."""

    session: Session
    notice: Notice
    links: Links
    zone: ZoneInfo
    now: dt.datetime
    ours: Words

    def line(self, sentence: str, **values: object) -> Markup:
        """A sentence of ours (translated already) with values put in, as escaped HTML."""
        return escape(sentence) % {
            name: value if isinstance(value, Markup) else escape(value)
            for name, value in values.items()
        }


def say(
    session: Session, notice: Notice, links: Links, zone: ZoneInfo, now: dt.datetime
) -> Said | None:
    """The words of a notice; None where what it speaks of is gone."""
    telling = Telling(session, notice, links, zone, now, words(notice.language))
    return _KINDS[NoticeKind(notice.kind)](telling)


def _confirm_sign_up(to: Telling) -> Said | None:
    _ = to.ours.gettext
    sign_up = to.session.get(SignUp, to.notice.detail["sign_up_id"])
    if sign_up is None or sign_up.confirmed_at is not None:
        return None
    asked = lists_of(to.session, sign_up.id)
    person = to.session.scalar(
        sa.select(Subscriber).where(Subscriber.address_key == sign_up.address_key)
    )
    return Said(
        _("Please confirm: do you want our mails?"),
        (
            to.line(
                _(
                    "Somebody, probably you, asked on our page for %(lists)s "
                    "to come to this address."
                ),
                lists=named(titles(to.session, list(asked)), to.ours),
            ),
            *rhythms(to.session, asked, to.ours, to.zone, person),
            to.line(_("If it was you, open this page and press the button there:")),
        ),
        (_("Confirm"), to.links.sign_up_url(sign_up.id)),
        (to.line(_("If it was not you, do nothing: then nothing comes from us.")),),
    )


def _already_subscribed(to: Telling) -> Said | None:
    _ = to.ours.gettext
    if to.notice.subscriber_id is None:
        return None
    lists = titles(to.session, to.notice.detail["lists"])
    often = frequencies(to.session, to.notice.subscriber_id, to.notice.detail["lists"])
    person = to.session.get(Subscriber, to.notice.subscriber_id)
    return Said(
        _("You get these mails already"),
        (
            to.line(
                _(
                    "Somebody, probably you, asked on our page for %(lists)s. "
                    "They come to this address already, and nothing was changed."
                ),
                lists=named(lists, to.ours),
            ),
            *rhythms(to.session, often, to.ours, to.zone, person),
            to.line(_("Here you see what you get, and can change it. The link is good for a day:")),
        ),
        (
            _("Change what you get"),
            to.links.private_url(to.notice.subscriber_id, to.now),
        ),
    )


def _not_by_form(to: Telling) -> Said:
    _ = to.ours.gettext
    return Said(
        _("We cannot send you mail at this address"),
        (
            to.line(
                _(
                    "Somebody, probably you, asked on our page for our mails "
                    "to come to this address. "
                    "The press office has stopped mail to it."
                )
            ),
            to.line(_("If you want our mails, write to us: answer this mail.")),
        ),
    )


def _private_link(to: Telling) -> Said | None:
    _ = to.ours.gettext
    if to.notice.subscriber_id is None:
        return None
    return Said(
        _("Your private link"),
        (
            to.line(
                _(
                    "Somebody, probably you, asked for a link to see and change everything "
                    "about your "
                    "subscriptions. It is good for a day; do not pass it on:"
                )
            ),
        ),
        (
            _("See and change everything"),
            to.links.private_url(to.notice.subscriber_id, to.now),
        ),
        (to.line(_("If it was not you, do nothing: nothing was changed.")),),
    )


def _changed(to: Telling) -> Said | None:
    _ = to.ours.gettext
    entry = to.session.get(Consent, to.notice.detail["entry_id"])
    if entry is None:
        return None
    change = change_of(entry)
    what = told(to.session, change, to.ours, Reader(office_zone=to.zone))
    if not what and "left_desk" in entry.detail:
        what = to.line(_("A desk forwards nothing to you any more."))
    return Said(
        _("What you get from us was changed"),
        (
            to.line(_("Somebody, probably you, used a link in one of our mails:")),
            what,
            to.line(_("If that is not what you want, you can undo it within a week:")),
        ),
        (_("Undo"), to.links.undo_url(Undo(entry.subscriber_id, entry.id))),
    )


def _confirm_address(to: Telling) -> Said | None:
    _ = to.ours.gettext
    change = to.session.get(AddressChange, to.notice.detail["address_change_id"])
    if change is None or change.confirmed_at is not None:
        return None
    return Said(
        _("Please confirm your new address"),
        (
            to.line(
                _(
                    "Somebody, probably you, asked for our mails "
                    "to come to this address from now on."
                )
            ),
            to.line(_("If it was you, open this page and press the button there:")),
        ),
        (_("Confirm"), to.links.address_url(change.id)),
        (to.line(_("If it was not you, do nothing: then nothing comes from us.")),),
    )


def _address_changed(to: Telling) -> Said | None:
    _ = to.ours.gettext
    entry = to.session.get(Consent, to.notice.detail["entry_id"])
    if entry is None:
        return None
    return Said(
        _("Our mails go to another address now"),
        (
            to.line(
                _(
                    "Somebody, probably you, asked for our mails to come to another address "
                    "than this "
                    "one, and confirmed it there."
                )
            ),
            to.line(_("If that is not what you want, you can undo it within a week:")),
        ),
        (_("Undo"), to.links.undo_url(Undo(entry.subscriber_id, entry.id))),
    )


def _erased(to: Telling) -> Said:
    _ = to.ours.gettext
    return Said(
        _("Your data is erased"),
        (
            to.line(
                _(
                    "As you asked, we have erased everything that we knew about you. "
                    "This is the last mail that comes from us."
                )
            ),
        ),
    )


def _desk_invitation(to: Telling) -> Said | None:
    _ = to.ours.gettext
    found = invitation(to.session, to.notice.detail["member_id"], to.now)
    if found is None or found.is_accepted:
        return None
    return Said(
        _("A desk would forward our mails to you"),
        (
            to.line(
                _("%(desk)s gets mails from us, and would like to forward to you what you choose."),
                desk=Markup("<strong><bdi>{}</bdi></strong>").format(found.name),
            ),
            to.line(_("If you want that, open this page and choose:")),
        ),
        (_("Choose"), to.links.invitation_url(to.notice.detail["member_id"])),
        (to.line(_("If you do not, do nothing: then nothing comes from us.")),),
    )


def _desk_link(to: Telling) -> Said | None:
    _ = to.ours.gettext
    if to.notice.subscriber_id is None:
        return None
    link = (
        _("See and change everything"),
        to.links.private_url(to.notice.subscriber_id, to.now),
    )
    if to.notice.detail.get("why") == "stop":
        asked = to.line(
            _(
                "Somebody who reads the desk that you keep asked for its mails to stop. "
                "Only you can do that:"
            )
        )
        rest = to.line(_("If nothing should change, do nothing."))
        return Said(_("About the desk that you keep"), (asked,), link, (rest,))
    desk = desk_facts(to.session, to.notice.subscriber_id)
    if desk is None:
        return None
    return Said(
        _("About the desk that you keep"),
        (
            to.line(
                _("Our office has made you keeper of %(desk)s (%(address)s)."),
                desk=Markup("<strong><bdi>{}</bdi></strong>").format(desk.name),
                address=Markup('<bdi dir="ltr">{}</bdi>').format(in_full(desk.address)),
            ),
            to.line(
                _(
                    "A desk is an address that several people read, so no link in its mails "
                    "stops them. As its keeper you decide what it gets. You can also invite "
                    "people to have some of it forwarded to an address of their own."
                )
            ),
            to.line(
                _(
                    "All of that is on one page. The link is good for a day; do not pass it on. "
                    "If it is too old, open it all the same: a new one comes to you."
                )
            ),
        ),
        link,
        (to.line(_("If this is a mistake, tell us: answer this mail.")),),
    )


_KINDS: Final[dict[NoticeKind, Callable[[Telling], Said | None]]] = {
    NoticeKind.CONFIRM_SIGN_UP: _confirm_sign_up,
    NoticeKind.ALREADY_SUBSCRIBED: _already_subscribed,
    NoticeKind.NOT_BY_FORM: _not_by_form,
    NoticeKind.PRIVATE_LINK: _private_link,
    NoticeKind.CHANGED: _changed,
    NoticeKind.CONFIRM_ADDRESS: _confirm_address,
    NoticeKind.ADDRESS_CHANGED: _address_changed,
    NoticeKind.ERASED: _erased,
    NoticeKind.DESK_INVITATION: _desk_invitation,
    NoticeKind.DESK_LINK: _desk_link,
}
