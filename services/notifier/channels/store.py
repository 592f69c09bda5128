"""Which messages stand in which chats, and which of them show what is no longer so."""

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

from pymongo.errors import DuplicateKeyError

from services.notifier.channels.post import Post, standing
from services.notifier.question import Question
from services.notifier.recipients import Status
from shared.config.channels import EMAIL
from shared.store import SCHEMA, Database, Document, expiring, seam

#: How many messages one look writes again.
BATCH: Final = 50
_LIVE: Final = {"live": True}
_LOOK_MS: Final = 5000
# Longer than any ticket stays open.
_KEPT: Final = timedelta(days=90)


class Incidents(Protocol):
    """Where it is known which incident elsewhere a ticket came from."""

    async def incident_of(self, ticket_id: UUID) -> str:
        """The ID of the incident in PagerDuty; empty where it came from none."""
        ...


@dataclass(frozen=True)
class Undelivered:
    """How many messages a channel did not deliver, and why it did not deliver the last one."""

    channel: str
    count: int
    at: datetime
    error: str


class Posts(Protocol):
    """Where it is kept what was posted."""

    async def prepare(self) -> None:
        """Make the indexes."""
        ...

    async def begin(self, post: Post) -> Post | None:
        """Store that a message is about to be posted; returns it if that was stored before."""
        ...

    async def posted(self, post_id: UUID, reference: str) -> None:
        """Store what the chat calls a message that it took."""
        ...

    async def find(self, post_id: UUID) -> Post | None: ...

    async def thread(self, post: Post) -> str:
        """The reference of the first message on the same ticket in the same place; none: empty.

        Of one that is in the thread of another message, it is that message's.
        """
        ...

    async def outdated(self) -> list[Post]:
        """Messages that show a question as it no longer stands, not all at once."""
        ...

    async def revised(self, post_id: UUID, question: Question | None) -> None:
        """Store how a message shows its question now; it is done with where there is none."""
        ...


@seam
class MongoIncidents:
    """See ``Incidents``."""

    def __init__(self, db: Database) -> None:
        self._tickets = db.get_collection("tickets")

    async def incident_of(self, ticket_id: UUID) -> str:
        wanted = {"alert.source": 1, "alert.labels.incident_id": 1, "alert.links.incident": 1}
        found = await self._tickets.find_one({"_id": ticket_id}, wanted)
        alert = (found or {}).get("alert", {})
        # A source may be called otherwise: what its incidents are is seen by their address.
        known = "pagerduty" in f"{alert.get('source', '')} {alert.get('links', {}).get('incident')}"
        return str(alert.get("labels", {}).get("incident_id", "")) if known else ""


@seam
class MongoLost:
    """What did not arrive; a look through what was told of late, for people who ask."""

    def __init__(self, db: Database) -> None:
        self._asked = db.get_collection("approvals")
        self._told = db.get_collection("notifications")

    async def since(self, since: datetime) -> list[Undelivered]:
        """By channel, in the order of their names."""
        found: dict[str, Undelivered] = {}
        for collection in (self._asked, self._told):
            async for each in collection.aggregate(_lost(since), maxTimeMS=_LOOK_MS):
                one = Undelivered(each["_id"] or EMAIL, each["count"], each["at"], each["error"])
                before = found.get(one.channel, one)
                last = max(one, before, key=lambda each: each.at)
                count = one.count + (before.count if one.channel in found else 0)
                found[one.channel] = replace(last, count=count)
        return [found[channel] for channel in sorted(found)]


def _lost(since: datetime) -> list[Document]:
    lost = {"$in": [Status.FAILED.value, Status.BOUNCED.value]}
    to = "recipients"
    return [
        {"$match": {"created_at": {"$gte": since}, f"{to}.status": lost}},
        {"$unwind": f"${to}"},
        {"$match": {f"{to}.status": lost}},
        {"$sort": {f"{to}.at": 1}},
        {
            "$group": {
                "_id": f"${to}.via",
                "count": {"$sum": 1},
                "at": {"$last": f"${to}.at"},
                "error": {"$last": f"${to}.error"},
            }
        },
    ]


@seam
class MongoPosts:
    """See ``Posts``."""

    def __init__(self, db: Database) -> None:
        self._posts = db.get_collection("posts")

    async def prepare(self) -> None:
        """Make the indexes."""
        await self._posts.create_index("live", name="live", partialFilterExpression=_LIVE)
        await self._posts.create_index([("ticket_id", 1), ("at", 1)], name="thread")
        await expiring(self._posts, "at", _KEPT)

    async def begin(self, post: Post) -> Post | None:
        document = {
            **post.model_dump(exclude={"id"}),
            "to": post.to.model_dump(mode="json"),
            "_id": post.id,
            "schema": SCHEMA,
        }
        with suppress(DuplicateKeyError):
            await self._posts.insert_one(document)
            return None
        return await self.find(post.id)

    async def posted(self, post_id: UUID, reference: str) -> None:
        await self._posts.update_one({"_id": post_id}, {"$set": {"reference": reference}})

    async def find(self, post_id: UUID) -> Post | None:
        found = await self._posts.find_one({"_id": post_id})
        return None if found is None else _post(found)

    async def thread(self, post: Post) -> str:
        place = {"to.via": post.to.via, "to.email": post.to.email}
        same = {"ticket_id": post.ticket_id, **place, "reference": {"$ne": ""}}
        first = await self._posts.find_one(same, {"reference": 1, "root": 1}, sort=[("at", 1)])
        return str(first.get("root") or first["reference"]) if first else ""

    async def outdated(self) -> list[Post]:
        return [_post(document) async for document in self._posts.aggregate(_OUTDATED)]

    async def revised(self, post_id: UUID, question: Question | None) -> None:
        changes: Document = {"live": False}
        if question is not None:
            changes = {"live": question.state == "pending", "shown": standing(question)}
        await self._posts.update_one({"_id": post_id}, {"$set": changes})


# The database compares, so that a look at many open questions of which none has changed reads none.
_OUTDATED: Final[list[Document]] = [
    {"$match": {**_LIVE, "reference": {"$ne": ""}}},
    {
        "$lookup": {
            "from": "approvals",
            "localField": "question_id",
            "foreignField": "_id",
            "pipeline": [{"$project": {"state": 1, "answers": {"$size": "$decisions"}}}],
            "as": "now",
        }
    },
    {"$set": {"now": {"$first": "$now"}}},
    {
        "$match": {
            "$expr": {
                "$ne": ["$shown", {"$concat": ["$now.state", ":", {"$toString": "$now.answers"}]}]
            }
        }
    },
    {"$limit": BATCH},
]


def _post(document: Document) -> Post:
    return Post.model_validate({**document, "id": document["_id"]})
