"""``/api/v1/me``: whose token this is."""

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from services.console.api.guard import CallerDep, guarded, needs
from services.console.api.responses import problems
from services.console.tokens.door import Door
from services.console.tokens.token import Role


class Me(BaseModel):
    """The token that asks."""

    model_config = ConfigDict(frozen=True)

    name: str
    role: Role


def me_api(door: Door) -> APIRouter:
    """The route."""
    router = guarded(door, prefix="/api/v1/me", tag="tokens")

    @router.get("", dependencies=[needs(Role.VIEWER)], responses=problems())
    async def get_me(caller: CallerDep) -> Me:
        """The name and the role of the token that asks."""
        return Me(name=caller.name, role=caller.role)

    return router
