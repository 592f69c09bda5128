"""Databases of RDS."""

from collections.abc import Mapping
from typing import Any, Final

from shared.calls.aws import RdsReboot
from shared.connectors.aws.action import Site
from shared.connectors.protocol import Job, Lost
from shared.connectors.underway import Progress, Report, Work

_AVAILABLE: Final = "available"
_REBOOTING: Final = "rebooting"
#: Out of these no database comes back by itself.
_FAILED: Final = frozenset({"failed", "deleting", "storage-full"})


class Reboot:
    """Reboot a database and wait until it is available."""

    async def shown(self, site: Site, call: RdsReboot) -> str:
        found = await _database(site, call)
        zones = "in two zones" if found.get("MultiAZ") else "in one zone: it is down meanwhile"
        over = " by going over to the other zone" if call.failover else ""
        words = (
            f"{found['Engine']} {found['DBInstanceClass']}, {found['DBInstanceStatus']}, {zones}"
        )
        return f"reboots {call.database}{over} ({words})"

    async def do(self, site: Site, call: RdsReboot, _job: Job, report: Report) -> int:
        if await self._status(site, call) == _REBOOTING:
            await report.say(f"{call.database} is rebooting already")
        else:
            said = {"DBInstanceIdentifier": call.database, "ForceFailover": call.failover}
            await site.do(report, "rds", "reboot_db_instance", **said)
        return await self._seen_through(site, call, report)

    async def became(self, site: Site, call: RdsReboot, _job: Job) -> Work | Lost | None:
        if await self._status(site, call) == _REBOOTING:
            return lambda report: self._seen_through(site, call, report)
        return Lost("the database is not rebooting; whether it has been is not known")

    async def _seen_through(self, site: Site, call: RdsReboot, report: Report) -> int:
        await site.until(lambda: self._progress(site, call), report)
        return 0

    async def _progress(self, site: Site, call: RdsReboot) -> Progress:
        status = await self._status(site, call)
        says = f"{call.database} is {status}"
        return Progress(done=status == _AVAILABLE, says=says, failed=status in _FAILED)

    async def _status(self, site: Site, call: RdsReboot) -> str:
        return str((await _database(site, call))["DBInstanceStatus"])


async def _database(site: Site, call: RdsReboot) -> Mapping[str, Any]:
    said = {"DBInstanceIdentifier": call.database}
    found = await site.aws.look("rds", "describe_db_instances", **said)
    database: Mapping[str, Any] = found["DBInstances"][0]
    return database
