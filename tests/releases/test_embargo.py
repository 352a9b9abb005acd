"""Moments are read beyond doubt, or refused with a word on how to mend them."""

import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from releases.embargo import EmbargoError, parse_moment


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-03-05T18:00:00+01:00", "2024-03-05T18:00:00+01:00"),
        ("2024-03-05T18:00Z", "2024-03-05T18:00:00+00:00"),
        ("20240305T180000Z", "2024-03-05T18:00:00+00:00"),
        ("2024-03-05T18:00-05:00", "2024-03-05T18:00:00-05:00"),
        ("2024-03-05 18:00 Europe/Berlin", "2024-03-05T18:00:00+01:00"),
        ("EMBARGOED UNTIL 6:00 AM ET, SATURDAY, December 18, 2010", "2010-12-18T06:00:00-05:00"),
        ("Sperrfrist: Dienstag, 5. März 2024, 10.00 Uhr (MEZ)", "2024-03-05T10:00:00+01:00"),
        ("EMBARGO jusqu'au 5 mars 2024 à 18h00 (heure de Paris)", "2024-03-05T18:00:00+01:00"),
        (
            "Embargo hasta el 5 de marzo de 2024, 10:00 (hora peninsular)",
            "2024-03-05T10:00:00+01:00",
        ),
        ("Эмбарго до 15:00 мск 5 марта 2024 г.", "2024-03-05T15:00:00+03:00"),
        ("禁发至2024年3月5日上午10时（北京时间）", "2024-03-05T10:00:00+08:00"),
        (
            "محظور النشر حتى الساعة 3 مساء بتوقيت القاهرة يوم 5 مارس 2024",
            "2024-03-05T15:00:00+02:00",
        ),
        ("EMBARGOED UNTIL 00:01 BST 5 July 2024", "2024-07-05T00:01:00+01:00"),
        ("Embargoed until 0001 GMT Tuesday 5 March 2024", "2024-03-05T00:01:00+00:00"),
        ("12 noon PT March 5, 2024", "2024-03-05T12:00:00-08:00"),
        ("12:01 a.m. EDT on July 1, 2024", "2024-07-01T00:01:00-04:00"),
        ("5 March 2024 10:00 CET / 09:00 GMT", "2024-03-05T10:00:00+01:00"),
        ("5 March 2024 10:00 CST (UTC+8)", "2024-03-05T10:00:00+08:00"),
        ("27 October 2024 2:30 CEST", "2024-10-27T02:30:00+02:00"),
    ],
)
def test_moments_in_many_forms_are_read(text: str, moment: str) -> None:
    """Offsets, zones, cities and clear abbreviations give the moment with its offset."""
    found = parse_moment(text)
    expected = datetime.datetime.fromisoformat(moment)
    assert found == expected
    assert found.utcoffset() == expected.utcoffset()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("2024-03-05T18:00", "no time zone"),
        ("5. März 2024, 10:00 Uhr", "no time zone"),
        ("5 March 2024 10:00 CST", "CST is the time of"),
        ("5 March 2024 10:00 IST", "IST is the time of"),
        ("noon EST July 5, 2024", "EST is not in force"),
        ("6 PM EDT 5 December 2024", "EDT is not in force"),
        ("5 July 2024 10:00 CET", "CET is not in force"),
        ("6 p.m. Eastern Standard Time, July 4, 2024", "not in force"),
        ("5 March 2024", "no time of day"),
        ("midnight GMT 5 March 2024", "midnight"),
        ("10:00 GMT", "no date"),
        ("5 March 10:00 GMT", "no year"),
        ("Monday 5 March 2024 10:00 GMT", "is a Tuesday"),
        ("03/04/2024 10:00 GMT", "write the month as a word"),
        ("5 and 6 March 2024 10:00 GMT, 7 March 2024", "more than one date"),
        ("5 March 2024 10:00 CET / 08:00 GMT", "more than one moment"),
        ("5 March 2024 25:00 GMT", "no time of day"),
        ("13 p.m. GMT 5 March 2024", "no time of day"),
        ("5 March 2024 18:00 local time", "no time zone"),
        ("31 March 2024 02:30 Europe/Berlin", "does not exist"),
        ("27 October 2024 02:30 Europe/Berlin", "comes twice"),
        ("2024-02-30T10:00Z", "day is out of range"),
        ("tomorrow", "no time of day"),
        ("", "no time of day"),
    ],
)
def test_what_is_missing_or_contradictory_is_refused(text: str, says: str) -> None:
    """The error repeats the words, says what is wrong with them and how to mend it."""
    with pytest.raises(EmbargoError, match=says) as caught:
        parse_moment(text, what="--embargo")
    assert str(caught.value).startswith("--embargo «")
    assert "\n" not in str(caught.value)


def test_a_releases_own_date_stands_in_for_one_that_is_not_printed() -> None:
    """A time without a date takes the date it is given, and only then."""
    day = datetime.date(2014, 1, 29)
    found = parse_moment("For release at 2:00 p.m. EST", date=day)
    assert found.isoformat() == "2014-01-29T14:00:00-05:00"


YEARS = st.dates(datetime.date(2000, 1, 1), datetime.date(2099, 1, 1))


@given(
    st.builds(datetime.datetime.combine, YEARS, st.times()),
    st.sampled_from(
        ["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Auckland", "UTC"]
    ),
)
def test_what_is_read_is_what_the_clock_shows(wall: datetime.datetime, zone: str) -> None:
    """A moment that is read shows the printed time in its zone; gaps and folds are refused."""
    wall = wall.replace(second=0, microsecond=0)
    refusal = ""
    try:
        found = parse_moment(f"{wall:%Y-%m-%d %H:%M} {zone}")
        assert found.astimezone(ZoneInfo(zone)).replace(tzinfo=None) == wall
    except EmbargoError as error:
        refusal = str(error)
    assert not refusal or "exist" in refusal or "twice" in refusal


@given(st.text(max_size=80))
def test_no_text_brings_it_down(text: str) -> None:
    """Any text is a moment with an offset, or an EmbargoError."""
    refusal = ""
    try:
        assert parse_moment(text).utcoffset() is not None
    except EmbargoError as error:
        refusal = str(error)
    assert "\n" not in refusal


@pytest.mark.parametrize(
    "text",
    [
        "EMBARGOED UNTIL 2027-03-05 18:00 +01:00 (13:00 EST)",
        "EMBARGOED UNTIL 2027-03-05 18:00 CET (13:00 EST)",
        "2026-03-05T18:00Z or 2026-03-07T18:00Z",
        "Monday 2027-03-05T18:00Z",
        "2026-03-05T18:00+01:00 [Europe/London]",
        "2026-03-05 18:00-19:00 CET",
        "2026-03-05 18:00-14:00 CET",
        "5 March 2027, 18:00 CET Europe/London",
        "0001-01-01 00:00+14:00",
    ],
)
def test_what_stands_beside_a_moment_must_agree_with_it(text: str) -> None:
    """A second time, date, weekday or zone that says otherwise is refused, never passed over."""
    with pytest.raises(EmbargoError):
        parse_moment(text)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("EMBARGOED UNTIL 2027-03-05 18:00 +01:00 (12:00 EST)", "2027-03-05T18:00:00+01:00"),
        ("Friday, 2027-03-05T18:00:30Z", "2027-03-05T18:00:30+00:00"),
        ("2027-03-05T18:00+01:00 [Europe/Berlin]", "2027-03-05T18:00:00+01:00"),
        ("5 March 2027, 18:00 CST (UTC+8)", "2027-03-05T18:00:00+08:00"),
        ("5 March 2027 18:00 UTC+5:30", "2027-03-05T18:00:00+05:30"),
        ("5 March 2027, 6 p.m. (-05:00)", "2027-03-05T18:00:00-05:00"),
        ("20270305T1800Z", "2027-03-05T18:00:00+00:00"),
    ],
)
def test_what_agrees_may_stand_there(text: str, moment: str) -> None:
    """The same moment said twice is one."""
    assert parse_moment(text).isoformat() == moment
