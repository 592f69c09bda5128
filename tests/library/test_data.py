"""The runbooks for databases, queues and backups repair what they say."""

import os
import time

import pytest

from shared.lifecycle import StepState
from tests.library.machines import changed
from tests.library.site import firing

DATABASE = {"instance": "db-1:9187"}
IDLE = "idle-in-transaction"


@pytest.fixture
def postgres(site):
    made = site.machine("db-1", "psql", "systemctl")
    made.unit("pgbouncer")
    return made


def activity(host, *rows):
    host.write("postgres/activity", "".join(f"{pid} {state} {age}\n" for pid, state, age in rows))


WORKING = [(pid, "active", 0) for pid in range(1, 5)]
FULL = firing("PostgresqlTooManyConnections", DATABASE)


async def test_connections_that_are_held_and_not_used_are_freed(site, postgres):
    young = (20, IDLE, 2)
    activity(postgres, *WORKING, young, *((pid, IDLE, 45) for pid in range(6, 11)))
    before = site.files()

    session = await site.repaired(FULL)

    assert postgres.read("postgres/activity").splitlines()[-1] == f"20 {IDLE} 2"
    assert changed(before, site) == {"db-1/postgres/activity"}
    assert session.run("recycle").state is StepState.SKIPPED


async def test_the_pooler_recycles_when_that_was_not_enough(site, postgres):
    activity(postgres, *WORKING, *((pid, "idle", 45) for pid in range(6, 11)))
    postgres.hook(
        "pgbouncer.service.reload",
        "grep ' active ' postgres/activity >new; mv new postgres/activity\n",
    )
    await site.repaired(FULL)
    assert postgres.read("units/pgbouncer.service") == "active 1 reloaded\n"


BEHIND = firing("PostgresqlReplicationLag", DATABASE)


@pytest.mark.parametrize(
    ("paused", "running"), [("t", 0), ("f", 60), ("t", 60)], ids=["paused", "query", "both"]
)
async def test_a_replica_catches_up(site, postgres, paused, running):
    postgres.write("postgres/paused", f"{paused}\n")
    activity(postgres, (1, "active", 1), (2, "active", running), (3, "idle", 90))

    await site.repaired(BEHIND)

    assert postgres.read("postgres/paused") == "f\n"
    left = [line.split()[0] for line in postgres.read("postgres/activity").splitlines()]
    assert left == (["1", "3"] if running else ["1", "2", "3"])


async def test_nothing_is_cancelled_on_a_primary(site, postgres):
    activity(postgres, (1, "active", 90))
    await site.left_alone(BEHIND)


def replica(host, *, sql_errno=0, io_errno=2003):
    host.write(
        "mysql-status",
        "             Replica_IO_State: \n"
        "           Replica_IO_Running: No\n"
        "          Replica_SQL_Running: Yes\n"
        f"                Last_IO_Errno: {io_errno}\n"
        f"               Last_SQL_Errno: {sql_errno}\n"
        "        Seconds_Behind_Source: NULL\n",
    )


STOPPED = firing("MysqlSlaveIoThreadNotRunning", DATABASE)


async def test_a_mysql_replica_starts_again(site):
    host = site.machine("db-1", "mysql")
    replica(host)
    await site.repaired(STOPPED)
    assert "Replica_IO_Running: Yes" in host.read("mysql-status")


@pytest.mark.parametrize("wrong", [{"sql_errno": 1062}, {"io_errno": 1236}])
async def test_a_mysql_replica_whose_data_differs_is_left_alone(site, wrong):
    replica(site.machine("db-1", "mysql"), **wrong)
    await site.left_alone(STOPPED)


async def test_a_queue_is_worked_off_and_no_message_is_lost(site):
    broker = site.machine("mq-1", "rabbitmqctl")
    for number in range(30):
        broker.write(f"queues/orders/{number}", "order")
    broker.write("queues/orders.consumers", "0\n")
    broker.write("queues/mails/1", "mail")
    broker.write("queues/mails.consumers", "1\n")
    worker = site.machine("worker-1", "systemctl", "journalctl")
    worker.unit("orders", "active")
    done = worker.state / "done"
    queues = f"{broker.state}/queues"
    take = f"mkdir {done}; mv {queues}/orders/* {done}; echo 2 >{queues}/orders.consumers\n"
    worker.hook("orders.service.restart", take)

    await site.repaired(
        firing(
            "RabbitmqTooManyMessagesInQueue",
            {
                "instance": "mq-1:15692",
                "queue": "orders",
                "consumer": "orders",
                "consumer_host": "worker-1",
            },
            {"enough_messages": "10"},
        )
    )

    assert len(list(done.iterdir())) == 30
    assert broker.read("queues/mails/1") == "mail"


@pytest.fixture
def backups(site, tmp_path):
    """A host whose last backup is three days old."""
    host = site.machine("db-1", "systemctl", "journalctl")
    host.says("df", "")
    directory = tmp_path / "backups"
    directory.mkdir()
    old = directory / "monday.dump"
    old.write_text("all of it")
    then = time.time() - 3 * 86400
    os.utime(old, (then, then))
    host.unit("backup", "inactive")
    return host, directory


def missed(directory):
    return firing(
        "BackupMissed",
        {"instance": "db-1:9100", "backup_service": "backup"},
        {"backup_directory": str(directory)},
    )


async def test_a_backup_that_was_missed_is_made(site, backups):
    host, directory = backups
    host.hook("backup.service.restart", f"echo 'all of it' >{directory}/today.dump\n")
    await site.repaired(missed(directory))
    assert sorted(path.name for path in directory.iterdir()) == ["monday.dump", "today.dump"]


async def test_an_empty_backup_is_none(site, backups):
    host, directory = backups
    host.hook("backup.service.restart", f": >{directory}/today.dump\n")
    plan = site.plan(missed(directory))
    await site.run(plan)
    assert not await site.is_well(plan)
