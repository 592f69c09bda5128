from contextlib import contextmanager

import pytest
from opentelemetry.sdk.trace import TracerProvider

from services.notifier.store import MongoApprovals, MongoNotifications
from tests.notifier.fakes import Bus, Clock, FakeApprovals, FakeMailer, FakeNotifications


@pytest.fixture
def bus() -> Bus:
    return Bus()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def mailer() -> FakeMailer:
    return FakeMailer()


@pytest.fixture
async def mongo_approvals(db, bus) -> MongoApprovals:
    store = MongoApprovals(db, bus.publish)
    await store.prepare()
    return store


@pytest.fixture(params=["fake", "mongo"])
def approvals(request, bus):
    if request.param == "fake":
        return FakeApprovals(bus.publish)
    return request.getfixturevalue("mongo_approvals")


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
