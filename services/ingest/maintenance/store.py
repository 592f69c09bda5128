"""Maintenance windows that were made while Handrail runs, and the tickets that windows suppress."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog
from pydantic import ValidationError
from pymongo import DESCENDING
from pymongo.errors import DuplicateKeyError

from services.ingest.maintenance.stored import NameTakenError, NoSuchWindowError, StoredWindow
from services.ingest.maintenance.suppressed import Suppressed
from services.ingest.reopening import FIRES, note_announced, said_in
from services.ingest.ruling import Quiet
from shared.config.maintenance import MaintenanceWindow
from shared.lifecycle import TicketState
from shared.store import RELAXED, SCHEMA, Database, Document, expiring, seam

log = structlog.get_logger(__name__)

#: How long a window is kept after its end, for those who ask why a ticket was suppressed.
KEPT: Final = timedelta(days=90)
_SAID: Final = ("name", "reason", "when", "matchers", "all", "starts", "ends")


@seam
class MongoWindows:
    """Windows in MongoDB; the name of one that is not over is unique."""

    def __init__(self, db: Database) -> None:
        self._windows = db.get_collection("maintenance")

    async def prepare(self) -> None:
        """Make the indexes; changes nothing where they are."""
        await self._windows.create_index("open_name", unique=True, sparse=True, name="open_name")
        await expiring(self._windows, "ends", KEPT)

    async def add(self, window: StoredWindow) -> None:
        """Keep a window.

        Raises:
            NameTakenError: another one that is not over has its name.
        """
        await self._windows.update_many(
            {"ends": {"$lte": window.created_at}}, {"$unset": {"open_name": ""}}
        )
        said = window.said.model_dump(include=set(_SAID))
        try:
            await self._windows.insert_one(
                {
                    **said,
                    "_id": window.id,
                    "schema": SCHEMA,
                    "open_name": window.said.name,
                    "matchers": list(window.said.matchers),
                    "by": window.by,
                    "created_at": window.created_at,
                }
            )
        except DuplicateKeyError as error:
            raise NameTakenError(
                f"there is a maintenance window {window.said.name!r} already: "
                "end it, or give this one another name"
            ) from error

    async def current(self, now: datetime) -> list[StoredWindow]:
        """Those that go on or come, the newest first."""
        return await self._found({"ends": {"$gt": now}, "ended_at": None})

    async def latest(self, most: int) -> list[StoredWindow]:
        """The newest ones, also such as are over."""
        return await self._found({}, most)

    async def end(self, chosen: str, at: datetime, by: str) -> StoredWindow:
        """End a window, by its name, its id or how that begins.

        Raises:
            NoSuchWindowError: there is none, or several.
        """
        current = await self.current(at)
        named = [one for one in current if one.said.name == chosen]
        found = named or [
            one for one in current if chosen and str(one.id).startswith(chosen.lower())
        ]
        if len(found) != 1:
            raise NoSuchWindowError(_not_one(chosen, found))
        await self._windows.update_one(
            {"_id": found[0].id, "ended_at": None},
            {"$set": {"ended_at": at, "ended_by": by}, "$unset": {"open_name": ""}},
        )
        return _window(await self._windows.find_one({"_id": found[0].id}) or {})

    async def _found(self, query: Document, most: int = 0) -> list[StoredWindow]:
        cursor = self._windows.find(query).sort("created_at", DESCENDING).limit(most)
        found = []
        async for document in cursor:
            try:
                found.append(_window(document))
            except ValidationError as error:
                # A newer version may have written what this one does not know.
                log.exception("maintenance.window_refused", id=str(document["_id"]), error=error)
        return found


@seam
class MongoSuppressed:
    """The tickets that were opened closed in a window, until they are looked at after its end."""

    def __init__(self, db: Database) -> None:
        self._tickets = db.get_collection("tickets")
        self._relaxed = self._tickets.with_options(write_concern=RELAXED)

    async def suppressed(self, due: datetime | None = None) -> AsyncIterator[Suppressed]:
        """Those whose window was to be over at ``due``, or all of them."""
        until = {"$lte": due} if due is not None else {"$exists": True}
        query = {"suppressed.until": until, "state": TicketState.CLOSED.value}
        async for ticket in self._tickets.find(query):
            yield _suppressed(ticket)

    async def prolong(self, one: Suppressed, quiet: Quiet) -> None:
        """Its window is another one, or ends at another time."""
        said = {"window": quiet.window, "reason": quiet.reason, "until": quiet.until}
        await self._tickets.update_one(_as_seen(one), {"$set": {"suppressed": said}})

    async def let_go(self, one: Suppressed) -> bool:
        """Its window is over and so is its problem: it stays closed, and alerts open another one.

        False where it has changed meanwhile.
        """
        change = {
            "$set": {"was_suppressed": _said(one)},
            "$unset": {"suppressed": "", "open_fingerprint": ""},
        }
        result = await self._tickets.update_one({**_as_seen(one), "firing": []}, change)
        return bool(result.modified_count)

    async def reopen(self, one: Suppressed, now: datetime) -> bool:
        """Its window is over and its problem is not; False where it has changed meanwhile."""
        gone = ("suppressed", "closed_at", "resolved_at")
        change = one.reopen(now, without=gone, was_suppressed=_said(one))
        result = await self._tickets.update_one({**_as_seen(one), **FIRES}, change)
        return bool(result.modified_count)

    async def announced(self, ticket_ids: Sequence[UUID]) -> None:
        """The stream has their reopening."""
        await note_announced(self._relaxed, ticket_ids)


def _as_seen(one: Suppressed) -> Document:
    """The ticket, where it stands as it did."""
    return {
        **one.as_seen,
        "state": TicketState.CLOSED.value,
        "suppressed.window": one.quiet.window,
        "suppressed.until": one.quiet.until,
    }


def _said(one: Suppressed) -> Document:
    return {"window": one.quiet.window, "reason": one.quiet.reason, "until": one.quiet.until}


def _suppressed(ticket: Document) -> Suppressed:
    said = ticket["suppressed"]
    quiet = Quiet(window=said["window"], reason=said["reason"], until=said["until"])
    return Suppressed(quiet=quiet, firing=bool(ticket.get("firing")), **said_in(ticket))


def _window(document: Document) -> StoredWindow:
    return StoredWindow(
        id=document["_id"],
        said=MaintenanceWindow.model_validate({name: document.get(name) for name in _SAID}),
        by=document["by"],
        created_at=document["created_at"],
        ended_at=document.get("ended_at"),
        ended_by=document.get("ended_by"),
    )


def _not_one(chosen: str, found: Sequence[StoredWindow]) -> str:
    if not found:
        return (
            f"there is no maintenance window {chosen!r} that could be ended here: what is in "
            "handrail.yaml is ended there, and `handrail maintenance list` shows both"
        )
    ids = ", ".join(str(one.id) for one in found)
    return f"more than one maintenance window begins with {chosen!r}: {ids}"
