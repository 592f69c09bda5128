"""Functions and databases."""

import asyncio
import json
from base64 import b64decode

import pytest
from aiohttp import web

from shared.connectors.protocol import Lost
from tests.connectors.aws.conftest import job


@pytest.fixture(scope="session")
async def database(client):
    async with client("rds") as rds:
        await rds.create_db_instance(
            DBInstanceIdentifier="orders",
            Engine="postgres",
            DBInstanceClass="db.t3.micro",
            MasterUsername="u",
            MasterUserPassword="a-long-password",
            AllocatedStorage=10,
        )


REBOOT = 'rds_reboot\ndatabase: "orders"'


def status(name):
    found = f"<DBInstanceIdentifier>orders</DBInstanceIdentifier><DBInstanceStatus>{name}"
    return f"<DBInstances><DBInstance>{found}</DBInstanceStatus></DBInstance></DBInstances>"


async def test_a_database_is_rebooted_and_waited_for(front, connect, database):
    shown = await connect().dry_run(job(REBOOT))
    assert shown.text == (
        "reboots orders (postgres db.t3.micro, available, in one zone: it is down meanwhile)"
    )
    front.answers["DescribeDBInstances"] = [None, status("rebooting"), None]
    ended = await connect().run(job(REBOOT))
    assert ended.stdout == "orders is rebooting\norders is available\n"
    assert len(front.said("RebootDBInstance")) == 1


@pytest.mark.parametrize(("state", "lost"), [("rebooting", False), ("available", True)])
async def test_a_reboot_of_a_database_is_found_while_it_lasts(
    front, connect, database, state, lost
):
    front.answers["DescribeDBInstances"] = [status(state), None]
    found = await connect().reattach(job(REBOOT))
    assert isinstance(found, Lost) is lost
    assert lost or (found.exit_code, found.reattached) == (0, True)
    assert front.said("RebootDBInstance") == []


async def test_a_database_that_reboots_is_not_rebooted_again(front, connect, database):
    front.answers["DescribeDBInstances"] = [status("rebooting"), None]
    assert (await connect().run(job(REBOOT))).exit_code == 0
    assert front.said("RebootDBInstance") == []


INVOKE = 'lambda_invoke\nfunction: "cleanup"\npayload: {"days": 3}'


@pytest.fixture(scope="session")
async def function(client):
    async with client("iam") as iam, client("lambda") as functions:
        role = await iam.create_role(RoleName="r", AssumeRolePolicyDocument="{}")
        await functions.create_function(
            FunctionName="cleanup",
            Runtime="python3.11",
            Role=role["Role"]["Arn"],
            Handler="a.b",
            Code={"ZipFile": b"zip"},
        )


async def test_a_function_is_called_with_the_key_of_its_step(front, connect, function):
    sent = job(INVOKE)
    ended = await connect().run(sent)
    assert (ended.exit_code, json.loads(ended.stdout)) == (0, {"days": 3})
    [said] = front.said("Invoke")
    context = json.loads(b64decode(said["X-Amz-Client-Context"]))
    assert context == {"custom": {"handrail-step": sent.key}}


async def test_a_function_that_fails_fails_its_step(front, connect, function):
    async def failed(_request):
        headers = {"X-Amz-Function-Error": "Unhandled", "X-Amz-Log-Result": "b2ggbm8="}
        return web.Response(text='{"errorMessage": "x"}', headers=headers)

    front.answers["Invoke"] = [failed]
    ended = await connect().run(job(INVOKE))
    assert (ended.exit_code, ended.stderr) == (1, "oh no")


async def test_a_dry_run_calls_no_function(front, connect, function):
    shown = await connect().dry_run(job(INVOKE))
    assert shown.text == 'calls cleanup with {"days": 3}'
    assert front.said("Invoke") == []


async def test_a_function_that_takes_too_long_is_unknown(front, connect, function):
    async def hangs(_request):
        await asyncio.Event().wait()

    front.answers["Invoke"] = [hangs]
    connector, sent = connect(), job(INVOKE, seconds=1)
    found = await asyncio.gather(connector.run(sent), return_exceptions=True)
    assert isinstance(found[0], Lost) or found[0].may_have_started
    assert isinstance(await connect().reattach(sent), Lost)


async def test_the_same_key_at_the_same_time_asks_once(front, connect, function):
    connector, sent = connect(), job(INVOKE)
    first, second = await asyncio.gather(connector.run(sent), connector.run(sent))
    assert (first.reattached, second.reattached) == (False, True)
    assert len(front.said("Invoke")) == 1
