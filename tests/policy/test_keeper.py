"""A wrong policy never loosens anything."""

from datetime import UTC, datetime

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from shared.errors import UnavailableError
from shared.policy.engine import decide
from shared.policy.keeper import PolicyKeeper
from shared.policy.policy import Policy
from shared.policy.reading import PolicyPlace
from shared.policy.store import MongoLastGood
from tests.policy.facts import facts

NOW = datetime(2030, 1, 2, tzinfo=UTC)
GOOD = "rules: [{name: all, auto: true}]\n"
STRICT = "rules: [{name: all, require: 2}]\n"
WRONG = "rules: [{name: all, auto: maybe}]\n"


class FakeLastGood:
    def __init__(self, policy=None, *, answers=True):
        self.policy, self.answers = policy, answers

    async def keep(self, policy, *, now):
        self._needed()
        self.policy = policy

    async def last(self):
        self._needed()
        return self.policy

    def _needed(self):
        if not self.answers:
            raise UnavailableError("MongoDB does not answer")


class World:
    def __init__(self, folder):
        self.file = folder / "policy.yaml"
        self.handrail = folder / "handrail.yaml"
        self.handrail.write_text("policy: policy.yaml\n")
        self.registry = CollectorRegistry()

    def keeper(self, known) -> PolicyKeeper:
        self.registry = CollectorRegistry()
        place = PolicyPlace(self.handrail)
        return PolicyKeeper(place, known, registry=self.registry, now=lambda: NOW)

    def refused(self) -> float:
        return self.registry.get_sample_value("handrail_policy_refused")


@pytest.fixture
def world(tmp_path) -> World:
    return World(tmp_path)


@pytest.fixture(params=["fake", "mongo"])
def known(request):
    return (
        FakeLastGood() if request.param == "fake" else MongoLastGood(request.getfixturevalue("db"))
    )


def required(keeper) -> int:
    return decide(keeper.policy, facts()).required


async def test_a_changed_file_is_in_force_at_the_next_look(world, known):
    world.file.write_text(GOOD)
    keeper = world.keeper(known)
    await keeper.look()
    assert required(keeper) == 0
    world.file.write_text(STRICT)
    await keeper.look()
    assert required(keeper) == 2


async def test_a_wrong_file_changes_nothing_and_is_told_with_its_place(world, known):
    world.file.write_text(STRICT)
    keeper = world.keeper(known)
    await keeper.look()
    world.file.write_text(WRONG)
    with capture_logs() as logs:
        await keeper.look()
        await keeper.look()
    assert required(keeper) == 2
    refused = [entry for entry in logs if entry["event"] == "policy.refused"]
    assert [(r["log_level"], r["line"], r["column"]) for r in refused] == [("error", 1, 21)]
    assert world.refused() == 1
    world.file.write_text(GOOD)
    await keeper.look()
    assert (world.refused(), required(keeper)) == (0, 0)


async def test_what_another_process_has_read_is_not_taken_over(world):
    world.file.write_text(STRICT)
    known = FakeLastGood()
    keeper = world.keeper(known)
    await keeper.look()
    known.policy = Policy()
    world.file.write_text(WRONG)
    await keeper.look()
    assert required(keeper) == 2


async def test_a_file_that_goes_away_is_wrong(world, known):
    world.file.write_text(STRICT)
    keeper = world.keeper(known)
    await keeper.look()
    world.file.unlink()
    await keeper.look()
    assert (required(keeper), world.refused()) == (2, 1)


async def test_while_handrail_yaml_is_wrong_the_policy_stays_and_comes_back(world, known):
    world.file.write_text(STRICT)
    keeper = world.keeper(known)
    await keeper.look()
    good = world.handrail.read_text()
    world.handrail.write_text("policies: {}\n")
    await keeper.look()
    assert (required(keeper), world.refused()) == (2, 1)
    world.handrail.write_text(good)
    await keeper.look()
    assert (required(keeper), world.refused()) == (2, 0)


async def test_a_start_with_a_wrong_file_uses_the_last_good_one(world, known):
    world.file.write_text(STRICT)
    await world.keeper(known).look()
    world.file.write_text(WRONG)
    keeper = world.keeper(known)
    await keeper.look()
    assert (required(keeper), world.refused()) == (2, 1)
    assert decide(keeper.policy, facts()).rule == "all"


async def test_a_start_with_a_wrong_file_and_no_good_one_asks_for_everything(world, known):
    world.file.write_text(WRONG)
    keeper = world.keeper(known)
    with capture_logs() as logs:
        await keeper.look()
    assert required(keeper) == 1
    assert logs[0]["asks_for_everything"] is True


async def test_before_it_has_looked_it_asks_for_everything(world):
    assert required(world.keeper(FakeLastGood())) == 1


async def test_a_store_that_does_not_answer_makes_it_look_again(world):
    world.file.write_text(WRONG)
    known = FakeLastGood(Policy(), answers=False)
    keeper = world.keeper(known)
    with pytest.raises(UnavailableError):
        await keeper.look()
    assert keeper.policy.least == 1
    known.answers = True
    await keeper.look()
    assert keeper.policy == Policy()


async def test_without_any_file_the_policy_is_the_usual_one():
    keeper = PolicyKeeper(
        PolicyPlace(None), FakeLastGood(), registry=CollectorRegistry(), now=lambda: NOW
    )
    await keeper.look()
    assert keeper.policy == Policy()
