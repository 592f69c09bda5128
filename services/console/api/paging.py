"""Lists in pages: where the next one begins is told by a cursor, which is nobody's to read."""

import binascii
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Annotated, Any, Final, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field

from services.console.api.problem import Refusal, Wrong, misunderstood

_MOST: Final = 200
_CURSOR_MOST: Final = 2_000

T = TypeVar("T")

Limit = Annotated[int, Query(ge=1, le=_MOST, description="At most so many.")]
Cursor = Annotated[
    str | None, Query(max_length=_CURSOR_MOST, description="The `next` of the page before.")
]


class Page(BaseModel, Generic[T]):
    """A part of a list; `next` is the cursor of the part behind it, where there is one."""

    model_config = ConfigDict(frozen=True)

    items: tuple[T, ...]
    next: Annotated[str | None, Field(description="Null at the end.")] = None


def written(place: Any) -> str:
    """A place in a list, as a cursor."""
    return urlsafe_b64encode(json.dumps(place, separators=(",", ":")).encode()).decode()


def place_of(cursor: str) -> Any:
    """The place again.

    Raises:
        Refusal: it is no cursor.
    """
    try:
        return json.loads(urlsafe_b64decode(cursor.encode()))
    except (ValueError, binascii.Error, RecursionError):
        raise no_cursor() from None


def no_cursor() -> Refusal:
    """What was sent is not the ``next`` of this list."""
    return misunderstood(Wrong(where="query.cursor", told="this is no `next` of this list"))


def page(named: Mapping[str, T], limit: int, cursor: str | None) -> Page[T]:
    """A page of what has names, in their order."""
    after = place_of(cursor) if cursor is not None else ""
    if not isinstance(after, str):
        raise no_cursor()
    names = [name for name in sorted(named) if name > after]
    shown = names[:limit]
    more = written(shown[-1]) if len(names) > limit else None
    return Page(items=tuple(named[name] for name in shown), next=more)
