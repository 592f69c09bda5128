"""Tables without transactions are found, also behind what does not look like one."""

import pytest

from shared.connectors.protocol import Lost
from tests.connectors.sql.conftest import COUNT, Place, job
from tests.databases import PASSWORD

#: What is made beside the table of jobs, and a change that goes through it.
BEHIND = {
    "the table itself": ("ALTER TABLE jobs ENGINE=MyISAM", COUNT),
    "a view": (
        "ALTER TABLE jobs ENGINE=MyISAM; CREATE VIEW work AS SELECT * FROM jobs",
        "UPDATE work SET runs = runs + 1 WHERE id = 1",
    ),
    "a view of a view": (
        (
            "ALTER TABLE jobs ENGINE=MyISAM; CREATE VIEW work AS SELECT id, runs FROM jobs; "
            "CREATE VIEW `more work` AS SELECT w.id, w.runs FROM work w"
        ),
        "UPDATE `more work` SET runs = runs + 1 WHERE id = 1",
    ),
    "a trigger": (
        (
            "CREATE TABLE notes (id INT) ENGINE=MyISAM; "
            "CREATE TRIGGER noted AFTER UPDATE ON jobs FOR EACH ROW INSERT INTO notes VALUES (1)"
        ),
        COUNT,
    ),
    "a function": (
        (
            "CREATE TABLE notes (id INT) ENGINE=MyISAM; CREATE FUNCTION noting() RETURNS INT "
            "READS SQL DATA RETURN (SELECT COUNT(*) + 1 FROM notes)"
        ),
        "UPDATE jobs SET runs = runs + noting() WHERE id = 1",
    ),
    "a view of what this user may not see": (
        (
            "CREATE DATABASE hidden; CREATE TABLE hidden.jobs ENGINE=MyISAM AS SELECT * FROM jobs; "
            "CREATE VIEW work AS SELECT * FROM hidden.jobs"
        ),
        "UPDATE work SET runs = runs + 1 WHERE id = 1",
    ),
}
GONE = (
    "DROP VIEW IF EXISTS work; DROP VIEW IF EXISTS `more work`; DROP TRIGGER IF EXISTS noted; "
    "DROP FUNCTION IF EXISTS noting; DROP TABLE IF EXISTS notes; DROP DATABASE IF EXISTS hidden"
)


@pytest.fixture
async def place(mariadb, tmp_path, monkeypatch):
    found = Place("mariadb", tmp_path, mariadb)
    monkeypatch.setenv("DB_PASSWORD", PASSWORD)
    await found.afresh()
    yield found
    for connector in found.made:
        await connector.close()
    await found.direct(GONE)


async def in_doubt(place, command) -> bool:
    """Whether a change whose end nobody recorded is one of which nobody knows."""
    one = job(command)
    ended = await place.connector().run(one)
    assert ended.exit_code == 0, ended.stderr
    await place.direct("UPDATE handrail_steps SET state = 'begun'")
    return isinstance(await place.connector().run(one), Lost)


@pytest.mark.parametrize("way", list(BEHIND))
async def test_a_change_that_cannot_be_taken_back_has_its_key_recorded_before(place, way):
    """Such a change stays when the key is taken back."""
    made, command = BEHIND[way]
    await place.direct(made)
    assert await in_doubt(place, command)


@pytest.mark.parametrize(
    "command", [COUNT, "UPDATE work SET runs = runs + 1 WHERE id = 1"], ids=["table", "view"]
)
async def test_what_can_be_taken_back_goes_with_its_key(place, command):
    """Also beside tables of the other kind that have nothing to do with it.

    Both are there or none is, so that a key that is there never stands for a change in doubt.
    """
    await place.direct(
        "CREATE TABLE notes (id INT) ENGINE=MyISAM; CREATE VIEW work AS SELECT j.* FROM jobs j"
    )
    assert not await in_doubt(place, command)
