"""All targets as they are now: of the file, and added ones as they come and go."""

from datetime import UTC, datetime

from shared.config import LocalTarget
from shared.targets.live import LiveTargets
from shared.targets.store import Declared

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
LOCAL = {"connector": "local"}


class Added:
    """Added targets, in memory."""

    def __init__(self, **said):
        self.said = said

    async def all(self):
        return [Declared(name, said, NOW, "ann") for name, said in self.said.items()]


async def test_added_targets_come_and_go():
    added, told = Added(), []
    targets = LiveTargets({"here": LocalTarget(connector="local")}, added)
    targets.changed.append(told.append)
    await targets.look()
    assert set(targets) == {"here"}
    added.said["there"] = LOCAL
    await targets.look()
    assert set(targets) == {"here", "there"}
    del added.said["there"]
    await targets.look()
    assert "there" not in targets
    assert told == [{"there"}, {"there"}]


async def test_of_equal_names_the_one_of_the_file_counts():
    mine = LocalTarget(connector="local", environment="test")
    targets = LiveTargets({"here": mine}, Added(here=LOCAL))
    await targets.look()
    assert targets["here"] is mine


async def test_what_did_not_change_stays_the_same_object_though_its_secrets_are_bound():
    said = {"connector": "http", "url": "https://a", "auth": {"bearer": {"credential": "c"}}}
    added, told = Added(api=said), []
    targets = LiveTargets({}, added)
    await targets.look()
    targets["api"].auth.bearer.bind(lambda: None)
    targets.changed.append(told.append)
    before = targets["api"]
    await targets.look()
    assert targets["api"] is before
    added.said["api"] = {**said, "url": "https://b"}
    await targets.look()
    assert told == [{"api"}]


async def test_one_that_makes_no_sense_is_left_out_and_the_others_stay():
    targets = LiveTargets({}, Added(bad={"connector": "telnet"}, good=LOCAL))
    await targets.look()
    assert set(targets) == {"good"}
