"""``/api/v1/credentials``: their names and their use; a value is put in and never comes out."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from services.console.api.conditions import ConditionsDep
from services.console.api.guard import CallerDep, guarded, needs
from services.console.api.paging import Cursor, Limit, Page, page
from services.console.api.responses import ETAG, problems
from services.console.credentials.credential import CredentialView, NewValue
from services.console.credentials.desk import CredentialDesk
from services.console.tokens.door import Door
from services.console.tokens.token import Role
from shared.secrets import CredentialName

Name = Annotated[str, Path(max_length=500)]
NewName = Annotated[CredentialName, Path()]
Force = Annotated[bool, Query(description="Also where targets name it, which then fail.")]


def credentials_api(door: Door, desk: CredentialDesk) -> APIRouter:
    """The routes."""
    router = guarded(door, prefix="/api/v1/credentials", tag="credentials")

    @router.get("", dependencies=[needs(Role.VIEWER)], responses=problems())
    async def list_credentials(limit: Limit = 50, cursor: Cursor = None) -> Page[CredentialView]:
        """All credentials, by name; never what they are."""
        return page(await desk.shown(), limit, cursor)

    @router.get("/{name}", dependencies=[needs(Role.VIEWER)], responses=problems(404))
    async def get_credential(name: Name, response: Response) -> CredentialView:
        """One credential; never what it is. One of handrail.yaml has no ETag."""
        shown, etag = await desk.one(name)
        if etag is not None:
            response.headers["ETag"] = etag
        return shown

    @router.put(
        "/{name}",
        dependencies=[needs(Role.ADMIN)],
        status_code=204,
        response_class=Response,
        responses={
            201: {"model": CredentialView, **ETAG, "description": "It is new."},
            204: {"description": "It has its new value, which services use within two seconds."},
            **problems(409, 412),
        },
    )
    async def put_credential(
        name: NewName, new: NewValue, caller: CallerDep, conditions: ConditionsDep
    ) -> Response:
        """Keep a new credential, or rotate one: the old value goes on being masked."""
        is_new = await desk.put(name, new.value, caller, conditions)
        if not is_new:
            return Response(status_code=204)
        shown, etag = await desk.one(name)
        headers = {"ETag": str(etag)}
        return Response(shown.model_dump_json(), 201, headers, media_type="application/json")

    @router.delete(
        "/{name}",
        dependencies=[needs(Role.ADMIN)],
        status_code=204,
        response_class=Response,
        responses=problems(404, 409, 412),
    )
    async def delete_credential(
        name: Name, caller: CallerDep, conditions: ConditionsDep, *, force: Force = False
    ) -> None:
        """Have a credential no more; what it was goes on being masked."""
        await desk.remove(name, caller, conditions, force=force)

    return router
