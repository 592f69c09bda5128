"""The pages of the notifier on a real port, and a real browser."""

import asyncio
import socket
from contextlib import asynccontextmanager

import pytest
import uvicorn
from fastapi import FastAPI
from fastapi.responses import HTMLResponse

from services.notifier.api import question_links
from services.notifier.audit.desk import WitnessedDesk
from services.notifier.door import Door
from services.notifier.feedback.api import feedback_links
from services.notifier.feedback.feedback import FeedbackLinks
from services.notifier.links import make
from services.notifier.recipients import Recipient
from tests.browser.chromium import chromium
from tests.notifier.builders import ALICE, KEY, NOW, SIGNER, link, news, resolved
from tests.notifier.fakes import Bus, Clock, FakeCourses, FakeFeedbacks, FakeQuestions, FakeTrail

ENDED = news(resolved(time=NOW))


async def _title(ticket_id) -> str:
    return "shop-api is down on web-1"


class Site:
    """What a person reaches, and what is behind it."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.bus = Bus()
        self.questions = FakeQuestions(self.bus.publish)
        self.trail = FakeTrail()
        self.clock = Clock()
        self.feedback = FeedbackLinks(KEY, address)

    def app(self) -> FastAPI:
        app = FastAPI()
        desk = WitnessedDesk(self.questions, SIGNER, self.clock, trail=self.trail)
        door = Door(self.address, self.clock)
        courses = FakeCourses()
        app.include_router(
            question_links(desk, key=KEY, now=self.clock, door=door, courses=courses)
        )
        app.include_router(
            feedback_links(
                FakeFeedbacks(self.bus.publish), self.feedback, _title, now=self.clock, door=door
            )
        )
        app.add_api_route("/framing", lambda: HTMLResponse("<!doctype html><title>x</title>"))
        return app

    def feedback_url(self) -> str:
        return self.feedback.link_for(Recipient(name="Alice", email=ALICE.email), ENDED)

    def url(self, question) -> str:
        return f"{self.address}/a/{make(link(question), key=KEY)}"


@pytest.fixture
async def site():
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        site = Site(f"http://127.0.0.1:{listening.getsockname()[1]}")
        async with serving(site.app(), listening):
            yield site


@asynccontextmanager
async def serving(app, listening):
    config = uvicorn.Config(app, log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    served = asyncio.create_task(server.serve(sockets=[listening]))
    yield
    server.should_exit = True
    await served


@pytest.fixture(scope="module")
async def tab(tmp_path_factory):
    """One browser for all of these tests: to start it takes longer than any of them."""
    async with chromium(tmp_path_factory.mktemp("chromium")) as tab:
        yield tab
