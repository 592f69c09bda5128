"""A running console with tokens, on real servers."""

from datetime import UTC, datetime

import httpx
import pytest

from deploy.ports import free_port
from services.console.api.building import Place, built
from services.console.app import Settings, build
from services.console.tokens.store import MongoTokens
from services.console.tokens.token import Role, Token, Written, new_text
from tests.running import running

CONFIG = """\
credentials:
  from-file: {env: CONSOLE_TEST_SECRET}
targets:
  here: {connector: local, environment: production, aliases: ["10.0.0.5:*"]}
  web-1:
    connector: ssh
    host: 192.0.2.10
    user: deploy
    host_key: ssh-ed25519 AAAA
    key: {credential: deploy-key}
    allow: {commands: [uptime]}
"""


PATIENCE = 120


@pytest.fixture
def settings(stack, db, tmp_path):
    """Settings of a console whose handrail.yaml has two targets and a credential."""
    (tmp_path / "handrail.yaml").write_text(CONFIG)
    return Settings(
        nats_url=stack.nats_url,
        mongo_url=stack.mongo_url,
        mongo_database=db.name,
        console_port=free_port(0),
        config=tmp_path / "handrail.yaml",
        home=tmp_path,
        secret_key="k" * 40,
    )


@pytest.fixture
def token_of(db):
    """Makes a token, and gives its text."""

    async def make(role=Role.ADMIN, *, name=None, **changes):
        text = new_text()
        written = Written.of(text)
        now = datetime.now(UTC)
        made = Token(written.id, name or role.value, role, written.digest, now, "test", **changes)
        await MongoTokens(db).add(made)
        return text

    return make


def bearer(text):
    return {"Authorization": f"Bearer {text}"}


@pytest.fixture
async def served(settings):
    """A client of the running console, without a token."""
    async with running(build(settings)) as client:
        # The first request loads the API, which takes long on a busy machine.
        client.timeout = PATIENCE
        yield client


@pytest.fixture
async def admin_served(served, token_of):
    """A client of the running console that may do everything."""
    served.headers = bearer(await token_of())
    return served


@pytest.fixture
async def admin(settings, db, token_of):
    """A client of the API alone, which starts faster, that may do everything."""
    place = Place(
        config=settings.config,
        home=settings.home,
        secret_key=settings.secret_key,
        secret_key_previous=None,
        database=db,
    )
    headers = bearer(await token_of())
    transport = httpx.ASGITransport(built(place))
    async with httpx.AsyncClient(
        transport=transport, base_url="http://console", headers=headers
    ) as client:
        yield client
