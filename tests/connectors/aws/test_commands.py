"""Commands through Systems Manager."""

import asyncio
import json
from datetime import timedelta

import pytest

from shared.connectors.underway import CallRefusedError
from tests.connectors.aws.conftest import ec2, job
from tests.running import until


def ssm(instance, *commands):
    return f"ssm_command\ninstances: {json.dumps([instance])}\ncommands: {json.dumps(commands)}"


async def test_commands_run_through_systems_manager(front, connect, instance):
    ended = await connect().run(job(ssm(instance, "df -h", "uptime"), seconds=90))
    assert ended.exit_code == 0
    [said] = front.said("SendCommand")
    assert said["Parameters"] == {"commands": ["df -h", "uptime"], "executionTimeout": ["90"]}


async def test_the_end_of_commands_is_waited_for_with_their_output(front, connect, instance):
    missing = {"__type": "InvocationDoesNotExist", "message": "not yet", "status": 400}
    ended = {"Status": "Failed", "StatusDetails": "Failed", "ResponseCode": 3}
    output = {"StandardOutputContent": "out", "StandardErrorContent": "err"}
    running = {"Status": "InProgress", "StatusDetails": "InProgress"}
    front.answers["GetCommandInvocation"] = [missing, running, ended | output]
    found = await connect().run(job(ssm(instance, "false")))
    assert (found.exit_code, found.stderr) == (3, "err")
    assert f"{instance}: InProgress\n{instance}: Failed\nout" in found.stdout


async def test_what_was_sent_with_the_same_key_is_found_again(front, connect, instance):
    sent = job(ssm(instance, "uptime"))
    await connect().run(sent)
    assert (await connect().reattach(sent)).reattached
    ended = await connect().run(sent)
    assert "was sent already" in ended.stdout
    assert await connect().reattach(job(ssm(instance, "uptime"))) is None
    assert len(front.said("SendCommand")) == 1


async def test_commands_are_cancelled_where_they_run(front, connect, instance):
    front.answers["GetCommandInvocation"] = [{"Status": "InProgress"}]
    front.answers["CancelCommand"] = [{}]
    connector, sent = connect(), job(ssm(instance, "sleep 60"))
    running = asyncio.create_task(connector.run(sent))
    await until(lambda: front.said("GetCommandInvocation"))
    assert await connector.cancel(sent.key)
    assert (await running).cancelled
    assert len(front.said("CancelCommand")) == 1


async def test_a_key_that_nothing_runs_under_cannot_be_cancelled(connect):
    assert not await connect().cancel("step-unknown")


async def test_a_check_may_run_what_only_looks_and_nothing_else(connect, instance):
    connector = connect()
    look = await connector.read(ssm(instance, "true"), timeout=timedelta(seconds=60))
    assert look.exit_code == 0
    with pytest.raises(CallRefusedError, match="ec2_stop changes something"):
        await connector.read(ec2("ec2_stop", instance), timeout=timedelta(seconds=60))
