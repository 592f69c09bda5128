"""A place with machines for each test."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.library.site import Site


@pytest.fixture
async def site(tmp_path):
    made = Site(tmp_path / "site")
    yield made
    await made.close()


@pytest.fixture
def temporary():
    """A directory below /tmp, wherever tests usually write: only those are emptied."""
    with TemporaryDirectory(prefix="handrail-library-", dir="/tmp") as made:
        yield Path(made)
