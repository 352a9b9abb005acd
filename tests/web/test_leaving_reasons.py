"""Why somebody left: asked after the fact, never required, and kept for the office."""

import re

import httpx
import pytest
import sqlalchemy as sa

from releases.forgetting import erase_person
from runtime.i18n import words
from subscribers.consents import Via
from subscribers.leaving import WORDS_MAX_CHARACTERS, Why, reason_counts
from subscribers.merging import merge
from subscribers.record_models import Consent
from tests.support.people import HASH_KEY, add_person
from tests.web.world import World, seal_of, undo_of
from web.leaving_reasons import reason_choices

ASKED = "Would you tell us why?"


def reasons(site: World) -> list[dict[str, object]]:
    """What the log knows of reasons, the oldest first."""
    with site.database.reading() as session:
        return list(
            session.scalars(
                sa.select(Consent.detail).where(Consent.what == "reason").order_by(Consent.id)
            )
        )


def leave(site: World, client: httpx.Client, *lists: str) -> dict[str, str]:
    """Jo leaves these lists by the page; the fields of the form that asks why."""
    path = site.unsubscribe_path()
    form = {"seal": seal_of(client.get(path).text), "stop": list(lists)}
    page = client.post(path, data=form).text
    found = re.search(r'name="of" value="([^"]+)"', page)
    assert found is not None, page
    return {"seal": seal_of(page), "of": found[1], "do": "reason"}


def test_every_reason_can_be_chosen() -> None:
    """The page offers just what the log keeps."""
    assert [value for value, _ in reason_choices(words("en"))] == [why.value for why in Why]


def test_a_reason_is_kept(either: World) -> None:
    """One that is given is on the log with the lists that were left; undo is still there."""
    path = either.unsubscribe_path()
    with either.client() as client:
        assert ASKED not in client.get(path).text
        form = leave(either, client, "press", "europe") | {
            "why": "too much mail",
            "words": " So  much ",
        }
        before = either.history()
        page = client.post(path, data=form)
        assert page.status_code == 200
        assert "Thank you." in page.text
        assert ASKED not in page.text
        (kept,) = reasons(either)
        assert (kept["why"], kept["words"]) == ("too much mail", "So much")
        with either.database.reading() as session:
            assert reason_counts(session) == {
                "press": {Why.TOO_MUCH: 1},
                "europe": {Why.TOO_MUCH: 1},
            }
        assert either.history() == before
        assert len(either.notices()) == 1
        client.post(path, data={"seal": seal_of(page.text), "undo": undo_of(page.text)})
    assert len(either.followed()) == 3


def test_the_first_reason_counts(site: World, client: httpx.Client) -> None:
    """Whoever presses twice, or goes back and chooses another one, has left once."""
    form = leave(site, client, "press")
    for why in ("changed jobs", "changed jobs", "other"):
        assert client.post(site.unsubscribe_path(), data=form | {"why": why}).status_code == 200
    assert [kept["why"] for kept in reasons(site)] == ["changed jobs"]
    assert "words" not in reasons(site)[0]


def test_words_alone_are_a_reason(site: World, client: httpx.Client) -> None:
    """Nobody needs to choose what they have written already."""
    form = leave(site, client, "press")
    client.post(site.unsubscribe_path(), data=form | {"words": "=Moved to <sport>"})
    assert [(kept["why"], kept["words"]) for kept in reasons(site)] == [
        ("other", "=Moved to <sport>")
    ]


@pytest.mark.parametrize(
    "answer",
    [{}, {"words": " "}, {"why": "x"}, {"why": "other", "words": "<" * (WORDS_MAX_CHARACTERS + 1)}],
)
def test_no_reason_or_too_long_a_one(
    site: World, client: httpx.Client, answer: dict[str, str]
) -> None:
    """What to do is said, and what was typed is still there; nothing is kept."""
    form = leave(site, client, "press")
    page = client.post(site.unsubscribe_path(), data=form | answer)
    assert page.status_code == 422
    is_long = len(answer.get("words", "")) > WORDS_MAX_CHARACTERS
    assert ("Write at most 300 characters." if is_long else "Choose a reason below") in page.text
    assert ASKED in page.text
    typed = answer.get("words", "").strip().replace("<", "&lt;")
    assert f'name="words" value="{typed}"' in page.text
    assert ('value="other" checked' in page.text) == (answer.get("why") == "other")
    assert reasons(site) == []


def test_a_reason_is_asked_again_after_a_long_time(site: World, client: httpx.Client) -> None:
    """A page that lay open for too long loses nothing of what was typed."""
    form = leave(site, client, "press") | {"seal": "0.x", "why": "other", "words": "Mine"}
    page = client.post(site.unsubscribe_path(), data=form)
    assert page.status_code == 422
    assert 'name="words" value="Mine"' in page.text
    again = form | {"seal": seal_of(page.text)}
    assert client.post(site.unsubscribe_path(), data=again).status_code == 200
    assert len(reasons(site)) == 1


def test_a_reason_for_somebody_else(site: World, client: httpx.Client) -> None:
    """One person's form says nothing on another's page; a made-up one nowhere, nor an undo's."""
    form = leave(site, client, "press") | {"why": "other"}
    others = site.unsubscribe_path(site.ali)
    seal = seal_of(client.get(others).text)
    assert client.post(others, data=form | {"seal": seal}).status_code == 404
    path = site.unsubscribe_path()
    undo = site.links.undo_token(site.links.reasoning(form["of"]))
    for token in ("x", undo, site.links.unsubscribe_token(site.jo, site.pair)):
        assert client.post(path, data=form | {"of": token}).status_code == 404
    assert client.post(path, data={"seal": form["seal"], "do": "reason"}).status_code == 404
    assert reasons(site) == []


def test_a_reason_after_a_merger(site: World, client: httpx.Client) -> None:
    """It is for who they are now, and still counts once."""
    form = leave(site, client, "press") | {"why": "changed jobs"}
    with site.database.transaction() as session:
        keep = add_person(session, "jo@other.example").id
        merge(session, keep, site.jo, Via("test"))
    path = site.unsubscribe_path()
    for _ in range(2):
        form["seal"] = seal_of(client.get(site.unsubscribe_path()).text)
        assert client.post(path, data=form).status_code == 200
    assert [kept["why"] for kept in reasons(site)] == ["changed jobs"]


def test_a_reason_after_an_erasure(site: World, client: httpx.Client) -> None:
    """Nothing is kept of who asked to be forgotten: neither what comes late, nor what was there."""
    form = leave(site, client, "press") | {"why": "other", "words": "Mine"}
    second = leave(site, client, "europe") | {"why": "other"}
    client.post(site.unsubscribe_path(), data=form)
    with site.database.transaction() as session:
        erase_person(session, site.jo, Via("test"), hash_key=HASH_KEY)
    assert client.post(site.unsubscribe_path(), data=second).status_code == 400
    assert reasons(site) == []
