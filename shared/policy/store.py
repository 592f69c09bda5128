"""The stop switch, and the last policy that was good, in MongoDB."""

from datetime import datetime
from typing import Final

from pydantic import ValidationError
from pymongo import ReturnDocument

from shared.config.policy import PolicyConfig
from shared.policy.policy import Policy
from shared.policy.stop import Stop
from shared.store import SCHEMA, Database, seam

_STOP: Final = "stop"
_LAST_GOOD: Final = "last_good"


@seam
class MongoStopSwitch:
    """One switch for a whole installation: while it is set, no step may run."""

    def __init__(self, db: Database) -> None:
        self._switches = db.get_collection("switches")

    async def state(self) -> Stop | None:
        """Why everything is stopped, if it is."""
        found = await self._switches.find_one({"_id": _STOP})
        return Stop.model_validate(found) if found else None

    async def stop(self, stop: Stop) -> Stop:
        """Stop everything; the stop that counts, which is the first one."""
        said = {**stop.model_dump(), "schema": SCHEMA}
        found = await self._switches.find_one_and_update(
            {"_id": _STOP},
            {"$setOnInsert": said},
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        return Stop.model_validate(found)

    async def resume(self) -> Stop | None:
        """Let everything go on; the stop that is over, or None where there was none."""
        found = await self._switches.find_one_and_delete({"_id": _STOP})
        return Stop.model_validate(found) if found else None


@seam
class MongoLastGood:
    """The last policy without mistakes that any process of this installation has read."""

    def __init__(self, db: Database) -> None:
        self._policies = db.get_collection("policies")

    async def keep(self, policy: Policy, *, now: datetime) -> None:
        """Remember a policy; nothing is written when it is the one that is kept."""
        said = {
            "schema": SCHEMA,
            "version": policy.version,
            "policy": policy.config.model_dump_json(by_alias=True, exclude_defaults=True),
            "teams": {name: list(members) for name, members in policy.teams.items()},
            "kept_at": now,
        }
        kept = await self._policies.find_one({"_id": _LAST_GOOD}, {"version": 1})
        if kept is None or kept["version"] != policy.version:
            await self._policies.replace_one({"_id": _LAST_GOOD}, said, upsert=True)

    async def last(self) -> Policy | None:
        """The policy that was kept; None where there is none, or none that this version reads."""
        found = await self._policies.find_one({"_id": _LAST_GOOD})
        if found is None:
            return None
        try:
            config = PolicyConfig.model_validate_json(found["policy"])
        except ValidationError:
            return None
        return Policy.of(config, {name: tuple(who) for name, who in found["teams"].items()})
