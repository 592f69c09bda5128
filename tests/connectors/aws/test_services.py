"""Groups of instances, and services of containers."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.connectors.underway import CallRefusedError
from tests.connectors.aws.conftest import job, refused


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
