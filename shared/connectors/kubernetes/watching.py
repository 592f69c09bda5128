"""Waiting until an object is as wanted, by a list and a watch from there on."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing, suppress
from typing import Any, Final

from shared.connectors.kubernetes.api import Api
from shared.connectors.kubernetes.objects import Ref
from shared.connectors.protocol import TargetUnreachableError
from shared.connectors.underway import CallFailedError, Progress, Report

_PAUSE: Final = 0.5
_WATCHED: Final = {"MODIFIED", "ADDED", "DELETED"}

#: Judges an object, or that there is none.
Judge = Callable[[Mapping[str, Any] | None], Progress]


async def until(api: Api, ref: Ref, judge: Judge, report: Report) -> None:
    """Wait until the judge says that it is done, and tell what it says meanwhile.

    Raises:
        CallFailedError: the judge says that it failed.
    """
    said = ""
    async with aclosing(_seen(api, ref)) as seen:
        async for found in seen:
            progress = judge(found)
            if progress.failed:
                raise CallFailedError(f"{ref}: {progress.says}")
            if progress.says != said:
                said = progress.says
                await report.say(f"{ref}: {said}")
            if progress.done:
                return


async def _seen(api: Api, ref: Ref) -> AsyncGenerator[Mapping[str, Any] | None, None]:
    """The object as it is now, and whenever it changes; None when it is gone."""
    only = {"fieldSelector": f"metadata.name={ref.name}"}
    while True:
        listed = await api.get(ref.collection, **only)
        items = listed.get("items") or [None]
        yield items[0]
        version = listed.get("metadata", {}).get("resourceVersion", "")
        watch = {**only, "watch": "true", "resourceVersion": version, "timeoutSeconds": "300"}
        # Listing again waits for the cluster as long as that is worth while.
        with suppress(TargetUnreachableError):
            async for event in api.events(ref.collection, watch):
                if event["type"] not in _WATCHED:
                    break
                yield None if event["type"] == "DELETED" else event["object"]
        # A version that is too old, or a server that ends each watch at once.
        await asyncio.sleep(_PAUSE)
