"""What comes at once is committed together, and each gets its own answer."""

import asyncio

import pytest

from shared.errors import UnavailableError
from shared.groupcommit import GroupCommit


class Commits:
    """Records what is committed together; commits wait until they may go on."""

    def __init__(self, *errors):
        self.groups = []
        self.go_on = asyncio.Event()
        self.go_on.set()
        self._errors = list(errors)

    async def __call__(self, items):
        self.groups.append(list(items))
        await self.go_on.wait()
        if "poison" in items:
            raise ValueError("poison")
        if self._errors:
            raise self._errors.pop(0)
        return [item.upper() for item in items]


def group(commits, most=3, at_once=1):
    return GroupCommit(commits, most=most, size=len, at_once=at_once)


async def all_at_once(group, *items):
    """What each was answered, or its error."""
    return await asyncio.gather(*(group.add(item) for item in items), return_exceptions=True)


async def under_way(commits, number=1):
    while len(commits.groups) < number:
        await asyncio.sleep(0)


async def test_one_alone_is_committed_at_once():
    commits = Commits()
    assert await all_at_once(group(commits), "a") == ["A"]
    assert commits.groups == [["a"]]


async def test_those_that_come_while_a_commit_is_under_way_share_the_next():
    commits = Commits()
    commits.go_on.clear()
    one = group(commits)
    first = asyncio.create_task(all_at_once(one, "a"))
    await under_way(commits)
    rest = asyncio.create_task(all_at_once(one, "b", "cd"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    commits.go_on.set()
    assert await first == ["A"]
    assert await rest == ["B", "CD"]
    assert commits.groups == [["a"], ["b", "cd"]]


async def test_a_group_has_no_more_than_it_may_unless_one_alone_has():
    commits = Commits()
    answers = await all_at_once(group(commits), "ab", "cd", "e", "fghij", "k")
    assert answers == ["AB", "CD", "E", "FGHIJ", "K"]
    assert commits.groups == [["ab"], ["cd", "e"], ["fghij"], ["k"]]


async def test_so_many_groups_as_may_are_under_way_at_once():
    commits = Commits()
    commits.go_on.clear()
    one = group(commits, most=1, at_once=2)
    asked = asyncio.create_task(all_at_once(one, "a", "b", "c"))
    await under_way(commits, 2)
    for _ in range(5):
        await asyncio.sleep(0)
    assert commits.groups == [["a"], ["b"]]
    commits.go_on.set()
    assert await asked == ["A", "B", "C"]


async def test_a_store_that_is_away_is_told_to_all_who_wait():
    answers = await all_at_once(group(Commits(UnavailableError("away"))), "a", "b")
    assert [type(answer) for answer in answers] == [UnavailableError, UnavailableError]


async def test_what_one_has_wrong_is_not_held_against_the_others():
    answers = await all_at_once(group(Commits(), most=20), "a", "poison", "b")
    assert answers[0] == "A"
    assert isinstance(answers[1], ValueError)
    assert answers[2] == "B"


async def test_one_that_gives_up_does_not_stop_the_others():
    commits = Commits()
    commits.go_on.clear()
    one = group(commits)
    gone = asyncio.create_task(one.add("a"))
    stays = asyncio.create_task(one.add("b"))
    await under_way(commits)
    gone.cancel()
    commits.go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await gone
    assert await stays == "B"


async def test_after_a_failure_the_next_are_committed():
    one = group(Commits(UnavailableError("away")))
    await all_at_once(one, "a")
    assert await all_at_once(one, "b") == ["B"]


async def test_what_is_added_as_the_last_commit_ends_is_committed():
    commits = Commits()
    one = group(commits)

    async def one_after_the_other(name):
        for _ in range(20):
            await one.add(name)
            for _ in range(3):
                commits.groups.append([])
                await asyncio.sleep(0)

    async with asyncio.timeout(30):
        await asyncio.gather(*(one_after_the_other(name) for name in "abc"))


async def test_an_outage_in_the_middle_of_a_split_group_is_told_to_all_who_are_left():
    class Away(Commits):
        async def __call__(self, items):
            if len(items) > 1:
                raise ValueError("together they are wrong")
            if self.groups:
                raise UnavailableError("away")
            return await super().__call__(items)

    commits = Away()
    answers = await all_at_once(group(commits), "a", "b", "c")
    assert [type(answer) for answer in answers] == [str, UnavailableError, UnavailableError]
