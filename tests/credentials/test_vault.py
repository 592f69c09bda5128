"""Secrets from Vault, over its HTTP API."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from shared.credentials.vault import FRESH, Login, Vault
from shared.errors import UnavailableError
from shared.secrets import SecretMissingError, VaultPlace
from tests.credentials.vaultd import vaultd

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
PLACE = VaultPlace(path="web/db", key="password")


@pytest.fixture
def server():
    with vaultd() as running:
        running.secrets["/v1/secret/data/web/db"] = {"password": "hunter22"}
        yield running


def vault(server, token="root-token"):
    return Vault(Login(server.address, SecretStr(token)))


def by_role(server, secret="role-secret"):
    return Vault(Login(server.address, role_id="role", secret_id=SecretStr(secret)))


async def test_a_secret_is_read_by_its_path_and_key(server):
    found = await vault(server).read(PLACE, NOW)
    assert found.value.get_secret_value() == "hunter22"
    assert found.until == NOW + FRESH


async def test_a_secret_of_another_mount_is_read_there(server):
    server.secrets["/v1/teams/kv/data/x"] = {"value": "hunter23"}
    found = await vault(server).read(VaultPlace(path="x", mount="teams/kv"), NOW)
    assert found.value.get_secret_value() == "hunter23"


async def test_an_approle_logs_in_once(server):
    mine = by_role(server)
    for _ in range(2):
        assert (await mine.read(PLACE, NOW)).value.get_secret_value() == "hunter22"
    assert server.asked.count("POST /v1/auth/approle/login") == 1


async def test_a_login_that_nears_its_end_is_renewed_and_one_that_ended_is_made_anew(server):
    server.ttl, mine = 100, by_role(server)
    await mine.read(PLACE, NOW)
    await mine.read(PLACE, NOW + timedelta(seconds=60))
    assert server.asked.count("POST /v1/auth/token/renew-self") == 1
    await mine.read(PLACE, NOW + timedelta(seconds=200))
    assert server.asked.count("POST /v1/auth/approle/login") == 2


async def test_a_lease_is_renewed_and_where_it_is_gone_the_secret_is_read_anew(server):
    server.lease, mine = ("lease-1", 300), vault(server)
    found = await mine.read(PLACE, NOW)
    assert found.until == NOW + timedelta(seconds=300)
    longer = await mine.renew(PLACE, found, NOW + timedelta(seconds=200))
    assert longer.until == NOW + timedelta(seconds=500)
    server.lease = ("lease-2", 300)
    assert (await mine.renew(PLACE, found, NOW)).lease_id == "lease-2"


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        (VaultPlace(path="web/none"), "vault secret/web/none#value: there is no such secret"),
        (VaultPlace(path="web/db"), "has no text under this key"),
    ],
)
async def test_what_is_not_there_is_told_by_its_place(server, place, reason):
    with pytest.raises(SecretMissingError, match=reason):
        await vault(server).read(place, NOW)


@pytest.mark.parametrize("way", [lambda s: vault(s, "other"), lambda s: by_role(s, "wrong")])
async def test_whom_vault_refuses_is_told_without_what_was_shown(server, way):
    with pytest.raises(SecretMissingError, match="does not let Handrail read it") as caught:
        await way(server).read(PLACE, NOW)
    assert "wrong" not in str(caught.value)


async def test_a_sealed_vault_is_an_outage(server):
    server.sealed = True
    with pytest.raises(UnavailableError, match="Vault does not answer at http"):
        await vault(server).read(PLACE, NOW)


async def test_a_vault_that_is_away_is_an_outage():
    with pytest.raises(UnavailableError):
        await Vault(Login("http://127.0.0.1:1", SecretStr("t"))).read(PLACE, NOW)
