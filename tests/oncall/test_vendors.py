"""What PagerDuty, Opsgenie and calendars say, as local servers say it in their formats."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from shared.config.schedules import ScheduleConfig
from shared.errors import SettingsError
from shared.oncall.calendar import Shift
from shared.oncall.directory import Directory
from shared.oncall.fetching import fetched
from shared.oncall.known import AHEAD, FetchError
from shared.oncall.web import client
from tests.oncall.vendors import vendor

ANN, BOB = "ann@example.org", "bob@example.org"
PEOPLE = Directory.of(
    [
        SimpleNamespace(name="Ann Ek", email="Ann@example.org"),
        SimpleNamespace(name="Bob", email=BOB),
    ]
)
NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)
NINE = NOW.replace(hour=9)
WEEK = timedelta(days=7)


@pytest.fixture(autouse=True)
def secrets(monkeypatch):
    monkeypatch.setenv("PD", "pd-token")
    monkeypatch.setenv("OG", "og-key")


@pytest.fixture
async def kept():
    async with vendor() as made:
        yield made


@pytest.fixture
async def http():
    async with client() as made:
        yield made


def pagerduty(url, **more):
    said = {"schedule": "PI7DH85", "token": {"env": "PD"}, "url": url, **more}
    return ScheduleConfig.model_validate({"pagerduty": said})


def opsgenie(url, **more):
    said = {"schedule": "web team", "key": {"env": "OG"}, "url": url, **more}
    return ScheduleConfig.model_validate({"opsgenie": said})


def ical(where, **more):
    return ScheduleConfig.model_validate({"ical": where, "timezone": "Europe/Berlin", **more})


def said(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


async def test_pagerduty_says_who_has_which_shift_whatever_the_level(kept, http):
    kept.on_call("ANN@example.org", said(NINE), said(NINE + WEEK))
    kept.on_call("ANN@example.org", said(NINE), said(NINE + WEEK), level=2)
    kept.on_call(BOB, said(NINE + WEEK), said(NINE + 2 * WEEK))
    found = await fetched(http, pagerduty(kept.url), PEOPLE, now=NOW)
    assert found.shifts == (Shift(ANN, NINE, NINE + WEEK), Shift(BOB, NINE + WEEK, NINE + 2 * WEEK))
    (request,) = kept.requests
    assert request.query_params["until"] == said(NOW + AHEAD)
    assert "pd-token" not in str(request.url)


async def test_pagerduty_may_have_somebody_who_is_always_on_call(kept, http):
    kept.on_call(BOB)
    found = await fetched(http, pagerduty(kept.url), PEOPLE, now=NOW)
    assert found.shifts == (Shift(BOB, NOW),)


async def test_pagerduty_is_read_page_by_page(kept, http):
    for number in range(150):
        kept.on_call(BOB, said(NINE + number * timedelta(hours=1)), said(NINE + WEEK))
    found = await fetched(http, pagerduty(kept.url), PEOPLE, now=NOW)
    assert [request.query_params["offset"] for request in kept.requests] == ["0", "100"]
    assert len(found.shifts) == 150


async def test_opsgenie_says_who_is_on_call_and_not_until_when(kept, http):
    kept.recipients = ["Ann@example.org", "stranger@example.org"]
    found = await fetched(http, opsgenie(kept.url), PEOPLE, now=NOW)
    assert found.shifts == (Shift(ANN, NOW),)
    assert found.strangers == ("stranger@example.org",)


@pytest.mark.parametrize("config", [pagerduty, opsgenie])
async def test_a_vendor_that_is_down_or_refuses_is_told_without_its_secret(kept, http, config):
    kept.down = 503
    with pytest.raises(FetchError, match="answers 503"):
        await fetched(http, config(kept.url), PEOPLE, now=NOW)
    with pytest.raises(FetchError, match="does not answer") as nobody:
        await fetched(http, config("http://127.0.0.1:9"), PEOPLE, now=NOW)
    assert "token" not in str(nobody.value).lower()


async def test_a_wrong_token_and_a_missing_one_say_what_to_change(kept, http, monkeypatch):
    monkeypatch.setenv("PD", "old")
    with pytest.raises(FetchError, match="PagerDuty answers 401: it does not know the token"):
        await fetched(http, pagerduty(kept.url), PEOPLE, now=NOW)
    monkeypatch.delenv("PD")
    with pytest.raises(SettingsError, match="PD: the secret is not set"):
        await fetched(http, pagerduty(kept.url), PEOPLE, now=NOW)


CALENDAR = """\
BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//tests//EN
BEGIN:VEVENT
UID:1
SUMMARY:On call: Ann Ek
DTSTART;TZID=Europe/Berlin:20260323T090000
DTEND;TZID=Europe/Berlin:20260324T090000
RRULE:FREQ=WEEKLY;COUNT=3
EXDATE;TZID=Europe/Berlin:20260406T090000
END:VEVENT
BEGIN:VEVENT
UID:2
SUMMARY:On call
ATTENDEE;CN=Robert:mailto:BOB@example.org
DTSTART;VALUE=DATE:20260325
DTEND;VALUE=DATE:20260327
END:VEVENT
BEGIN:VEVENT
UID:3
SUMMARY:Bobby's birthday
DTSTART;VALUE=DATE:20260328
DTEND;VALUE=DATE:20260329
END:VEVENT
END:VCALENDAR
"""
SPRING = datetime(2026, 3, 20, tzinfo=UTC)


@pytest.mark.parametrize("from_file", [True, False])
async def test_a_calendar_names_people_by_attendee_or_summary(kept, http, tmp_path, from_file):
    kept.calendar = CALENDAR
    (tmp_path / "duty.ics").write_text(CALENDAR)
    where = str(tmp_path / "duty.ics") if from_file else f"{kept.url}/calendar.ics"
    found = await fetched(http, ical(where), PEOPLE, now=SPRING)
    assert set(found.shifts) == {
        Shift(ANN, utc("2026-03-23T09:00+01:00"), utc("2026-03-24T09:00+01:00")),
        # The same by the clock, in summer.
        Shift(ANN, utc("2026-03-30T09:00+02:00"), utc("2026-03-31T09:00+02:00")),
        # Whole days are those of the schedule's zone.
        Shift(BOB, utc("2026-03-25T00:00+01:00"), utc("2026-03-27T00:00+01:00")),
    }
    assert found.strangers == ("Bobby's birthday",)


def utc(text):
    return datetime.fromisoformat(text).astimezone(UTC)


@pytest.mark.parametrize(
    ("text", "why"),
    [("<html>log in</html>", "is no calendar"), ("BEGIN:VCALENDAR", "is no calendar")],
)
async def test_what_is_no_calendar_is_told_so(kept, http, text, why):
    kept.calendar = text
    with pytest.raises(FetchError, match=why):
        await fetched(http, ical(f"{kept.url}/calendar.ics"), PEOPLE, now=SPRING)


async def test_nobody_is_followed_elsewhere_nor_a_secret_address_told(kept, http, monkeypatch):
    monkeypatch.setenv("FEED", f"{kept.url}/elsewhere?key=hush")
    with pytest.raises(FetchError, match="it sends elsewhere, and is not followed") as refused:
        await fetched(http, ical({"env": "FEED"}), PEOPLE, now=SPRING)
    assert "hush" not in str(refused.value)


async def test_a_calendar_that_is_not_there_says_which(http, tmp_path):
    with pytest.raises(FetchError, match=r"duty\.ics: cannot be read"):
        await fetched(http, ical(str(tmp_path / "duty.ics")), PEOPLE, now=SPRING)
