"""The runbooks for services and jobs on a host repair what they say."""

import os
import signal
import sys
from pathlib import Path

import pytest

from deploy.ports import free_port
from shared.lifecycle import StepState
from tests.flows.world import eventually
from tests.library.machines import changed, started
from tests.library.site import firing

HOST = {"instance": "web-1:9100"}


@pytest.mark.parametrize("stubborn", [False, True], ids=["that ends", "that has to be forced"])
async def test_a_stuck_job_is_ended_and_its_pid_file_goes(site, temporary, stubborn):
    site.machine("web-1")
    pid_file = temporary / "report.pid"
    script = temporary / "nightly-report"
    trap = "trap '' TERM\n" if stubborn else ""
    script.write_text(f"{trap}echo $$ >{pid_file}\nwhile :; do sleep 0.1; done\n")
    # Through another shell that ends: it is nobody's child here, as under a scheduler.
    started("sh", "-c", f"setsid sh {script} &").wait()
    await eventually(lambda: pid_file.exists() and pid_file.read_text().strip(), 60)
    pid = int(pid_file.read_text())
    plan = site.plan(
        firing(
            "JobStuck",
            {**HOST, "job_name": "nightly-report"},
            {"pid_file": str(pid_file), "patience_seconds": "1", "young_seconds": "0"},
        )
    )
    assert not await site.is_well(plan)

    session = await site.run(plan)

    assert session.run("end").state is (StepState.FAILED if stubborn else StepState.SUCCEEDED)
    assert session.run("force").state is (StepState.SUCCEEDED if stubborn else StepState.SKIPPED)
    assert not alive(pid)
    assert not pid_file.exists()
    assert await site.is_well(plan)


def alive(pid):
    status = Path(f"/proc/{pid}/status")
    return status.exists() and "State:\tZ" not in status.read_text()


async def test_a_process_that_is_not_the_job_is_not_ended(site, temporary):
    site.machine("web-1")
    pid_file = temporary / "report.pid"
    other = started("sleep", "600")
    try:
        pid_file.write_text(str(other.pid))
        alert = firing(
            "JobStuck", {**HOST, "job_name": "nightly-report"}, {"pid_file": str(pid_file)}
        )
        await site.run(site.plan(alert))
        assert other.poll() is None
        assert pid_file.exists()
    finally:
        other.kill()
        other.wait()


async def test_errors_end_with_a_restart(site):
    host = site.machine("web-1", "journalctl", "systemctl")
    host.unit("shop")
    host.unit("agent")
    host.write("journal/shop", "connection 17 is dead\n" * 40)
    host.hook("shop.service.restart", ": >journal/shop\n")
    before = site.files()

    await site.repaired(firing("LogErrorSpike", {**HOST, "service": "shop"}))

    assert changed(before, site) == {"web-1/journal/shop", "web-1/units/shop.service"}


async def test_a_service_that_is_gone_is_restarted(site):
    host = site.machine("web-1", "journalctl", "systemctl")
    host.unit("shop", "failed")
    host.unit("agent")
    before = site.files()
    await site.repaired(firing("TargetDown", {**HOST, "job": "shop"}))
    assert changed(before, site) == {"web-1/units/shop.service"}


async def test_a_service_that_is_active_is_not_restarted(site):
    host = site.machine("web-1", "journalctl", "systemctl")
    host.unit("shop")
    before = site.files()
    session = await site.run(site.plan(firing("TargetDown", {**HOST, "job": "shop"})))
    assert session.run("restart").state is StepState.SKIPPED
    assert site.files() == before


SUPERVISOR = """\
#!/bin/sh
# Keeps one real web server, whose number is in a file.
pid=$(cat {pid} 2>/dev/null)
case $1 in
is-active) kill -0 "$pid" ;;
restart)
  [ -z "$pid" ] || kill "$pid" 2>/dev/null
  setsid {python} -m http.server {port} --bind 127.0.0.1 --directory {served} >/dev/null 2>&1 &
  echo $! >{pid}
  ;;
esac
"""


async def test_a_real_web_service_answers_again(site, tmp_path):
    host = site.machine("web-1")
    pid, port, served = tmp_path / "pid", free_port(0), tmp_path / "served"
    served.mkdir()
    (served / "health").write_text("well")
    program = host.root / "bin" / "shopctl"
    program.write_text(SUPERVISOR.format(pid=pid, port=port, served=served, python=sys.executable))
    program.chmod(0o755)
    alert = firing(
        "HttpServiceDown",
        {"instance": "web-1:8080", "service": "shop", "service_manager": "shopctl"},
        {"probe_url": f"http://127.0.0.1:{port}/health"},
    )
    plan = site.plan(alert)
    assert not await site.is_well(plan)
    try:
        await site.run(plan)
        await eventually(lambda: site.is_well(plan), 60)
    finally:
        os.kill(int(pid.read_text()), signal.SIGKILL)
