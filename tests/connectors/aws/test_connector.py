"""What is asked of AWS is asked once, seen through, and told."""

import asyncio
import json
from base64 import b64decode
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web

from shared.connectors.protocol import LoginRefusedError, Lost, TargetUnreachableError
from shared.connectors.underway import CallRefusedError
from shared.lifecycle import Effect
from tests.connectors.aws.conftest import job, refused
from tests.running import until


def ec2(action, *instances):
    return f"{action}\ninstances: {json.dumps(instances)}"


async def test_instances_are_rebooted(front, connect, instance):
    ended = await connect().run(job(ec2("ec2_reboot", instance)))
    assert (ended.exit_code, ended.stdout) == (0, f"rebooting {instance}\n")
    assert len(front.said("RebootInstances")) == 1


async def test_a_dry_run_asks_ec2_whether_it_would_and_says_what_is_there(front, connect, instance):
    shown = await connect().dry_run(job(ec2("ec2_reboot", instance)))
    assert shown.text == f"reboots {instance} web-1 m1.small (running)"
    assert front.said("RebootInstances") == []


async def test_what_the_keys_may_not_do_is_told_before_anybody_is_asked(front, connect, instance):
    front.answers["RebootInstances"] = [refused("UnauthorizedOperation", "you may not")]
    with pytest.raises(CallRefusedError, match="AWS forbids it: you may not"):
        await connect().dry_run(job(ec2("ec2_reboot", instance)))


async def test_instances_are_stopped_and_started_and_waited_for(connect, client, instance):
    for action, state in (("ec2_stop", "stopped"), ("ec2_start", "running")):
        ended = await connect().run(job(ec2(action, instance)))
        assert ended.stdout.splitlines()[-1] == f"{instance} {state}"


async def test_an_instance_that_is_not_there_is_told_as_such(front, connect):
    with pytest.raises(CallRefusedError, match=r"InvalidInstanceID\.NotFound.*i-0123456789abcdef0"):
        await connect().run(job(ec2("ec2_reboot", "i-0123456789abcdef0")))


@pytest.mark.parametrize(
    ("action", "effect", "lost"),
    [
        ("ec2_reboot", Effect.ONCE, True),
        ("ec2_reboot", Effect.IDEMPOTENT, False),
        ("ec2_stop", Effect.ONCE, False),
    ],
)
async def test_a_reboot_whose_owner_died_is_unknown(connect, instance, action, effect, lost):
    found = await connect().reattach(job(ec2(action, instance), effect=effect))
    assert isinstance(found, Lost) is lost


async def test_a_change_whose_answer_got_lost_is_not_said_again(front, connect, instance):
    async def lost(_request):
        return web.Response(status=500)

    front.answers["RebootInstances"] = [lost]
    with pytest.raises(TargetUnreachableError) as found:
        await connect().run(job(ec2("ec2_reboot", instance)))
    assert found.value.may_have_started
    assert len(front.said("RebootInstances")) == 1


async def test_a_look_whose_answer_got_lost_is_asked_again(front, connect, instance):
    async def lost(_request):
        return web.Response(status=500)

    front.answers["DescribeInstances"] = [lost, None]
    assert (await connect().run(job(ec2("ec2_start", instance)))).exit_code == 0


@pytest.fixture(scope="session")
async def group(client):
    async with client("autoscaling") as scaling, client("ec2") as ec2_client:
        subnets = (await ec2_client.describe_subnets())["Subnets"]
        await scaling.create_launch_configuration(
            LaunchConfigurationName="lc", ImageId="ami-12c6146b", InstanceType="t2.micro"
        )
        await scaling.create_auto_scaling_group(
            AutoScalingGroupName="web",
            LaunchConfigurationName="lc",
            MinSize=1,
            MaxSize=4,
            DesiredCapacity=2,
            VPCZoneIdentifier=subnets[0]["SubnetId"],
        )


SET = 'asg_set_desired\ngroup: "web"\ndesired: '


async def test_a_group_is_given_another_size(connect, group):
    shown = await connect().dry_run(job(SET + "3"))
    assert shown.text == "web: 2 in service, 2 wanted (from 1 to 4); sets 3"
    ended = await connect().run(job(SET + "3"))
    assert ended.stdout == "web: 3 in service, 3 wanted (from 1 to 4)\n"


async def test_a_size_that_the_group_may_not_have_is_refused(front, connect, group):
    front.answers["SetDesiredCapacity"] = [refused("ValidationError", "9 is above the maximum")]
    with pytest.raises(CallRefusedError, match=r"refuses it \(ValidationError\): 9 is above"):
        await connect().run(job(SET + "9"))


async def test_a_group_that_is_not_there_is_told_as_such(connect, group):
    with pytest.raises(CallRefusedError, match="no Auto Scaling group wob"):
        await connect().dry_run(job('asg_set_desired\ngroup: "wob"\ndesired: 1'))


REFRESH = 'asg_instance_refresh\ngroup: "web"'


def refresh(status, began, name="r-1", percent=50):
    member = (
        f"<InstanceRefreshId>{name}</InstanceRefreshId><Status>{status}</Status>"
        f"<PercentageComplete>{percent}</PercentageComplete><StartTime>{began}</StartTime>"
    )
    return f"<InstanceRefreshes><member>{member}</member></InstanceRefreshes>"


LONG_AGO = "2020-01-01T00:00:00Z"
BEGUN = "<InstanceRefreshId>r-1</InstanceRefreshId>"


async def test_the_instances_of_a_group_are_replaced(front, connect, group):
    seen = [refresh("InProgress", LONG_AGO), refresh("Successful", LONG_AGO, percent=100)]
    front.answers |= {"DescribeInstanceRefreshes": seen, "StartInstanceRefresh": [BEGUN]}
    ended = await connect().run(job(REFRESH))
    assert ended.stdout == "web: InProgress, 50 %\nweb: Successful, 100 %\n"
    [said] = front.said("StartInstanceRefresh")
    assert said["Preferences.MinHealthyPercentage"] == "90"


async def test_a_refresh_that_fails_fails_its_step(front, connect, group):
    seen = [refresh("Failed", LONG_AGO)]
    front.answers |= {"DescribeInstanceRefreshes": seen, "StartInstanceRefresh": [BEGUN]}
    ended = await connect().run(job(REFRESH))
    assert (ended.exit_code, ended.stderr) == (1, "web: Failed, 50 %\n")


async def test_a_refresh_that_is_under_way_is_joined(front, connect, group):
    seen = [refresh("InProgress", LONG_AGO), refresh("Successful", LONG_AGO)]
    busy = refused("InstanceRefreshInProgress", "one at a time")
    front.answers |= {"DescribeInstanceRefreshes": seen, "StartInstanceRefresh": [busy]}
    ended = await connect().run(job(REFRESH))
    assert ended.exit_code == 0
    assert "an instance refresh is under way: r-1" in ended.stdout


async def test_a_refresh_that_was_begun_since_the_step_began_is_not_begun_again(
    front, connect, group
):
    since = datetime.now(UTC).isoformat()
    front.answers["DescribeInstanceRefreshes"] = [refresh("Successful", since)]
    ended = await connect().reattach(job(REFRESH, ago=600))
    assert (ended.exit_code, ended.reattached) == (0, True)
    assert front.said("StartInstanceRefresh") == []


@pytest.fixture(scope="session")
async def service(client):
    async with client("ecs") as ecs:
        await ecs.create_cluster(clusterName="shop")
        container = {"name": "api", "image": "api", "memory": 64}
        await ecs.register_task_definition(family="api", containerDefinitions=[container])
        await ecs.create_service(
            cluster="shop", serviceName="api", taskDefinition="api", desiredCount=2
        )


DEPLOY = 'ecs_force_deployment\ncluster: "shop"\nservice: "api"'


def deployed(state, running, began, *, old=False):
    """What ECS says of a service; moto's never finish a deployment."""
    primary = {"id": "d-2", "status": "PRIMARY", "rolloutState": state, "createdAt": began}
    others = [{"id": "d-1", "status": "ACTIVE"}] if old else []
    found = {
        "serviceName": "api",
        "desiredCount": 2,
        "runningCount": running,
        "taskDefinition": "api:1",
        "deployments": [primary, *others],
    }
    return {"services": [found]}


async def test_the_tasks_of_a_service_are_made_anew(front, connect, service):
    seen = [
        deployed("IN_PROGRESS", 1, 0, old=True),
        deployed("COMPLETED", 2, 0, old=True),
        deployed("COMPLETED", 2, 0),
    ]
    front.answers["DescribeServices"] = seen
    ended = await connect().run(job(DEPLOY))
    assert ended.stdout == "api: 1 tasks run, 2 wanted\napi: 2 tasks run, 2 wanted\n"
    [said] = front.said("UpdateService")
    assert said["forceNewDeployment"] is True


async def test_a_deployment_that_fails_fails_its_step(front, connect, service):
    front.answers["DescribeServices"] = [deployed("FAILED", 0, 0)]
    assert (await connect().run(job(DEPLOY))).exit_code == 1


async def test_a_deployment_that_was_begun_since_the_step_began_is_not_begun_again(
    front, connect, service
):
    began = (datetime.now(UTC) - timedelta(seconds=60)).timestamp()
    front.answers["DescribeServices"] = [deployed("COMPLETED", 2, began)]
    ended = await connect().reattach(job(DEPLOY, ago=600))
    assert (ended.exit_code, ended.reattached) == (0, True)
    assert front.said("UpdateService") == []


@pytest.mark.parametrize(
    ("operation", "answer", "text"),
    [
        ("DescribeInstanceRefreshes", refresh("Successful", LONG_AGO), REFRESH),
        ("DescribeServices", deployed("COMPLETED", 2, 0), DEPLOY),
    ],
)
async def test_what_was_begun_before_the_step_is_not_taken_for_its_own(
    front, connect, operation, answer, text
):
    front.answers[operation] = [answer]
    assert await connect().reattach(job(text, ago=600)) is None


async def test_a_service_is_given_another_size(front, connect, service):
    text = 'ecs_set_desired\ncluster: "shop"\nservice: "api"\ndesired: 0'
    shown = await connect().dry_run(job(text))
    assert shown.text == "api: 0 tasks run, 2 wanted; sets 0"
    front.answers["DescribeServices"] = [deployed("COMPLETED", 2, 0)]
    assert (await connect().run(job(text))).exit_code == 0
    [said] = front.said("UpdateService")
    assert said["desiredCount"] == 0


async def test_a_service_that_is_not_there_is_told_as_such(connect, service):
    text = DEPLOY.replace('"api"', '"apo"')
    with pytest.raises(CallRefusedError, match="no service apo in cluster shop"):
        await connect().dry_run(job(text))


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


async def test_a_role_is_taken_with_the_keys(front, connect, instance):
    role = "arn:aws:iam::123456789012:role/handrail"
    ended = await connect(role_arn=role, external_id="shop").run(job(ec2("ec2_reboot", instance)))
    assert ended.exit_code == 0
    [said] = front.said("AssumeRole")
    assert (said["RoleArn"], said["ExternalId"]) == (role, "shop")


@pytest.mark.parametrize("code", ["AuthFailure", "ExpiredToken", "SignatureDoesNotMatch"])
async def test_keys_that_are_refused_are_told_as_such(front, connect, instance, code):
    front.answers["RebootInstances"] = [refused(code, "no")]
    with pytest.raises(LoginRefusedError, match="AWS does not accept the keys"):
        await connect().run(job(ec2("ec2_reboot", instance)))


async def test_an_endpoint_that_is_not_there_is_told_as_unreachable(connect, instance):
    connector = connect(endpoint_url="http://127.0.0.1:1")
    with pytest.raises(TargetUnreachableError) as found:
        await connector.run(job(ec2("ec2_reboot", instance)))
    assert not found.value.may_have_started


async def test_the_same_key_at_the_same_time_asks_once(front, connect, function):
    connector, sent = connect(), job(INVOKE)
    first, second = await asyncio.gather(connector.run(sent), connector.run(sent))
    assert (first.reattached, second.reattached) == (False, True)
    assert len(front.said("Invoke")) == 1
