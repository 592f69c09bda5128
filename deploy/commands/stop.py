"""``handrail stop``: let nothing run any more."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated

import typer

from deploy.connection import Place, storing
from deploy.output import AsJson, say, show_json
from deploy.person import person
from shared.policy.stop import Stop
from shared.policy.store import MongoStopSwitch

app = typer.Typer(add_completion=False)


@app.command()
def stop(
    *,
    reason: Annotated[str, typer.Option(help="Told to everybody whose ticket waits for it.")] = "",
    as_json: AsJson = False,
) -> None:
    """Stop everything: no plan is made and no ticket acted on until `handrail resume`."""
    # Whole seconds, which the store keeps as they are: the stop that counts may be an earlier one.
    now = datetime.now(UTC).replace(microsecond=0)
    asked = Stop(by=person(), at=now, reason=reason or "no reason was given")
    counts = asyncio.run(_stop(asked))
    if as_json:
        show_json(counts)
    elif counts == asked:
        say(f"Stopped: {counts}. `handrail resume` lets it go on.", style="red")
    else:
        say(f"It is stopped already: {counts}.", style="red")


async def _stop(asked: Stop) -> Stop:
    async with storing(Place.of()) as db:
        return await MongoStopSwitch(db).stop(asked)
