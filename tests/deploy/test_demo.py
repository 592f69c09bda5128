"""The demo closes the loop on real parts, and says so loudly when a leg fails."""

import asyncio
import json
import os
import sys
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from deploy.demo.site import DemoFailedError, demo_site, notification
from deploy.demo.story import LEGS, Story
from services.ingest.sources.alertmanager import parse
from services.ingest.webhook import Webhook

ROOT = Path(__file__).parents[2]


async def _demo(home, **environment):
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "deploy.cli", "demo", "--yes"),
        cwd=ROOT,
        env={**os.environ, "HANDRAIL_HOME": str(home), **environment},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return process.returncode, output.decode()


def _left_running(home):
    """Processes that have the demo's folder on their command line."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = entry.read_bytes()
        except OSError:
            continue
        if str(home).encode() in command:
            found.append(command)
    return found


async def test_an_unattended_demo_closes_the_loop_and_leaves_nothing_behind(tmp_path):
    home = tmp_path / "home"
    status, output = await _demo(home)
    assert status == 0, output
    assert "approves by itself" in output
    assert "The loop is closed" in output
    for leg in LEGS.values():
        assert leg in output
    assert list(home.iterdir()) == []
    assert _left_running(home) == []


async def test_a_demo_that_cannot_go_on_fails_loudly(tmp_path):
    home = tmp_path / "home"
    status, output = await _demo(home, HANDRAIL_RUNBOOKS=str(tmp_path))
    assert status == 1
    assert "not resolved" in output
    assert _left_running(home) == []


async def test_the_site_breaks_and_is_mended_by_its_own_manager(tmp_path):
    async with demo_site(tmp_path, "token") as site:
        assert await site.healthy()
        site.break_service()
        await site.until(healthy=False)
        process = await asyncio.create_subprocess_exec(
            tmp_path / "democtl", "restart", "shop", stdout=asyncio.subprocess.DEVNULL
        )
        assert await process.wait() == 0
        await site.until(healthy=True)


def test_what_the_demo_posts_is_what_alertmanager_would():
    body = json.dumps(notification("http://127.0.0.1:1/health", "2026-03-01T03:00:00Z")).encode()
    (alert,) = parse(Webhook("alertmanager", body))
    assert (alert.name, alert.severity) == ("HttpServiceDown", "P1")


@pytest.fixture
def story():
    return Story(Console(file=StringIO()))


async def test_silence_is_a_failure_that_names_the_missing_leg(story):
    with pytest.raises(DemoFailedError, match="no ticket yet"):
        await story.next(0.01)


def test_a_summary_without_a_leg_is_a_failure(story):
    story.times = dict.fromkeys(list(LEGS)[:-1], 1.0)
    with pytest.raises(DemoFailedError, match="verification"):
        story.summary()
