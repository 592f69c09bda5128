"""What the doctor finds."""

import asyncio
import json
from datetime import UTC, datetime

import pytest

from deploy.doctor import examine
from deploy.finding import Finding, Level
from deploy.ports import answers, free_port
from deploy.servers import nats_server
from deploy.supervisor import Child
from shared.policy.stop import Stop
from shared.policy.store import MongoStopSwitch
from tests.deploy.terminal import Terminal
from tests.runbook.library import CLEAN, TELL

HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ"


@pytest.fixture
def environment(tmp_path, monkeypatch) -> dict[str, str]:
    monkeypatch.chdir(tmp_path)
    return {"HANDRAIL_HOME": str(tmp_path / "home"), "HANDRAIL_SECRET_KEY": "k" * 32}


@pytest.fixture
def config(tmp_path):
    """Writes handrail.yaml."""

    def write(text: str) -> None:
        (tmp_path / "handrail.yaml").write_text(text)

    return write


async def found(environment, what) -> list[Finding]:
    return [finding for finding in await examine(environment) if finding.what == what]


async def wrong(environment) -> list[str]:
    return [
        f"{finding.what}: {finding.told}"
        for finding in await examine(environment)
        if finding.level is Level.WRONG
    ]


async def test_a_fresh_machine_has_nothing_wrong(environment):
    assert await wrong(environment) == []


async def test_running_servers_are_found_able(environment, stack):
    environment |= stack.environment()

    assert "JetStream is on" in (await found(environment, "nats"))[0].told
    assert "a replica set that takes writes" in (await found(environment, "mongodb"))[0].told


async def test_servers_that_do_not_answer_are_wrong(environment):
    port = free_port(0)
    environment["HANDRAIL_NATS_URL"] = f"nats://127.0.0.1:{port}"
    environment["HANDRAIL_MONGO_URL"] = f"mongodb://127.0.0.1:{port}/?directConnection=true"

    assert await wrong(environment) == [
        f"nats: NATS does not answer at 127.0.0.1:{port} (HANDRAIL_NATS_URL)",
        f"mongodb: MongoDB does not answer at 127.0.0.1:{port} (HANDRAIL_MONGO_URL)",
    ]


async def test_a_nats_server_without_jetstream_is_wrong(environment, tmp_path):
    port = free_port(0)
    plain = _without_jetstream(port, tmp_path)
    await plain.start()
    environment["HANDRAIL_NATS_URL"] = f"nats://127.0.0.1:{port}"

    said = await wrong(environment)
    await plain.stop()

    assert said == [f"nats: JetStream is not on at 127.0.0.1:{port}: start it with -js"]


async def test_every_mistake_in_the_config_has_its_line_and_column(environment, config, tmp_path):
    config("people:\n  - name: A\n    mail: x\n")

    said = await wrong(environment)

    place = f"config: {tmp_path}/handrail.yaml:3:5: people.0.mail: there is no such field"
    assert any(line.startswith(place) for line in said)


async def test_a_kind_of_source_that_there_is_not_is_wrong(environment, config, monkeypatch):
    monkeypatch.setenv("FOO_TOKEN", "x")
    config("sources:\n  foo: {kind: grafna, bearer: {env: FOO_TOKEN}}\n")

    (said,) = await wrong(environment)

    assert said.startswith("config: sources.foo: there is no kind grafna of source")


async def test_a_secret_that_is_not_where_the_config_says_is_wrong(environment, config):
    config("sources:\n  alertmanager:\n    bearer: {env: NOWHERE_SET}\n")

    assert await wrong(environment) == [
        "sources.alertmanager: NOWHERE_SET: the secret is not set",
    ]


async def test_a_short_secret_key_is_wrong(environment):
    environment["HANDRAIL_SECRET_KEY"] = "short"

    assert await wrong(environment) == [
        "secret key: HANDRAIL_SECRET_KEY: shorter than 32 characters",
    ]


async def test_a_secret_key_that_others_may_read_is_wrong(environment, tmp_path):
    del environment["HANDRAIL_SECRET_KEY"]
    key = tmp_path / "home" / "secret.key"
    key.parent.mkdir()
    key.write_text("k" * 32)
    key.chmod(0o644)

    assert await wrong(environment) == [
        f"secret key: {key}: others may read it; chmod 600 it",
    ]


async def test_a_mail_server_and_a_target_that_are_not_there_are_wrong(environment, config):
    port = free_port(0)
    environment["HANDRAIL_SMTP_URL"] = f"smtp://me:hush@127.0.0.1:{port}"
    environment["HANDRAIL_MAIL_FROM"] = "ops@example.org"
    config(
        "targets:\n  web-1: {connector: ssh, host: 127.0.0.1, "
        f"port: {port}, user: me, host_key: {HOST_KEY}, password: {{env: PATH}}}}\n"
    )

    said = await wrong(environment)

    # On a busy machine the refusal itself may take longer than the doctor waits.
    where = f"127.0.0.1:{port} "
    assert [line.partition(where)[0] for line in said] == ["mail: ", "target web-1: "]
    assert all("cannot be reached" in line or "does not answer" in line for line in said)
    assert "hush" not in "".join(said)


async def test_a_mail_server_that_answers_is_fine_and_wants_a_sender(environment):
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    environment["HANDRAIL_SMTP_URL"] = f"smtp://127.0.0.1:{port}"

    async with server:
        assert await found(environment, "mail") == [
            Finding(Level.OK, "mail", f"127.0.0.1:{port} answers"),
            Finding(
                Level.WRONG,
                "mail",
                "HANDRAIL_MAIL_FROM is not set: servers want to know who sends",
            ),
        ]


async def test_its_exit_status_tells_programs_whether_something_is_wrong(tmp_path):
    terminal = Terminal(tmp_path, {})

    fine = await terminal.run("doctor", "--json")
    short = await terminal.having(HANDRAIL_SECRET_KEY="short").run("doctor", "--json")

    assert (fine.code, fine.json()["ok"]) == (0, True)
    assert (short.code, short.json()["ok"]) == (1, False)
    assert set(fine.json()["findings"][0]) == {"level", "what", "told"}
    assert json.loads(fine.out)


def _without_jetstream(port, folder) -> Child:
    async def ready() -> bool:
        return answers(port)

    command = (nats_server(), "--addr", "127.0.0.1", "--port", str(port))
    return Child("plain", command, output=folder / "plain.log", ready=ready)


async def test_runbooks_are_counted_and_every_mistake_in_them_is_told(environment, tmp_path):
    folder = tmp_path / "books"
    folder.mkdir()
    (folder / "bad.yaml").write_text("kind: Nope\n")
    told = [
        f.told for f in await found({**environment, "HANDRAIL_RUNBOOKS": str(folder)}, "runbooks")
    ]
    assert told[0].startswith(f"0 in {folder}")
    assert any("bad.yaml:1:1" in line for line in told[1:])


async def test_what_a_wrong_config_leaves_out_is_not_guessed(environment, config):
    config("targets:\n  web-1: {connector: telnet}\n")
    assert await found(environment, "config") != []
    assert await found(environment, "people") == []


async def test_a_wrong_policy_is_told_and_what_is_in_force_meanwhile(environment, config, tmp_path):
    config("policy: policy.yaml\n")
    policy = tmp_path / "policy.yaml"
    policy.write_text("rules: [{name: a, auto: true}]\n")
    assert await found(environment, "policy") == [
        Finding(Level.OK, "policy", f"{policy}: 1 rules"),
    ]
    policy.write_text("rules: [{name: a}]\n")
    (said,) = await wrong(environment)
    assert said.startswith(f"policy: {policy}:1:9: rules.0: say one of")
    assert said.endswith("; the last good policy stays in force, or everything is asked for")


async def test_a_stop_is_told(environment, stack, db):
    environment |= stack.environment() | {"HANDRAIL_MONGO_DATABASE": db.name}
    assert await found(environment, "stop") == []
    at = datetime(2030, 1, 2, 3, 4, tzinfo=UTC)
    await MongoStopSwitch(db).stop(Stop(by="ann", at=at, reason="a move"))
    (said,) = await found(environment, "stop")
    assert said.told.startswith("everything is stopped: a move (ann, 2030-01-02 03:04 UTC)")


async def test_what_active_runbooks_name_and_nobody_declares_is_noted(
    environment, config, tmp_path
):
    (tmp_path / "books").mkdir()
    (tmp_path / "books" / "clean.yaml").write_text(CLEAN)
    (tmp_path / "books" / "tell.yaml").write_text(TELL)
    config("targets: {hier: {connector: local}}\n")
    environment["HANDRAIL_RUNBOOKS"] = str(tmp_path / "books")

    noted = [one for one in await found(environment, "runbooks") if one.level is Level.NOTE]

    assert any("evidence` gathers disk.wait" in one.told for one in noted)
    assert any("no target here (targets: hier)" in one.told for one in noted)
    assert all("clean.yaml:" in one.told or "tell.yaml:" in one.told for one in noted)
