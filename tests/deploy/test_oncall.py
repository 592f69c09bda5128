"""Who is on call, on the command line."""

from datetime import UTC, datetime

import pytest

from deploy.doctor import examine
from shared.oncall.store import MongoShifts
from tests.deploy.terminal import Terminal
from tests.oncall.vendors import vendor

CONFIG = """\
people:
- {name: Ann, email: ann@example.org}
- {name: Bob, email: bob@example.org}
schedules:
  primary:
    timezone: Europe/Berlin
    layers: [{people: [ann@example.org, bob@example.org], starts: 2026-01-05}]
"""
OUTSIDE = """\
  web: {opsgenie: {schedule: web team, key: {env: OG}, url: "URL"}}
"""


@pytest.fixture
def site(tmp_path) -> Terminal:
    (tmp_path / "handrail.yaml").write_text(CONFIG)
    return Terminal(tmp_path, {})


async def test_who_is_on_call_until_when_and_who_is_next(site):
    said = await site.run("oncall", "primary", "--at", "2026-01-06T12:00+01:00", "--json")
    (duty,) = said.json()
    assert (duty["people"], duty["next"]) == (["ann@example.org"], ["bob@example.org"])
    assert duty["until"] == duty["next_at"] == "2026-01-12 08:00:00+00:00"
    told = await site.run("oncall")
    assert "primary" in told.out
    assert "example.org" in told.out
    unknown = await site.run("oncall", "secondary")
    assert (unknown.code, unknown.out) == (1, "")
    assert "there is no schedule secondary (under `schedules`: primary)" in unknown.err


async def test_where_nothing_runs_those_who_keep_a_schedule_are_asked(site):
    async with vendor() as kept:
        kept.recipients = ["bob@example.org", "eve@example.org"]
        text = CONFIG + OUTSIDE.replace("URL", kept.url)
        (site.folder / "handrail.yaml").write_text(text)
        said = await site.having(OG="og-key").run("oncall", "web", "--json")
        (duty,) = said.json()
        assert (duty["people"], duty["strangers"]) == (["bob@example.org"], ["eve@example.org"])
        kept.down = 500
        listed = await site.having(OG="og-key").run("oncall", "list")
        assert "Opsgenie web team" in listed.out
        assert "Opsgenie answers 500; not known yet: nobody counts as on call" in listed.out


async def test_where_handrail_runs_its_own_knowledge_is_told_with_its_age(site, stack, db):
    text = CONFIG + OUTSIDE.replace("URL", "http://127.0.0.1:9")
    (site.folder / "handrail.yaml").write_text(text)
    here = site.having(HANDRAIL_MONGO_URL=stack.mongo_url, HANDRAIL_MONGO_DATABASE=db.name, OG="x")
    store, now = MongoShifts(db), datetime.now(UTC)
    await store.claim("web", "s", now)
    await store.failed("web", "s", "Opsgenie answers 503", next_at=now)
    assert "Opsgenie answers 503; not known yet" in (await here.run("oncall", "web")).out


async def test_the_doctor_says_that_without_schedules_everybody_is_on_call(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "handrail.yaml").write_text("people: []\n")
    environment = {"HANDRAIL_HOME": str(tmp_path / "home")}
    (note,) = [one for one in await examine(environment) if one.what == "on call"]
    assert "`on-call` in the policy is everybody" in note.told
    (tmp_path / "handrail.yaml").write_text(CONFIG)
    assert not [one for one in await examine(environment) if one.what == "on call"]
