"""Runbooks in a folder and in a store."""

import pytest

from tests.planner.books import Books


@pytest.fixture
async def books(db, tmp_path) -> Books:
    folder = tmp_path / "books"
    folder.mkdir()
    made = Books(db, folder)
    await made.store.prepare()
    return made
