"""Writes on condition that something is still what somebody saw: ``If-Match``, by its ETag."""

from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, Header

from services.console.api.problem import Refusal

_ANY: Final = "*"
_MOST: Final = 1_000


@dataclass(frozen=True)
class Conditions:
    """What a request asks for before it may change anything; RFC 9110, section 13."""

    if_match: str | None = None
    if_none_match: str | None = None

    @property
    def are_there(self) -> bool:
        return self.if_match is not None or self.if_none_match is not None

    def check(self, etag: str | None) -> None:
        """See that they hold for what there is; ``etag`` is None where there is nothing.

        Raises:
            Refusal: they do not.
        """
        if self.if_match is not None and not _names(self.if_match, etag):
            raise changed(etag)
        if self.if_none_match is not None and _names(self.if_none_match, etag):
            raise changed(etag)


def changed(etag: str | None) -> Refusal:
    """Somebody else was there before."""
    if etag is None:
        return Refusal(412, "it is not there: somebody may have removed it")
    return Refusal(
        412, f"it is not what you saw: it has the ETag {etag} now", headers={"ETag": etag}
    )


def overtaken(conditions: Conditions) -> Refusal:
    """Somebody else was there between the look and the write."""
    status = 412 if conditions.are_there else 409
    return Refusal(status, "somebody else changed it at the same time: look at it again")


def _names(condition: str, etag: str | None) -> bool:
    tags = [each.strip() for each in condition.split(",")]
    return etag is not None and (_ANY in tags or etag in tags)


async def _conditions(
    if_match: Annotated[
        str | None, Header(max_length=_MOST, description="Only if it still has this ETag.")
    ] = None,
    if_none_match: Annotated[
        str | None, Header(max_length=_MOST, description="`*`: only if it is not there yet.")
    ] = None,
) -> Conditions:
    return Conditions(if_match, if_none_match)


#: For the parameters of routes that change something.
ConditionsDep = Annotated[Conditions, Depends(_conditions)]
