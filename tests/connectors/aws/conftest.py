"""A real moto server, and in front of it a server that answers what moto has not, and counts."""

import json
import re
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs
from uuid import uuid4

import aioboto3
import aiohttp
import pytest
from aiohttp import web
from moto.core.config import default_user_config
from moto.server import ThreadedMotoServer

from shared.config.targets import AwsTarget
from shared.connectors.aws.access import Opening
from shared.connectors.aws.connector import AwsConnector
from shared.connectors.protocol import Job
from shared.lifecycle import Effect

REGION = "eu-west-1"
_INVOKE = re.compile(r"/2015-03-31/functions/[^/]+/invocations")


@pytest.fixture(scope="session")
def moto():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    docker = default_user_config["lambda"]["use_docker"]
    default_user_config["lambda"]["use_docker"] = False
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()
    default_user_config["lambda"]["use_docker"] = docker


class Front:
    """Passes requests on to moto.

    ``answers`` says what to answer to an operation instead, each once, the last one for good.
    """

    def __init__(self, moto):
        self.moto = moto
        self.asked = []
        self.answers = {}
        self.url = None

    def said(self, operation):
        """What was said to an operation that was really meant, dry runs left out."""
        return [said for name, said in self.asked if name == operation]

    async def answer(self, request):
        body = await request.read()
        name, said = _operation(request, body)
        if not _is_dry(request, said):
            self.asked.append((name, said))
        if name in self.answers:
            answers = self.answers[name]
            found = answers.pop(0) if len(answers) > 1 else answers[0]
            if found is not None:
                return await found(request) if callable(found) else _response(name, found)
        headers = {key: value for key, value in request.headers.items() if key != "Host"}
        async with (
            aiohttp.ClientSession(auto_decompress=False) as client,
            client.request(
                request.method, self.moto + request.path_qs, data=body, headers=headers
            ) as found,
        ):
            kept = {k: v for k, v in found.headers.items() if k.lower() not in _HOP}
            return web.Response(body=await found.read(), status=found.status, headers=kept)


_HOP = {"content-length", "transfer-encoding", "connection", "date", "server"}


def _operation(request, body):
    target = request.headers.get("X-Amz-Target")
    if target:
        return target.split(".")[1], json.loads(body)
    if _INVOKE.fullmatch(request.path):
        return "Invoke", dict(request.headers)
    form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
    return form.get("Action", request.path), form


def _is_dry(request, said):
    dry = request.headers.get("X-Amz-Invocation-Type") == "DryRun"
    return dry or str(said.get("DryRun", "")).lower() == "true"


def _response(name, found):
    """JSON, or the XML of the query protocol."""
    if isinstance(found, dict):
        status = found.pop("status", 200) if "status" in found else 200
        return web.json_response(found, status=status, content_type="application/x-amz-json-1.1")
    return web.Response(
        text=f"<{name}Response><{name}Result>{found}</{name}Result></{name}Response>",
        content_type="text/xml",
    )


def refused(code, message):
    """An error of the query protocol."""
    text = f"<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error>"

    async def answer(_request):
        return web.Response(text=f"{text}</ErrorResponse>", status=400, content_type="text/xml")

    return answer


@asynccontextmanager
async def _running(front):
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", front.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        front.url = f"http://{host}:{port}"
        yield front
    finally:
        await runner.cleanup()


@pytest.fixture
async def front(moto):
    async with _running(Front(moto)) as found:
        yield found


@pytest.fixture
async def connect(front, monkeypatch):
    """Makes connectors, each as another executor would have its own."""
    monkeypatch.setenv("AWS_ONE", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_TWO", "wJalrXUtnFEMI")
    made = []

    def connector(**said):
        keys = {"access_key_id": {"env": "AWS_ONE"}, "secret_access_key": {"env": "AWS_TWO"}}
        section = {"connector": "aws", "region": REGION, "endpoint_url": front.url, **keys, **said}
        target = AwsTarget.model_validate(section)
        made.append(AwsConnector(Opening.of(target), poll=0.01))
        return made[-1]

    yield connector
    for one in made:
        await one.close()


@pytest.fixture(scope="session")
def client(moto):
    """A client of moto itself, to set up what there is."""
    session = aioboto3.Session("a", "b", region_name=REGION)
    return lambda service: session.client(service, endpoint_url=moto)


@pytest.fixture(scope="session")
async def instance(client):
    """A running instance."""
    async with client("ec2") as ec2:
        tags = [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "web-1"}]}]
        made = await ec2.run_instances(
            ImageId="ami-12c6146b", MinCount=1, MaxCount=1, TagSpecifications=tags
        )
    return made["Instances"][0]["InstanceId"]


def job(text, *, key=None, seconds=60, effect=Effect.ONCE, ago=0):
    """A job that began so many seconds ago."""
    began = datetime.now(UTC) - timedelta(seconds=ago)
    key = key or f"step-{uuid4().hex}"
    return Job(key, text, timedelta(seconds=seconds), effect, started_at=began)


def ec2(action, *instances):
    return f"{action}\ninstances: {json.dumps(instances)}"
