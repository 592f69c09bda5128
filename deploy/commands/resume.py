"""``handrail resume``: let everything go on after ``handrail stop``."""

import asyncio

import typer

from deploy.connection import Place, storing
from deploy.output import AsJson, say, show_json
from shared.policy.stop import Stop
from shared.policy.store import MongoStopSwitch

app = typer.Typer(add_completion=False)


@app.command()
def resume(*, as_json: AsJson = False) -> None:
    """Let everything go on; tickets that were escalated meanwhile stay with people."""
    over = asyncio.run(_resume())
    if as_json:
        show_json({"was_stopped": over is not None, "stop": over})
    elif over is None:
        say("It was not stopped.")
    else:
        say(f"It goes on. It was stopped: {over}.", style="green")


async def _resume() -> Stop | None:
    async with storing(Place.of()) as db:
        return await MongoStopSwitch(db).resume()
