"""One attempt on its target: what is run, what is attached to, and what is left alone."""

import pytest

from services.executor.hands import NOT_BEGUN, attempt
from services.executor.moves import place_of
from shared.connectors.protocol import Ended
from shared.errors import SettingsError
from shared.masking import Mask
from tests.executor.fakes import Target
from tests.executor.sessions import running, session, step


class Kind(Target):
    """A target of some kind that tells attaching from running."""

    def __init__(self, kind="local", *, has_begun=True):
        super().__init__()
        self.attached, self._kind, self._has_begun = [], kind, has_begun

    def kind(self, _target):
        return self._kind

    async def reattach(self, job, *, on_output=None):
        self.attached.append(job.key)
        return Ended(0, "", "") if self._has_begun else None


class Locked(Kind):
    def open(self, _target, *, uses=None):
        raise SettingsError("the secret vault:db with hunter2 is not there")


async def attempted(target, run, **named):
    async def heard(_chunk):
        return None

    of = session(step("a"), runs={"a": run})
    return await attempt(of, of.step("a"), target, Mask(["hunter2"]), heard, **named)


def taken_over(*, from_, by):
    return running(by, fence=2, claimed=1, place=place_of(from_))


@pytest.mark.parametrize(
    ("owner", "place"),
    [("web-1-4f/712-ab", "web-1-4f"), ("a/b-4f/712-ab", "a/b-4f"), ("me", ""), (None, "")],
)
def test_executors_of_one_machine_and_home_are_in_one_place(owner, place):
    assert place_of(owner) == place


@pytest.mark.parametrize(
    ("kind", "by", "is_lost"),
    [
        ("local", "one/2", False),
        ("local", "two/2", True),
        ("terraform", "two/2", True),
        ("ssh", "two/2", False),
    ],
)
async def test_a_claim_on_a_machine_that_is_gone_is_lost_and_nothing_runs(kind, by, is_lost):
    target = Kind(kind)
    result = await attempted(target, taken_over(from_="one/1", by=by))
    assert result.lost is is_lost
    assert len(target.attached) == (not is_lost)
    assert target.jobs == []


async def test_what_the_next_owner_does_not_find_on_the_target_it_begins():
    target = Kind(has_begun=False)
    result = await attempted(target, taken_over(from_="one/1", by="one/2"))
    assert (len(target.jobs), result.succeeded, result.reattached) == (1, True, False)


async def test_an_attempt_that_its_owner_began_itself_is_run_however_many_owners_there_were():
    target = Kind()
    await attempted(target, running("one/1", attempt=2, fence=7, claimed=7, place="one"))
    assert (len(target.jobs), target.attached) == (1, [])


@pytest.mark.parametrize("has_begun", [True, False])
async def test_who_may_not_begin_still_attaches_to_what_runs(has_begun):
    target = Kind(has_begun=has_begun)
    run = taken_over(from_="one/1", by="one/2")
    result = await attempted(target, run, may_begin=lambda: False)
    assert target.jobs == []
    assert result.exit_code == 0 if has_begun else result == NOT_BEGUN


@pytest.mark.parametrize("is_taken_over", [True, False])
async def test_a_target_whose_settings_are_wrong_fails_a_step_that_did_not_begin(is_taken_over):
    run = taken_over(from_="one/1", by="one/2") if is_taken_over else running("one/1", place="one")
    result = await attempted(Locked(), run)
    assert (result.lost, result.succeeded) == (is_taken_over, False)
    assert result.reason == "the secret vault:db with ••• is not there"
