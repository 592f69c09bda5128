"""The SSH server that Handrail brings, asked by a plain SSH client."""

import asyncio
import os
import signal

import asyncssh
import pytest

from deploy.sshserver import Account, ssh_server

ACCOUNT = Account("demo", password="open sesame")


@pytest.fixture
async def client():
    """A logged-in connection."""
    async with ssh_server(ACCOUNT) as server, await login(server) as connection:
        yield connection


async def login(server, user="demo", password="open sesame"):
    return await asyncssh.connect(
        server.host,
        server.port,
        username=user,
        password=password,
        known_hosts=([asyncssh.import_public_key(server.host_key)], [], []),
        client_keys=None,
        agent_path=None,
        config=None,
    )


async def test_a_program_has_input_both_outputs_and_an_exit_code(client):
    done = await client.run("cat; echo err >&2; exit 3", input="in\n")
    assert (done.stdout, done.stderr, done.exit_status) == ("in\n", "err\n", 3)


async def test_a_program_that_a_signal_ended_says_so(client):
    assert (await client.run("kill -TERM $$")).exit_signal[0] == "TERM"


async def test_there_is_no_shell_to_type_in(client):
    done = await client.run(stdin=asyncssh.DEVNULL)
    assert (done.exit_status, done.stderr) == (1, "This server runs programs only.\n")


async def test_a_program_goes_on_when_its_channel_is_gone(client, tmp_path):
    pid, go_on, done = (tmp_path / name for name in ("pid", "go-on", "done"))
    process = await client.create_process(
        f"echo $$ >{pid}; until [ -e {go_on} ]; do sleep 0.05; done; seq 1 100000; echo >{done}"
    )
    async with asyncio.timeout(60):
        while not pid.exists():
            await asyncio.sleep(0.02)
        client.abort()
        go_on.touch()
        while not done.exists():
            await asyncio.sleep(0.02)
    await process.wait_closed()


async def test_what_a_program_detached_outlives_the_server():
    async with ssh_server(ACCOUNT) as server, await login(server) as connection:
        done = await connection.run("setsid sleep 60 >/dev/null 2>&1 </dev/null & echo $!")
    os.kill(int(done.stdout), signal.SIGKILL)


@pytest.mark.parametrize(
    ("user", "password"), [("demo", "wrong"), ("root", "open sesame"), ("demo", "")]
)
async def test_a_stranger_is_refused(user, password):
    async with ssh_server(ACCOUNT) as server:
        with pytest.raises(asyncssh.PermissionDenied):
            await login(server, user, password)
