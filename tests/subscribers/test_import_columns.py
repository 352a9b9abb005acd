"""What is promised of tables that other programs export: their columns are found by name."""

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subscribers.columns import MAPPABLE
from subscribers.csv_rows import Row
from subscribers.csv_text import Fault, TableError
from subscribers.import_columns import ColumnsError, find_columns, parse_mapping
from subscribers.import_words import date_of, frequency_of, stops_mail
from subscribers.importing import Source
from subscribers.models import Frequency

MAILCHIMP = (
    '"Email Address","First Name","Last Name","Media Outlet",LANGUAGE,MEMBER_RATING,OPTIN_TIME,'
    "OPTIN_IP,CONFIRM_TIME,CONFIRM_IP,LATITUDE,CC,REGION,LAST_CHANGED,LEID,EUID,NOTES,TAGS\n"
    'ana@example.org,Ana,Díaz,"El Diario, Madrid",es,2,"2015-03-04 10:11:12",192.0.2.1,'
    '"2015-03-05 10:11:12",192.0.2.1,,,,"2020-01-01 00:00:00",1,ab,,"""press"",""eu"""\n'
    'bo@example.org,Bo,,,,2,"2016-03-04 10:11:12",192.0.2.1,,,,,,,2,cd,,\n'
)
MAILCHIMP_LEFT = (
    '"Email Address","First Name","Last Name",OPTIN_TIME,UNSUB_TIME,UNSUB_CAMPAIGN_TITLE\n'
    'gone@example.org,G,,"2015-03-04 10:11:12","2019-03-04 10:11:12",News\n'
)
MAILCHIMP_CLEANED = (
    '"Email Address",OPTIN_TIME,CLEAN_TIME,CLEAN_CAMPAIGN_TITLE\n'
    'dead@example.org,"2015-03-04 10:11:12","2019-03-04 10:11:12",News\n'
)
LISTMONK = (
    "uuid,email,name,attributes,status,created_at,updated_at\n"
    'u1,ana@example.org,Ana,"{""city"": ""Madrid"", ""Language"": ""es"", ""outlet"": ""EFE""}",'
    "enabled,2021-04-05T06:07:08.123456Z,2021-04-05T06:07:08Z\n"
    "u2,bo@example.org,Bo,{},blocklisted,2021-04-05T06:07:08Z,2021-04-05T06:07:08Z\n"
    "u3,cy@example.org,Cy,{},disabled,2021-04-05T06:07:08Z,2021-04-05T06:07:08Z\n"
    "u4,di@example.org,Di,nonsense,enabled,2021-04-05T06:07:08Z,2021-04-05T06:07:08Z\n"
)
GOVDELIVERY = (
    "Email,Subscription Date,Digest for,Origin\n"
    "ana@example.org,03/25/2019 10:11 AM,Daily,Direct\n"
    "bo@example.org,03/04/2019 10:11 AM,0,Upload\n"
    "cy@example.org,25/03/2019,Sometimes,Direct\n"
)


def rows_of(text: str, **stated: Any) -> list[Row | Fault]:
    """The rows of a table."""
    return list(Source(io.BytesIO(text.encode()), stated))


def test_an_export_of_mailchimp() -> None:
    """Names are joined, the confirmation is the day of consent, else the sign-up; tags are not."""
    source = Source(io.BytesIO(MAILCHIMP.encode()))
    assert source.columns.taken == {
        "email": ["Email Address"],
        "name": ["First Name", "Last Name"],
        "language": ["LANGUAGE"],
        "outlet": ["Media Outlet"],
        "consent-date": ["CONFIRM_TIME", "OPTIN_TIME"],
    }
    assert "TAGS" in source.columns.ignored
    assert not source.columns.is_plain
    ana, bo = source
    assert isinstance(ana, Row)
    assert (ana.name, ana.language, ana.outlet) == ("Ana Díaz", "es", "El Diario, Madrid")
    assert ana.consent_date == "2015-03-05T10:11:12"
    assert isinstance(bo, Row)
    assert (bo.name, bo.language, bo.consent_date) == ("Bo", None, "2016-03-04T10:11:12")


@pytest.mark.parametrize(
    ("text", "column"), [(MAILCHIMP_LEFT, "UNSUB_TIME"), (MAILCHIMP_CLEANED, "CLEAN_TIME")]
)
def test_mailchimp_files_of_who_is_not_to_be_mailed(text: str, column: str) -> None:
    """Its files of those who left, or whose mail bounced, bring nobody in."""
    [fault] = rows_of(text)
    assert isinstance(fault, Fault)
    assert not fault.is_bad
    assert (fault.value, column in fault.reason) == (
        f"“{text.splitlines()[1].split(',')[0]}”",
        True,
    )


def test_an_export_of_listmonk() -> None:
    """Attributes count where there is no column; who is blocked or disabled stays out."""
    ana, bo, cy, di = rows_of(LISTMONK)
    assert isinstance(ana, Row)
    assert (ana.name, ana.language, ana.outlet) == ("Ana", "es", "EFE")
    assert ana.consent_date == "2021-04-05T06:07:08+00:00"
    assert isinstance(bo, Fault)
    assert (bo.reason, bo.is_bad) == ("the file itself says that it is blocklisted", False)
    assert isinstance(cy, Fault)
    assert not cy.is_bad
    assert isinstance(di, Fault)
    assert (di.reason, di.is_bad) == ("the attributes are no object in JSON: “nonsense”", True)


def test_an_export_of_govdelivery() -> None:
    """How often, since when and from where; a word that is not known makes a bad row."""
    ana, bo, cy = rows_of(GOVDELIVERY)
    assert isinstance(ana, Row)
    assert (ana.frequency, ana.consent_date, ana.consent_source) == (
        "daily",
        "2019-03-25",
        "Direct",
    )
    assert isinstance(bo, Row)
    # In March or in April: what is written is kept.
    assert (bo.frequency, bo.consent_date) == ("at-once", "03/04/2019 10:11 AM")
    assert isinstance(cy, Fault)
    assert cy.reason == "how often is at-once, daily, weekly, not “Sometimes”"


@pytest.mark.parametrize(
    ("header", "taken"),
    [
        ("E-mail,Full name,LANG", {"email": "E-mail", "name": "Full name", "language": "LANG"}),
        (
            " Email Address ;Name;Organisation",
            {"email": "Email Address", "name": "Name", "outlet": "Organisation"},
        ),
        ("e_mail,Organization,Outlet", {"email": "e_mail", "outlet": "Outlet"}),
        ("Mail,Email,State", {"email": "Email", "state": "State"}),
        ("Courriel;Prénom;Nom;Langue", {"email": "Courriel", "name": "Prénom+Nom"}),
        ("Correo electrónico;Nombre", {"email": "Correo electrónico", "name": "Nombre"}),
        ("Vorname;Nachname;E-Mail-Adresse", {"name": "Vorname+Nachname"}),
        ("Электронная почта;ФИО;СМИ", {"email": "Электронная почта", "outlet": "СМИ"}),
        ("البريد الإلكتروني,الاسم", {"email": "البريد الإلكتروني", "name": "الاسم"}),
        ("电子邮件,姓名,媒体", {"email": "电子邮件", "name": "姓名", "outlet": "媒体"}),
    ],
)
def test_column_names_as_people_write_them(header: str, taken: dict[str, str]) -> None:
    """Letter case, accents and blanks are no matter; a synonym counts where the name is not."""
    found = Source(io.BytesIO(header.encode())).columns.taken
    joined = {said: "+".join(names) for said, names in found.items()}
    assert joined | taken == joined


def test_a_stated_column_comes_before_what_is_found() -> None:
    """`--map` decides, several columns make a name, and nothing stated means none is read."""
    stated = parse_mapping(
        ["email=Address 2", "name=Given", "name=clan", "Consent_Source=How", "language="]
    )
    columns = find_columns(["Email", "Address 2", "Clan", "Given", "How", "Language"], stated)
    assert columns.taken == {
        "email": ["Address 2"],
        "name": ["Given", "Clan"],
        "consent-source": ["How"],
    }
    assert columns.ignored == ["Email", "Language"]


@pytest.mark.parametrize(
    ("mapping", "said"),
    [
        (["email"], "write it as FIELD=COLUMN; the fields are email, name, language"),
        (["phone=Tel"], "the fields are email"),
        (["email=Kontakt"], "no such column; the columns are: “Mail”, “Twice”, “twice”"),
        (["outlet=TWICE"], "there are 2 columns of this name"),
        (["email=Mail", "email=Twice"], "email has a column already, “Mail”"),
    ],
)
def test_a_mapping_that_cannot_be(mapping: list[str], said: str) -> None:
    """What cannot be is refused with what can."""
    with pytest.raises(ColumnsError, match=said):
        find_columns(["Mail", "Twice", "twice"], parse_mapping(mapping))


def test_no_addresses() -> None:
    """A table without addresses says which columns there are, and how to say which it is."""
    with pytest.raises(TableError, match="“Name”; say which one has the addr"):
        rows_of("Kontakt,Name\nana@example.org,Ana\n")
    [row] = rows_of("Kontakt;Name\nana@example.org;Ana\n", email=["Kontakt"])
    assert isinstance(row, Row)
    assert (row.address, row.name) == ("ana@example.org", "Ana")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2024-05-06", "2024-05-06"),
        ("2024-05-06 07:08:09", "2024-05-06T07:08:09"),
        ("2024-05-06T07:08:09.5+02:00", "2024-05-06T07:08:09+02:00"),
        ("6.5.2024", "2024-05-06"),
        ("5/13/2024", "2024-05-13"),
        ("13/5/2024 07:08", "2024-05-13"),
        ("5/5/2024", "2024-05-05"),
        ("5/6/2024", "5/6/2024"),
        ("spring 2024", "spring 2024"),
        ("99.99.2024", "99.99.2024"),
    ],
)
def test_days_of_consent(written: str, read: str) -> None:
    """A day is kept in ISO 8601 where it can only be that one, else as it is written."""
    assert date_of(written) == read


def test_words() -> None:
    """Words for how often, and for no mail, in any letter case; unknown ones say nothing."""
    assert frequency_of("Once a DAY") == Frequency.DAILY
    assert frequency_of("Hebdomadaire") == Frequency.WEEKLY
    assert frequency_of("IMMEDIATE") == Frequency.AT_ONCE
    assert frequency_of("whenever") is None
    assert all(map(stops_mail, ("Unsubscribed", "CLEANED", "Non-Subscribed", "opted_out")))
    assert not any(map(stops_mail, ("", "subscribed", "Active", "enabled", "Texas")))


@given(st.lists(st.text(max_size=12), max_size=8))
def test_nothing_is_beyond_finding(header: list[str]) -> None:
    """Whatever columns there are, no column says two things."""
    columns = find_columns(["email", *(name for name in header if "mail" not in name.lower())])
    places = [place for found in columns.places.values() for place in found]
    assert len(places) == len(set(places))
    assert set(columns.places) <= {*MAPPABLE, "gone-at", "attributes"}
