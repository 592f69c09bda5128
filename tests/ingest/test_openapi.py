"""What the OpenAPI document says of ingest is so, whatever is sent."""

import asyncio
from functools import partial

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode

from services.ingest.app import build
from services.ingest.sources import SOURCES
from tests.ingest.conftest import BEARER
from tests.ingest.corpus import CORPUS
from tests.ingest.mutation import mutated
from tests.openapi import CHECKS
from tests.running import running

MODES = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]
TICKETS, WEBHOOKS = "/tickets", "/webhooks/{name}"

# The same examples in every run: a failure is somebody's change, not chance.
steadily = partial(
    settings,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
def every_source(settings, tmp_path):
    """Settings with a source of every kind, and one for people."""
    sources = [f"  {kind}: {{bearer: {{env: INGEST_TEST_TOKEN}}}}" for kind in SOURCES]
    generic = "  shop: {kind: generic, bearer: {env: INGEST_TEST_TOKEN}, map: {title: t, "
    sources.append(f"{generic}fingerprint: [id], severity: level, labels: {{host: host}}}}}}")
    sources.append("  people: {kind: api, bearer: {env: INGEST_TEST_TOKEN}}")
    (tmp_path / "handrail.yaml").write_text("\n".join(["sources:", *sources]))
    return settings


@pytest.fixture
async def served(stack, db, every_source):
    """Where ingest is, and what it says of itself."""
    async with running(build(every_source(stack, db.name))) as client:
        document = (await client.get("/openapi.json")).json()
        yield str(client.base_url), schemathesis.openapi.from_dict(document)


def explore(served, path, mode, **limits):
    """Send what the document allows, or does not; how often each status was answered."""
    url, schema = served
    session, answers = requests.Session(), {}
    names = st.sampled_from([*SOURCES, "shop", "nobody", "%00"])

    @steadily(**limits)
    @given(case=schema[path]["POST"].as_strategy(generation_mode=mode), name=names)
    def send(case, name):
        if path == WEBHOOKS:
            case.path_parameters = {"name": name}
        case.headers = {**(case.headers or {}), **BEARER}
        answer = case.call(base_url=url, session=session)
        case.validate_response(answer, checks=CHECKS)
        answers[answer.status_code] = answers.get(answer.status_code, 0) + 1

    send()
    return answers


@pytest.mark.parametrize("mode", MODES)
async def test_tickets_by_hand_are_as_the_document_says(served, mode):
    answers = await asyncio.to_thread(explore, served, TICKETS, mode, max_examples=60)
    expected = {GenerationMode.POSITIVE: 202, GenerationMode.NEGATIVE: 422}[mode]
    assert answers[expected]


async def test_webhooks_are_as_the_document_says(served, db):
    mode = GenerationMode.POSITIVE
    answers = await asyncio.to_thread(explore, served, WEBHOOKS, mode, max_examples=100)
    assert answers.keys() >= {400, 404, 422}
    assert await db.quarantine.count_documents({})


async def test_what_vendors_send_is_kept_and_answered_as_the_document_says(served):
    url, schema = served
    kinds = st.sampled_from(sorted(CORPUS))

    @steadily(max_examples=120)
    @given(sent=kinds.flatmap(lambda kind: st.tuples(st.just(kind), mutated(CORPUS[kind]))))
    def send(sent):
        kind, webhook = sent
        to = f"{url}/webhooks/{'shop' if kind == 'generic' else kind}"
        headers = {**webhook.headers, **BEARER}
        headers = {name: text.encode("latin-1") for name, text in headers.items()}
        answer = requests.post(to, webhook.body, headers=headers, timeout=30)
        assert answer.status_code in {202, 400, 422}
        schema[WEBHOOKS]["POST"].validate_response(answer)

    await asyncio.to_thread(send)
