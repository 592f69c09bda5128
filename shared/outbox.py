"""Events that are stored in one write with the change they tell of, and published after it.

A service that acts on a message has that message as its outbox: it is acknowledged last. What has
no message behind it (a click, a timer, a command that ended) keeps its events in the changed
document itself, under ``outbox``, until the stream has them. A sweep publishes what a crash left.
"""

from collections.abc import AsyncIterator, Iterable
from datetime import timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

import structlog
from pydantic import ValidationError

from shared.bus import Publish
from shared.errors import UnavailableError
from shared.events import CATALOG, Event
from shared.store import RELAXED, Collection, Document, seam
from shared.telemetry import continued

log = structlog.get_logger(__name__)

#: How long a document may hold an event before somebody else than its writer publishes it.
OVERDUE: Final = timedelta(seconds=2)
INDEX: Final = "outbox_at"

_BY_SUBJECT: Final = {event.subject: event for event in CATALOG}


def kept(events: Iterable[Event], *, traceparent: str) -> list[Document]:
    """Events as they stand in a document; ``traceparent`` is the trace that they belong to."""
    return [
        {
            "id": event.id,
            "subject": event.subject,
            "trace": traceparent,
            "event": event.model_dump(mode="json"),
        }
        for event in events
    ]


def push(events: Iterable[Event], *, traceparent: str) -> Document:
    """The part of an update that adds events to a document's outbox."""
    entries = kept(events, traceparent=traceparent)
    if not entries:
        return {}
    return {"$push": {"outbox": {"$each": entries}}, "$currentDate": {INDEX: True}}


def put(update: Document, entries: list[Document], *, instead: bool) -> None:
    """Have an update keep these events too, or ``instead`` of those that the document has."""
    if instead:
        update.setdefault("$set", {})["outbox"] = entries
    elif entries:
        update["$push"] = {"outbox": {"$each": entries}}
    if entries:
        update["$currentDate"] = {INDEX: True}
    elif instead:
        update.setdefault("$unset", {})[INDEX] = ""


@seam
class Outbox:
    """The outboxes in the documents of one collection.

    ``lazily`` leaves it to ``settle`` to take out what is published: then many are taken out in one
    write, or by the next change of their document. What a crash keeps from that is published again,
    under the same id.
    """

    def __init__(self, collection: Collection, publish: Publish, *, lazily: bool = False) -> None:
        self._collection = collection.with_options(write_concern=RELAXED)
        self._publish = publish
        self._lazily = lazily
        self._published: dict[Any, list[Any]] = {}

    async def prepare(self) -> None:
        """Make the index that the sweep needs."""
        await self._collection.create_index(INDEX, sparse=True, name="outbox")

    async def flush(self, document_id: Any, entries: list[Document]) -> None:
        """Publish what a document keeps, then take it out of the document.

        Raises:
            UnavailableError: the bus or the store is away; what is left is found by the sweep.
        """
        ids = []
        for trace, of_trace in groupby(entries, key=itemgetter("trace")):
            events = {entry["id"]: _revived(entry) for entry in of_trace}
            known = [event for event in events.values() if event is not None]
            with continued(trace):
                await self._publish(*known)
            ids += [id_ for id_, event in events.items() if event is not None]
        if not ids:
            return
        if self._lazily:
            self._published.setdefault(document_id, []).extend(ids)
        else:
            await self._collection.update_one({"_id": document_id}, _without(ids))

    def replaced(self, document_id: Any) -> None:
        """Know that a change put other events in place of those that are published."""
        self._published.pop(document_id, None)

    async def settle(self) -> None:
        """Take out of their documents what was published since the last time.

        Raises:
            UnavailableError: the store is away; the sweep publishes them again, and takes them out.
        """
        published, self._published = self._published, {}
        if published:
            ids = [id_ for of_document in published.values() for id_ in of_document]
            await self._collection.update_many({"_id": {"$in": list(published)}}, _without(ids))

    async def sweep(self) -> int:
        """Publish what was left behind; how many documents had something to say."""
        found, away = 0, None
        async for document in self._overdue():
            try:
                await self.flush(document["_id"], document["outbox"])
            except UnavailableError as error:
                # One that cannot be told must not keep the others from being told.
                log.warning("outbox.not_told", document_id=str(document["_id"]), reason=str(error))
                away = error
            found += 1
        if away is not None:
            raise away
        return found

    async def _overdue(self) -> AsyncIterator[Document]:
        late = {"$subtract": ["$$NOW", int(OVERDUE.total_seconds() * 1000)]}
        query = {INDEX: {"$exists": True}, "$expr": {"$lt": [f"${INDEX}", late]}}
        async for document in self._collection.find(query, {"outbox": 1}).limit(500):
            yield document


def _without(ids: list[Any]) -> list[Document]:
    """The update that takes these events out."""
    others = {"$filter": {"input": "$outbox", "cond": {"$not": {"$in": ["$$this.id", ids]}}}}
    at = {"$cond": [{"$eq": ["$outbox", []]}, "$$REMOVE", f"${INDEX}"]}
    return [{"$set": {"outbox": others}}, {"$set": {INDEX: at}}]


def _revived(entry: Document) -> Event | None:
    """A kept event; none where a newer version wrote it, which then publishes it itself."""
    try:
        return _BY_SUBJECT[entry["subject"]].model_validate(entry["event"])
    except (KeyError, ValidationError):
        log.exception("outbox.unreadable", event_id=str(entry["id"]), kind=entry["subject"])
        return None
