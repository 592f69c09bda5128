"""Instances, and how AWS is reached: asked once, seen through, and told."""

import pytest
from aiohttp import web

from shared.connectors.protocol import LoginRefusedError, Lost, TargetUnreachableError
from shared.connectors.underway import CallRefusedError
from shared.lifecycle import Effect
from tests.connectors.aws.conftest import ec2, job, refused


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
