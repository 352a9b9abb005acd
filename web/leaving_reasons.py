"""The form that asks why somebody left; nobody needs to answer it."""

from dataclasses import dataclass

from markupsafe import Markup

from mail.text import clean_line
from runtime.i18n import Words
from subscribers.leaving import WORDS_MAX_CHARACTERS, Why
from web.boxes import Box
from web.forms import Form


@dataclass(frozen=True, slots=True)
class Reason:
    """Why, and what they say of it in their own words."""

    why: Why
    words: str


@dataclass(frozen=True, slots=True)
class Asking:
    """The form: the leaving that it is about, and what was chosen and typed."""

    token: str
    why: str = ""
    words: str = ""


def asking_again(form: Form) -> Asking | None:
    """The form as it was posted; None when another one was."""
    token = form.one("of")
    if token is None or form.one("do") != "reason":
        return None
    return Asking(token, form.one("why") or "", clean_line(form.one("words") or ""))


def read_reason(asked: Asking) -> Reason | None:
    """What was answered; None where nothing was, or at more length than there is room for."""
    if len(asked.words) > WORDS_MAX_CHARACTERS:
        return None
    if asked.why in set(Why):
        return Reason(Why(asked.why), asked.words)
    return Reason(Why.OTHER, asked.words) if asked.words else None


def reason_choices(ours: Words) -> list[tuple[str, str]]:
    """The reasons that are offered: the value, and how people would say it."""
    _ = ours.gettext
    return [
        (Why.TOO_MUCH.value, _("There is too much mail.")),
        (Why.OTHER_TOPICS.value, _("The topics are not mine.")),
        (Why.NEVER_ASKED.value, _("I never signed up.")),
        (Why.OTHER_JOB.value, _("I have changed jobs.")),
        (Why.OTHER.value, _("Something else.")),
    ]


def unreasoned(asked: Asking, ours: Words) -> Box:
    """When nothing was chosen, or there is no room for all that was written."""
    _ = ours.gettext
    field, text = "why", _("Choose a reason below, or just close this page.")
    if len(asked.words) > WORDS_MAX_CHARACTERS:
        most = WORDS_MAX_CHARACTERS
        field, text = (
            "words",
            ours.ngettext(
                "Write at most %(count)d character.", "Write at most %(count)d characters.", most
            )
            % {"count": most},
        )
    link = Markup('<a href="#{}">{}</a>').format(field, text)
    return Box(_("Nothing was sent."), link, is_error=True)
