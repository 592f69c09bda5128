import pytest

from services.notifier.channels.store import MongoPosts
from tests.notifier.channels.fakes import FakePosts


@pytest.fixture
async def posts(request, approvals):
    """The store of posts that goes with the store of questions: fake with fake, real with real."""
    if request.node.callspec.params["approvals"] == "fake":
        return FakePosts(approvals)
    db = request.getfixturevalue("db")
    await db.get_collection("posts").delete_many({})
    kept = MongoPosts(db)
    await kept.prepare()
    return kept
