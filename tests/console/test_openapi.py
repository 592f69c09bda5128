"""What the OpenAPI document says of the API is so, whatever is sent."""

import asyncio
import re
from functools import partial
from html.parser import HTMLParser

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode

from services.console.tokens.token import Role
from tests.console.conftest import bearer
from tests.openapi import CHECKS

# A check opens connections to whatever was declared: it is tried by hand-written tests.
LEFT_OUT = {("/api/v1/targets/{name}/check", "POST")}
NAMES = ["here", "web-1", "from-file", "new", "deploy-key", "%00", "ä", "a" * 200]

# The same examples in every run: a failure is somebody's change, not chance.
steadily = partial(
    settings,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
async def document(served):
    return (await served.get("/api/openapi.json")).json()


def explored(document, url, token, mode):
    """Send what the document allows, or does not; what each operation answered."""
    schema = schemathesis.openapi.from_dict(document)
    session, answers = requests.Session(), {}
    for path, verbs in document["paths"].items():
        for verb in map(str.upper, verbs):
            if (path, verb) not in LEFT_OUT:
                statuses = answers.setdefault((path, verb), set())
                _explore(schema[path][verb], url, session, token, mode, statuses)
    return answers


def _explore(operation, url, session, token, mode, statuses):  # noqa: PLR0917
    @steadily(max_examples=15)
    @given(case=operation.as_strategy(generation_mode=mode), name=st.sampled_from(NAMES))
    def send(case, name):
        if "{name}" in operation.path:
            case.path_parameters = {"name": name}
        case.headers = {**(case.headers or {}), **bearer(token)}
        answer = case.call(base_url=url, session=session)
        case.validate_response(answer, checks=CHECKS)
        statuses.add(answer.status_code)

    send()


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
async def test_everything_answers_as_the_document_says(served, token_of, document, mode):
    token = await token_of(Role.ADMIN)
    url = str(served.base_url)
    answers = await asyncio.to_thread(explored, document, url, token, mode)
    assert answers.keys() >= {
        ("/api/v1/targets", "GET"),
        ("/api/v1/targets/{name}", "PUT"),
        ("/api/v1/credentials/{name}", "PUT"),
        ("/api/v1/tickets/{ticket_id}", "GET"),
    }
    assert 422 in answers["/api/v1/targets/{name}", "PUT"]
    if mode is GenerationMode.POSITIVE:
        assert answers["/api/v1/targets", "GET"] == {200}
        assert answers["/api/v1/credentials/{name}", "PUT"] & {201, 204}


def test_every_route_needs_a_token_and_says_of_which_role(document):
    for path, operations in document["paths"].items():
        for verb, operation in operations.items():
            (need,) = operation["security"]
            (role,) = need["ApiToken"]
            reads = verb == "get"
            assert (role == "viewer") == reads, (verb, path)
            assert {"401", "403", "422", "503"} <= operation["responses"].keys()


def test_the_document_gives_no_values_for_examples(document):
    assert "writeOnly" in str(document["components"]["schemas"]["NewValue"])
    assert not re.search("'examples?':", str(document))


class Links(HTMLParser):
    """What a page has of its own, and what it asks for elsewhere."""

    def __init__(self):
        super().__init__()
        self.tags, self.to = set(), set()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.to |= {value for name, value in attrs if name in {"src", "href"}}


async def test_the_page_shows_every_operation_and_needs_nothing_from_elsewhere(served, document):
    page = await served.get("/api/docs")
    links = Links()
    links.feed(page.text)
    assert links.to == {"/api/openapi.json"}
    assert not links.tags & {"script", "link", "img", "iframe"}
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    for path in document["paths"]:
        assert path in page.text
    assert (await served.get("/api")).headers["location"] == "/api/docs"
