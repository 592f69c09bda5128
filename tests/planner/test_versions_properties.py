"""Whatever two processes do at once, every version stays, and each runbook has one head."""

import asyncio
import sys
from functools import partial
from pathlib import Path
from tempfile import mkdtemp

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.runbook.versions import MongoVersions
from shared.store import connect
from tests.planner.books import Books, text, used
from tests.planner.changers import NAMES, SAYS, WAYS, Changer

# The same examples in every run: a failure is somebody's change, not chance.
steadily = partial(
    settings,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
deeds = st.lists(
    st.tuples(st.sampled_from(WAYS), st.sampled_from(NAMES), st.sampled_from(SAYS)),
    min_size=1,
    max_size=8,
)


@pytest.fixture
def other(stack, db):
    """The same database, as another process has it."""
    client = connect(stack.mongo_url)
    yield client.get_database(db.name)
    client.close()


async def whole(store: MongoVersions) -> None:
    """What holds always: a head is one version that is there, or off, and no change was lost."""
    for name, head in (await store.heads()).items():
        known = {version.version for version in await store.of(name)}
        assert {head.version, *head.before} <= known
        assert head.active in {None, head.version}
        changes = await store.changes(name)
        assert [change["rev"] for change in changes] == list(range(head.rev, 0, -1))
        assert (changes[0]["version"], changes[0]["active"]) == (head.version, head.active)


@steadily(max_examples=25)
@given(one=deeds, two=deeds)
async def test_any_two_sequences_at_once_lose_nothing(db, other, tmp_path, one, two):
    await db.runbook_heads.delete_many({})
    await db.runbook_versions.delete_many({})
    folder = Path(mkdtemp(dir=tmp_path))
    Books(db, folder).write("a.yaml", text("a"))
    first, second = Changer(db, folder), Changer(other, folder)
    await first.shelf.look()

    async def run(changer, sequence):
        for deed in sequence:
            await changer.does(*deed)

    await asyncio.gather(run(first, one), run(second, two))
    await asyncio.gather(first.settles(), second.settles())
    await first.settles()
    await second.settles()
    store = first.books.store
    await whole(store)
    seen = {**first.seen, **second.seen}
    assert await store.these(seen) == seen
    active = (await first.books.active()).keys()
    assert used(first.shelf).keys() == used(second.shelf).keys() == active
    assert [one.ref for one in first.shelf.library.runbooks] == [
        one.ref for one in second.shelf.library.runbooks
    ]


async def test_two_real_processes_at_once_lose_nothing(stack, db, books, tmp_path):
    books.write("a.yaml", text("a"))
    command = (sys.executable, "-m", "tests.planner.changers", stack.mongo_url, db.name)
    processes = [
        await asyncio.create_subprocess_exec(
            *command, str(books.folder), seed, stdout=asyncio.subprocess.PIPE
        )
        for seed in ("1", "2")
    ]
    seen = set()
    for process in processes:
        output, _ = await process.communicate()
        assert process.returncode == 0
        seen |= set(output.decode().splitlines()[-1].split())
    await whole(books.store)
    assert (await books.store.these(seen)).keys() == seen
    assert len(seen) > len(NAMES)
