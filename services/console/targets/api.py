"""``/api/v1/targets``: what there is, and what is added, changed and removed while services run."""

from datetime import timedelta
from typing import Annotated, Final, Protocol

from fastapi import APIRouter, Path, Query, Response

from services.console.api.conditions import ConditionsDep
from services.console.api.guard import CallerDep, guarded, needs
from services.console.api.paging import Cursor, Limit, Page, page
from services.console.api.responses import ETAG, problems
from services.console.targets.checking import Checked
from services.console.targets.desk import TargetDesk
from services.console.targets.target import TargetView
from services.console.tokens.door import Door
from services.console.tokens.token import Role
from shared.config.targets import Target

#: What stands in a path and in a table; handrail.yaml may have others.
_NAME: Final = r"^[A-Za-z0-9][A-Za-z0-9_.:@-]{0,127}$"

Name = Annotated[str, Path(max_length=500)]
NewName = Annotated[str, Path(pattern=_NAME)]
Seconds = Annotated[int, Query(ge=1, le=60, description="How long it may take.")]


class Check(Protocol):
    """See ``checking.Checker``."""

    async def check(self, name: str, limit: timedelta, *, by: str) -> Checked: ...


def targets_api(door: Door, desk: TargetDesk, checker: Check) -> APIRouter:
    """The routes."""
    router = guarded(door, prefix="/api/v1/targets", tag="targets")

    @router.get("", dependencies=[needs(Role.VIEWER)], responses=problems())
    async def list_targets(limit: Limit = 50, cursor: Cursor = None) -> Page[TargetView]:
        """All targets, by name."""
        return page((await desk.known()).views(), limit, cursor)

    @router.get(
        "/{name}", dependencies=[needs(Role.VIEWER)], responses={200: ETAG, **problems(404)}
    )
    async def get_target(name: Name, response: Response) -> TargetView:
        """One target; secrets by name."""
        known = await desk.known()
        shown = known.view(name)
        response.headers["ETag"] = str(known.etag(name))
        return shown

    @router.put(
        "/{name}",
        dependencies=[needs(Role.ADMIN)],
        responses={
            200: ETAG,
            201: {"model": TargetView, **ETAG, "description": "It is new."},
            **problems(409, 412),
        },
    )
    async def put_target(
        name: NewName,
        target: Target,
        caller: CallerDep,
        conditions: ConditionsDep,
        response: Response,
    ) -> TargetView:
        """Declare a target, or replace one that was added; services know it within two seconds."""
        put = await desk.put(name, target, caller, conditions)
        response.status_code = 201 if put.is_new else 200
        response.headers["ETag"] = put.etag
        return put.view

    @router.delete(
        "/{name}",
        dependencies=[needs(Role.ADMIN)],
        status_code=204,
        response_class=Response,
        responses=problems(404, 409, 412),
    )
    async def delete_target(name: Name, caller: CallerDep, conditions: ConditionsDep) -> None:
        """Have an added target no more; what runs there goes on."""
        await desk.remove(name, caller, conditions)

    @router.post("/{name}/check", dependencies=[needs(Role.OPERATOR)], responses=problems(404))
    async def check_target(name: Name, caller: CallerDep, seconds: Seconds = 30) -> Checked:
        """Open a target with its real credentials, and have a look that changes nothing."""
        return await checker.check(name, timedelta(seconds=seconds), by=caller.by)

    return router
