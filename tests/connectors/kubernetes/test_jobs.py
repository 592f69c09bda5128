"""Jobs: one for each key, seen to their end, and ended with what they started."""

import asyncio

import pytest

from shared.connectors.underway import CallRefusedError
from tests.connectors.kubernetes.conftest import job, pod, pod_path
from tests.running import until

SPEC = '{"template": {"spec": {"containers": [{"name": "a", "image": "a"}]}}}'
RUN = f'job\nnamespace: "shop"\nname: "cleanup"\nspec: {SPEC}'
CRON = 'job\nnamespace: "shop"\ncron_job: "nightly"'


def jobs(cluster):
    return {path: found for path, found in cluster.objects.items() if "/jobs/" in path}


def ending(kind, log="cleaned\n"):
    """What the job controller does, at once; `kind` is how it ends."""

    def control(cluster, path, found):
        if "/jobs/" not in path or found is None:
            return
        name = path.rsplit("/", 1)[1]
        labelled = pod()
        labelled["metadata"]["labels"] = {"job-name": name}
        cluster.add(pod_path(f"{name}-x"), labelled)
        cluster.logs[f"{name}-x"] = log
        condition = {"type": kind, "status": "True", "reason": "BackoffLimitExceeded"}
        cluster.change(path, {"status": {"conditions": [condition]}})

    return control


async def test_a_job_runs_to_its_end_and_gives_its_log(cluster, connect):
    cluster.controllers.append(ending("Complete"))
    ended = await connect().run(job(RUN, seconds=90))
    assert ended.exit_code == 0
    assert ended.stdout.endswith("is complete\ncleaned\n")
    [made] = jobs(cluster).values()
    assert made["metadata"]["name"].startswith("cleanup-")
    assert made["spec"]["activeDeadlineSeconds"] == 90
    assert made["spec"]["template"]["spec"]["restartPolicy"] == "Never"


async def test_a_job_that_fails_fails_with_its_log(cluster, connect):
    cluster.controllers.append(ending("Failed", "disk is full\n"))
    ended = await connect().run(job(RUN))
    assert ended.exit_code == 1
    assert "disk is full" in ended.stdout
    assert "failed: BackoffLimitExceeded" in ended.stderr


async def test_the_same_key_makes_one_job_whoever_runs_it(cluster, connect):
    sent = job(RUN)
    first = asyncio.create_task(connect().run(sent))
    await until(lambda: cluster.watched)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    assert await connect().reattach(sent) is None
    second = asyncio.create_task(connect().run(sent))
    await until(lambda: cluster.watched)
    [path] = jobs(cluster)
    ending("Complete")(cluster, path, cluster.objects[path])
    assert "is there already" in (await second).stdout
    assert len(jobs(cluster)) == 1


async def test_a_job_of_somebody_else_is_not_taken_for_ours(cluster, connect):
    sent = job(RUN)
    cluster.controllers.append(ending("Complete"))
    await connect().run(sent)
    [path] = jobs(cluster)
    cluster.change(path, {"metadata": {"annotations": {"handrail/step": None}}})
    with pytest.raises(CallRefusedError, match="was made by somebody else"):
        await connect().run(sent)


async def test_a_cron_job_runs_now(cluster, connect):
    cluster.controllers.append(ending("Complete"))
    template = {"metadata": {"labels": {"app": "backup"}}, "spec": {"template": {"spec": {}}}}
    place = "/apis/batch/v1/namespaces/shop/cronjobs/nightly"
    cluster.add(place, {"spec": {"jobTemplate": template}})
    assert (await connect().run(job(CRON))).exit_code == 0
    [made] = jobs(cluster).values()
    assert made["metadata"]["labels"]["app"] == "backup"
    assert made["metadata"]["annotations"]["cronjob.kubernetes.io/instantiate"] == "manual"


async def test_a_dry_run_shows_the_job_and_makes_none(cluster, connect):
    shown = await connect().dry_run(job(RUN))
    assert "image: a" in shown.text
    assert jobs(cluster) == {}


@pytest.mark.parametrize("same_process", [True, False])
async def test_a_cancelled_job_is_deleted_by_whoever_cancels_it(cluster, connect, same_process):
    connector, sent = connect(), job(RUN)
    running = asyncio.create_task(connector.run(sent))
    await until(lambda: cluster.watched)
    assert await (connector if same_process else connect()).cancel(sent.key)
    ended = await running
    assert jobs(cluster) == {}
    assert ended.cancelled if same_process else "was deleted" in ended.stderr


async def test_a_job_is_cancelled_although_jobs_elsewhere_may_not_be_looked_for(cluster, connect):
    connector, sent = connect(), job(RUN)
    running = asyncio.create_task(connector.run(sent))
    await until(lambda: cluster.watched)
    cluster.shut.add("/apis/batch/v1/jobs")
    assert not await connect().cancel(sent.key)
    assert await connector.cancel(sent.key)
    assert (await running).cancelled
    assert jobs(cluster) == {}


async def test_what_is_not_known_cannot_be_cancelled(connect):
    assert not await connect().cancel("step-unknown")


DELETE = 'delete_job\nnamespace: "shop"\nname: "nightly-1"'
NIGHTLY = "/apis/batch/v1/namespaces/shop/jobs/nightly-1"


async def test_a_job_is_deleted_and_a_second_time_is_nothing(cluster, connect):
    cluster.add(NIGHTLY, {"status": {"conditions": [{"type": "Failed", "status": "True"}]}})
    cluster.add(NIGHTLY.replace("-1", "-2"), {})
    shown = await connect().dry_run(job(DELETE))
    assert shown.text == "deletes job nightly-1, which failed, with its pods and their logs"
    assert NIGHTLY in cluster.objects
    for _ in range(2):
        ended = await connect().run(job(DELETE))
        assert (ended.exit_code, ended.stdout) == (0, "job nightly-1: is gone\n")
    assert list(jobs(cluster)) == [NIGHTLY.replace("-1", "-2")]
    assert (await connect().dry_run(job(DELETE))).text == "job nightly-1 is not there"
