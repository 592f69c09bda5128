"""The runbooks for what a host runs out of, and for its clock and disks, repair what they say."""

import os
import sys
import time
from pathlib import Path

import pytest

from shared.lifecycle import StepState
from tests.flows.world import eventually
from tests.library.machines import changed, started
from tests.library.site import firing

HOST = {"instance": "web-1:9100"}


def filled(path: Path, kilobytes: int = 1) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(os.urandom(kilobytes * 1024))
    return path


def aged(path: Path, days: float) -> Path:
    then = time.time() - days * 86400
    os.utime(path, (then, then))
    return path


async def test_a_full_disk_gets_room_and_keeps_its_data(site, temporary):
    host = site.machine("web-1", "df", "journalctl", "logrotate", "apt-get")
    host.says("lsof", "")
    host.write("room", "1000 100000\n")
    journal = filled(temporary / "journal" / "old.journal", 300)
    log = filled(temporary / "log" / "app.log.9", 200)
    package = filled(temporary / "archives" / "shop_1.deb", 200)
    database = filled(temporary / "database", 250)
    host.hook("journalctl.vacuum", f"rm {journal}\n")
    host.hook("logrotate", f"rm {log}\n")
    host.hook("apt-get.clean", f"rm {package}\n")

    alert = firing("NodeFilesystemAlmostOutOfSpace", {**HOST, "mountpoint": str(temporary)})
    await site.repaired(alert)

    assert [path for path in temporary.rglob("*") if path.is_file()] == [database]


async def test_old_files_go_when_inodes_run_out_and_no_others(site, temporary):
    host = site.machine("web-1", "df")
    host.write("room", "1000000 100\n")
    sessions = temporary / "sessions"
    for number in range(90):
        aged(filled(sessions / f"old-{number}", 0), days=30)
    young = filled(sessions / "young")
    elsewhere = aged(filled(temporary / "elsewhere" / "old"), days=30)

    alert = firing(
        "NodeFilesystemFilesFillingUp",
        {**HOST, "mountpoint": str(temporary)},
        {"cleanup_directory": str(sessions)},
    )
    await site.repaired(alert)

    assert list(sessions.iterdir()) == [young]
    assert elsewhere.exists()


@pytest.mark.parametrize("directory", ["/", "/home", "/var/lib/postgresql", "/tmp/../etc", "/var"])
def test_only_directories_for_temporary_files_are_ever_emptied(site, directory):
    site.machine("web-1")
    alert = firing("HostOutOfInodes", {**HOST}, {"cleanup_directory": directory})
    with pytest.raises(AssertionError, match="parameter directory"):
        site.plan(alert)


async def test_no_link_leads_out_of_the_directory_that_is_emptied(site, temporary):
    host = site.machine("web-1", "df")
    host.write("room", "1000000 10\n")
    kept = aged(filled(temporary / "data" / "inside" / "old"), days=30)
    (temporary / "link").symlink_to(temporary / "data")
    alert = firing(
        "HostOutOfInodes",
        {**HOST, "mountpoint": str(temporary)},
        {"cleanup_directory": str(temporary / "link" / "inside")},
    )
    session = await site.run(site.plan(alert))
    assert session.run("remove").state is StepState.FAILED
    assert kept.exists()


async def test_a_running_process_may_open_more_files(site, tmp_path):
    ready = tmp_path / "ready"
    program = (
        "import os, pathlib, resource, time\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (100, 8192))\n"
        "held = [open(os.devnull) for _ in range(90)]\n"
        f"pathlib.Path({str(ready)!r}).touch()\n"
        "time.sleep(600)\n"
    )
    process = started(sys.executable, "-c", program)
    try:
        await eventually(ready.exists, 60)
        host = site.machine("web-1", "systemctl")
        host.unit("shop")
        host.write("units/shop.service.pid", f"{process.pid}\n")
        before = site.files()

        session = await site.repaired(
            firing("ProcessNearFDLimits", {**HOST, "job": "shop"}, {"open_files_limit": "4096"})
        )

        limits = Path(f"/proc/{process.pid}/limits")
        assert limits_of(limits) == ("4096", "4096")
        assert site.files() == before
        assert process.poll() is None
        assert f"--pid {process.pid} --nofile=4096:4096" in session.step("raise").run
    finally:
        process.kill()
        process.wait()


def limits_of(path: Path) -> tuple[str, str]:
    line = next(line for line in path.read_text().splitlines() if line.startswith("Max open files"))
    soft, hard = line.split()[3:5]
    return soft, hard


async def test_a_clock_that_is_off_is_set(site):
    host = site.machine("web-1", "chronyc", "systemctl")
    host.unit("chronyd")
    host.write("offset", "7.5\n")
    before = site.files()

    session = await site.repaired(firing("NodeClockSkewDetected", HOST))

    assert session.run("start").state is StepState.SKIPPED
    assert changed(before, site) == {"web-1/offset"}


async def test_a_clock_without_its_daemon_gets_it_back_first(site):
    host = site.machine("web-1", "chronyc", "systemctl")
    host.unit("chronyd", "inactive")
    host.write("offset", "7.5\n")

    await site.repaired(firing("NodeClockNotSynchronising", HOST))

    assert host.read("units/chronyd.service") == "active 2\n"


def mounted_read_only(site):
    host = site.machine("db-1", "findmnt", "mount")
    host.write("mounts", "/ /dev/vda1 ext4 rw,relatime\n/data /dev/vdb1 ext4 ro,relatime\n")
    host.write("fstab", "/ /dev/vda1 ext4 defaults\n/data /dev/vdb1 ext4 defaults\n")
    host.says("dmesg", "EXT4-fs (vdb1): re-mounted. Opts: (null)\n")
    return host


READ_ONLY = firing("HostFilesystemDeviceError", {"instance": "db-1:9100", "mountpoint": "/data"})


async def test_a_file_system_becomes_writable_again(site):
    host = mounted_read_only(site)
    before = site.files()

    session = await site.repaired(READ_ONLY)

    assert host.read("mounts").splitlines()[0] == "/ /dev/vda1 ext4 rw,relatime"
    assert changed(before, site) == {"db-1/mounts"}
    await site.taken_back(session, "remount")
    assert site.files() == before


async def test_a_file_system_with_errors_of_its_disk_is_left_alone(site):
    host = mounted_read_only(site)
    host.says("dmesg", "blk_update_request: I/O error, dev vdb, sector 8\n")
    session = await site.left_alone(READ_ONLY)
    assert session.run("remount").state is StepState.SKIPPED


async def test_a_file_system_that_is_meant_to_be_read_only_is_left_alone(site):
    host = mounted_read_only(site)
    host.write("fstab", "/data /dev/vdb1 ext4 ro,noatime\n")
    await site.left_alone(READ_ONLY)


async def test_the_service_that_takes_all_processors_is_held_back(site):
    host = site.machine("web-1", "systemctl")
    host.says("vmstat", busy(idle=2))
    host.says("systemd-cgtop", groups("system.slice/report.service"))
    host.unit("report")
    host.unit("shop")
    host.hook("report.service.set-property", f"cat <<'END' >says/vmstat\n{busy(idle=48)}END\n")
    before = site.files()

    session = await site.repaired(firing("NodeCPUHighUsage", HOST))

    assert host.read("units/report.service.property") == "CPUQuota=100%\n"
    assert changed(before, site) == {"web-1/says/vmstat", "web-1/units/report.service.property"}
    await site.taken_back(session, "hold")
    assert host.read("units/report.service.property") == "CPUQuota=\n"


async def test_what_the_host_itself_needs_is_not_held_back(site):
    host = site.machine("web-1", "systemctl")
    host.says("vmstat", busy(idle=2))
    host.says("systemd-cgtop", groups("system.slice/containerd.service"))
    host.unit("containerd")
    await site.left_alone(firing("NodeSystemSaturation", HOST))


def groups(busiest):
    """What systemd-cgtop writes: the first time it cannot know yet what is used."""
    return (
        "/                       212      -     3.1G        -        -\n"
        f"{busiest}                8      -     1.1G        -        -\n"
        "/                       212  193.6     3.1G        -        -\n"
        "system.slice             90  191.4     2.0G        -        -\n"
        f"{busiest}                8  188.2     1.1G        -        -\n"
        "system.slice/shop.service 3    3.1     0.4G        -        -\n"
    )


def busy(*, idle):
    return (
        "procs -----------memory---------- ---swap-- -----io---- -system-- ------cpu-----\n"
        " r  b   swpd   free   buff  cache   si   so    bi    bo   in   cs us sy id wa st\n"
        f" 9  0      0 811112 123456 654321    0    0     1     2  100  200 {98 - idle}  2 {idle}"
        "  0  0\n"
    )


def memory(available):
    return (
        "               total        used        free      shared  buff/cache   available\n"
        f"Mem:           16000       15000         100          10         900       {available}\n"
        "Swap:           2000        1900         100\n"
    )


async def test_the_service_that_holds_the_memory_gives_it_back(site):
    host = site.machine("web-1", "ps", "systemctl")
    host.says("free", memory(400))
    host.write("says/memory", "9000000 shop.service\n300000 agent.service\n")
    host.unit("shop")
    host.unit("agent")
    host.hook("shop.service.restart", f"cat <<'END' >says/free\n{memory(9000)}END\n")
    before = site.files()

    await site.repaired(firing("HostOutOfMemory", HOST))

    assert changed(before, site) == {"web-1/says/free", "web-1/units/shop.service"}


async def test_a_database_is_not_restarted_for_its_memory(site):
    host = site.machine("web-1", "ps", "systemctl")
    host.says("free", memory(400))
    host.write("says/memory", "9000000 postgresql@15-main.service\n300000 shop.service\n")
    host.unit("postgresql@15-main")
    await site.left_alone(firing("HostSwapIsFillingUp", HOST))


KILLED = (
    "Nov 21 03:00:01 web-1 kernel: oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),"
    "cpuset=/,mems_allowed=0,global_oom,task_memcg=/system.slice/{unit},task=java,pid=812,uid=99\n"
)


@pytest.mark.parametrize("place", ["shop.service", "system-shop.slice/shop.service/main"])
async def test_a_service_that_the_kernel_killed_runs_again(site, place):
    host = site.machine("web-1", "journalctl", "systemctl")
    host.says("free", memory(9000))
    killed = KILLED.format(unit="old.service") + KILLED.format(unit=place)
    host.write("journal/kernel", killed)
    host.unit("old")
    host.unit("shop", "failed")
    before = site.files()

    await site.repaired(firing("HostOomKillDetected", HOST))

    assert changed(before, site) == {"web-1/units/shop.service"}
    assert host.read("units/shop.service") == "active 2\n"
