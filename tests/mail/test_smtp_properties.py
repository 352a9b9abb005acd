"""Whatever a server does, wherever the octets are cut: nobody is lost or gets another's mail."""

from collections import Counter
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from mail.replies import Accepted, Deferred, Failed, InDoubt, Unsent
from mail.smtp import Window
from mail.smtp_items import Item
from tests.support.smtp_model import (
    ESMTP,
    Action,
    Babble,
    CutContent,
    Envelope,
    Farewell,
    Hang,
    Say,
    SmtpModel,
    Vanish,
)
from tests.support.smtp_pair import Pair, new_session, talk_at_random

CAPABILITIES = [("8BITMIME",), ("CHUNKING",), ESMTP, (*ESMTP, "CHUNKING")]
VERBS = ["CONNECT", "EHLO", "RSET", "MAIL", "RCPT", "DATA", "CONTENT"]
REFUSALS = ["450 4.2.0 later", "550 5.1.1 no such user", "552 5.2.2 full", "552 too much"]
actions = st.one_of(
    st.sampled_from(REFUSALS).map(Say),
    st.just(Farewell()),
    st.builds(Vanish, st.booleans()),
    st.just(Hang()),
    st.sampled_from(["Hello?", "503 5.5.1 bad sequence", "530 5.7.0 login first"]).map(Say),
    st.builds(CutContent, st.integers(0, 60)),
)
misdeeds = st.dictionaries(
    st.tuples(st.sampled_from(VERBS), st.integers(0, 6)), actions, max_size=5
)


def _item(key: int) -> Item:
    body = b"Subject: note\r\n\r\nfor %d\r\n.\r\n..%s\r\n" % (key, b"x" * (key * 7 % 50))
    return Item(key, f"b-{key}@press.example", f"u{key}@news.example", body)


@settings(max_examples=400)
@given(
    count=st.integers(1, 9),
    capabilities=st.sampled_from(CAPABILITIES),
    flights=st.booleans(),
    window=st.builds(Window, st.integers(1, 6), st.integers(1, 500)),
    per_connection=st.lists(misdeeds, min_size=1, max_size=4),
    wants_data_for_nobody=st.booleans(),
    random=st.integers(0, 2**32).map(Random),
)
def test_nothing_is_lost_doubled_or_mixed_up(
    count: int,
    capabilities: tuple[str, ...],
    flights: bool,
    window: Window,
    per_connection: list[dict[tuple[str, int], Action]],
    wants_data_for_nobody: bool,
    random: Random,
) -> None:
    """Each item has one outcome; what the server took is the accepted ones and some in doubt."""
    taken: list[Envelope] = []
    refused: list[str] = []
    scripts = iter(per_connection)

    def new_pair() -> Pair:
        planned = next(scripts, {})

        def script(verb: str, argument: str, heard: int) -> Action | None:
            action = planned.get((verb, heard))
            if isinstance(action, Say) and action.text in REFUSALS:
                refused.append(action.text)
            return action

        model = SmtpModel(
            script=script,
            capabilities=capabilities,
            wants_data_for_nobody=wants_data_for_nobody,
            taken=taken,
        )
        return Pair(new_session(flights=flights, window=window), model)

    items = [_item(key) for key in range(count)]
    outcomes = talk_at_random(items, new_pair, random)

    assert all(len(settled) == 1 for settled in outcomes.values())
    kind = {key: settled[0] for key, settled in outcomes.items()}
    received = Counter()
    for envelope in taken:
        (recipient,) = envelope.rcpt_to
        key = int(recipient.partition("@")[0][1:])
        assert envelope.mail_from == items[key].mail_from
        assert envelope.data == items[key].data
        received[key] += 1
    for key, outcome in kind.items():
        match outcome:
            case Accepted():
                assert received[key] == 1
            case InDoubt():
                assert received[key] <= 1
            case Deferred() | Failed():
                assert received[key] == 0
                assert refused, "nobody is refused unless the server said so"
            case Unsent():
                assert received[key] == 0


@settings(max_examples=150)
@given(
    misdeed=st.tuples(st.sampled_from(["MAIL", "RCPT", "CONTENT"]), st.integers(0, 4)),
    text=st.sampled_from(["250 2.0.0 and more", "550 5.1.1 and no", "421 4.3.2 bye", "x"]),
    capabilities=st.sampled_from(CAPABILITIES),
    flights=st.booleans(),
    random=st.integers(0, 2**32).map(Random),
)
def test_surplus_replies_never_mix_up_mail(
    misdeed: tuple[str, int],
    text: str,
    capabilities: tuple[str, ...],
    flights: bool,
    random: Random,
) -> None:
    """A server that says too much costs certainty, but nobody gets what is another's."""
    taken: list[Envelope] = []

    def new_pair() -> Pair:
        script = lambda v, a, n: Babble(text) if (v, n) == misdeed else None  # noqa: E731
        model = SmtpModel(script=script, capabilities=capabilities, taken=taken)
        return Pair(new_session(flights=flights), model)

    items = [_item(key) for key in range(5)]
    outcomes = talk_at_random(items, new_pair, random)
    assert all(len(settled) == 1 for settled in outcomes.values())
    for envelope in taken:
        (recipient,) = envelope.rcpt_to
        assert envelope.data == items[int(recipient.partition("@")[0][1:])].data
