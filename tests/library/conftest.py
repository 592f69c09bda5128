"""A place with machines for each test."""

import pytest

from tests.library.site import Site


@pytest.fixture
async def site(tmp_path):
    made = Site(tmp_path / "site")
    yield made
    await made.close()
