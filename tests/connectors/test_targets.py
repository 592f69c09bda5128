"""Sections of targets that are databases and APIs: what they may say, and what opens from them."""

from datetime import timedelta

import pytest
from pydantic import ValidationError

from shared.config import Config
from shared.connectors.protocol import Job
from shared.connectors.registry import Connectors
from shared.lifecycle import Effect

API = {"connector": "http", "url": "https://api.example/v1"}
DATABASE = {"connector": "sql", "engine": "postgresql", "database": "shop"}
SERVED = {**DATABASE, "host": "db", "user": "me"}


def config(**targets):
    return Config.model_validate({"targets": targets})


@pytest.mark.parametrize(
    ("section", "told"),
    [
        ({**API, "url": "ftp://x"}, "no http or https URL"),
        ({**API, "url": "https://me:pw@x/"}, "use `auth`"),
        ({**API, "url": "https://x/?a=1"}, "ends before"),
        ({**API, "url": "https://x:99999/"}, "no port"),
        ({**API, "auth": {}}, "name one"),
        ({**API, "url": "http://x", "auth": {"bearer": {"env": "A"}}}, "https only"),
        ({**API, "url": "http://x", "tls": {}}, "goes with an https URL"),
        ({**API, "tls": {"key": "/x"}}, "goes with a `certificate`"),
        ({**API, "auth": {"bearer": "secret"}}, "is not written here"),
        (DATABASE, "name the `host` and the `user`"),
        ({**DATABASE, "engine": "oracle"}, "postgresql"),
        ({**SERVED, "engine": "sqlite"}, "SQLite is a file"),
        ({**SERVED, "rows": 0}, "greater than or equal to 1"),
    ],
)
def test_a_section_that_cannot_be_meant_says_what_to_change(section, told):
    with pytest.raises(ValidationError, match=told):
        config(x=section)


@pytest.mark.parametrize(
    "section",
    [
        API,
        {**API, "url": "http://localhost:80", "auth": {"bearer": {"env": "A"}}},
        SERVED,
        {"connector": "sql", "engine": "sqlite", "database": "/x.db"},
    ],
)
def test_these_are_sections(section):
    assert config(x=section).targets["x"].connector == section["connector"]


async def test_people_are_told_where_a_target_is_and_no_secret(tmp_path):
    targets = Connectors(config(api=API, db=SERVED), tmp_path)
    assert targets.describe("api") == "https://api.example/v1 (http)"
    assert targets.describe("db") == "postgresql me@db/shop (sql)"
    await targets.close()


async def test_a_wait_opens_without_a_target(tmp_path):
    targets = Connectors(config(), tmp_path)
    waits = targets.open("", uses="wait")
    assert targets.open("", uses="wait") is waits
    await targets.close()


async def test_a_statement_runs_on_a_target_of_the_file(tmp_path):
    (tmp_path / "x.db").touch()
    section = {"connector": "sql", "engine": "sqlite", "database": str(tmp_path / "x.db")}
    targets = Connectors(config(x=section), tmp_path)
    job = Job("key", "SELECT 1 AS one", timedelta(seconds=60), effect=Effect.READ_ONLY)
    assert (await targets.open("x", uses="sql").run(job)).stdout == '[{"one": 1}]\n'
    await targets.close()
