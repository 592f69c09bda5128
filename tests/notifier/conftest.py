from contextlib import contextmanager
from uuid import uuid4

import pytest
from opentelemetry.sdk.trace import TracerProvider

from services.notifier.routing.store import MongoClaims
from services.notifier.store import MongoNotifications, MongoQuestions
from tests.notifier.fakes import (
    Bus,
    Clock,
    FakeClaims,
    FakeMailer,
    FakeNotifications,
    FakeQuestions,
)


@pytest.fixture
def bus() -> Bus:
    return Bus()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def mailer() -> FakeMailer:
    return FakeMailer()


@pytest.fixture(scope="session")
async def prepared(mongo_client):
    """One database for all of these tests: to make its indexes takes longer than any of them."""
    db = mongo_client.get_database(f"test_{uuid4().hex}")
    await MongoQuestions(db, Bus().publish).prepare()
    await MongoClaims(db).prepare()
    yield db
    await mongo_client.drop_database(db.name)


@pytest.fixture
async def db(prepared):
    """The database, empty."""
    used = ("approvals", "approval_audit", "digests", "feedback", "finished_sessions")
    for name in (*used, "notifications", "tickets"):
        await prepared.get_collection(name).delete_many({})
    return prepared


@pytest.fixture
def mongo_approvals(db, bus) -> MongoQuestions:
    return MongoQuestions(db, bus.publish)


@pytest.fixture(params=["fake", "mongo"])
def approvals(request, bus):
    if request.param == "fake":
        return FakeQuestions(bus.publish)
    return request.getfixturevalue("mongo_approvals")


@pytest.fixture
def claims(request, approvals):
    """Who tells people just now, of the questions in `approvals`."""
    if isinstance(approvals, FakeQuestions):
        return FakeClaims(approvals)
    return MongoClaims(request.getfixturevalue("db"))


@pytest.fixture(params=["fake", "mongo"])
def notifications(request):
    if request.param == "fake":
        return FakeNotifications()
    return MongoNotifications(request.getfixturevalue("db"))


@pytest.fixture
def traced():
    """A context with a span of its own, which gives the trace's id in hexadecimal."""

    @contextmanager
    def span():
        tracer = TracerProvider(shutdown_on_exit=False).get_tracer("test")
        with tracer.start_as_current_span("cause") as current:
            yield format(current.get_span_context().trace_id, "032x")

    return span()
