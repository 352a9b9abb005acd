"""Limits as an operator writes them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.limits import DomainLimit, DomainLimits, LimitError, Rate, RelayLimits, share_of
from runtime.relays import Relay, RelayError
from runtime.settings import SettingsError, load_settings


def test_a_relays_limits_stand_in_its_url() -> None:
    """Connections, rate and messages on a connection; the rest of the URL is as before."""
    relay = Relay.from_url(
        "smtps://user:pa%3Fss@mx.example?connections=10&rate=50/s&per_connection=100"
    )
    assert relay.limits == RelayLimits(connections=10, rate=Rate(50), per_connection=100)
    assert str(relay.limits) == "10 connections, 50/s, 100 on a connection"
    assert (relay.name, relay.password) == ("mx.example:465", "pa?ss")
    assert not Relay.from_url("smtp://127.0.0.1").limits


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("speed=3", "connections=10, rate=50/s and per_connection=100"),
        ("rate=50", "50/s, 300/min or 5000/h"),
        ("rate=0/s", "50/s, 300/min or 5000/h"),
        ("connections=0", "connections is a whole number from 1 on"),
        ("connections", "name=value"),
        ("connections=1&connections=2", "twice"),
    ],
)
def test_a_relays_wrong_limit_is_named(options: str, said: str) -> None:
    """In one line that says how it is written."""
    with pytest.raises(RelayError, match=said):
        Relay.from_url(f"smtp://mx.example?{options}")


def test_what_may_be_a_password_is_not_repeated() -> None:
    """A password that was not encoded may end up behind the question mark."""
    with pytest.raises(RelayError) as caught:
        Relay.from_url("smtp://mx.example?hunter2=x&rate=hunter2")
    assert "hunter2" not in str(caught.value)


def test_limits_of_domains() -> None:
    """Domains of one entry share; `*` is every other domain, each on its own."""
    limits = DomainLimits.parse(
        ("gmail.com GoogleMail.com 20/s 5 at once", "exämple.org 300/min", "* 50/s")
    )
    assert limits.of("googlemail.com") is limits.of("gmail.com")
    assert limits.of("gmail.com") == DomainLimit("gmail.com", Rate(20), 5)
    assert limits.of("xn--exmple-cua.org") == DomainLimit("xn--exmple-cua.org", Rate(300, 60))
    assert limits.of("other.example") == DomainLimit("other.example", Rate(50))
    assert DomainLimits.parse(("gmail.com 1 at once",)).of("other.example") is None


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("20/s", "not domains and their limits"),
        ("gmail.com 20", "“20” in “gmail.com 20” is no domain"),
        ("gmail.com 20/day", "“20/day” is not a rate"),
        ("gmail.com 20/s 30/s", "not domains and their limits"),
        ("gmail.com * 20/s", "stands alone"),
        ("gmail.com, gmail.com 3/s", "“gmail.com” is there twice"),
        ("*, *", "twice"),
        ("localhost", "no domain"),
    ],
)
def test_a_wrong_limit_of_a_domain_is_named(
    entry: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variable, what is wrong, and how it is written."""
    monkeypatch.setenv("MEDIANOTE_DOMAIN_LIMITS", entry)
    with pytest.raises(SettingsError, match=said) as caught:
        load_settings()
    assert str(caught.value).startswith("MEDIANOTE_DOMAIN_LIMITS: ")


def test_settings_say_where_limits_are_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the broker, where that is a Redis."""
    assert load_settings().limits_url is None
    monkeypatch.setenv("MEDIANOTE_BROKER_URL", "amqp://broker.example")
    assert load_settings().limits_url is None
    monkeypatch.setenv("MEDIANOTE_BROKER_URL", "redis://broker.example/1")
    assert load_settings().limits_url == "redis://broker.example/1"


@given(limit=st.integers(1, 10_000), workers=st.integers(1, 300))
def test_shares_add_up(limit: int, workers: int) -> None:
    """All shares together are the limit, and no two differ by more than one."""
    shares = [share_of(limit, workers, rank) for rank in range(workers)]
    assert sum(shares) == limit
    assert max(shares) - min(shares) <= 1


def test_no_rate_lets_nobody_through() -> None:
    """Zero is a pause, and there is a command for that."""
    with pytest.raises(LimitError):
        Rate(0)
