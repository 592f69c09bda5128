"""``handrail doctor``: what is configured, reachable, wrong."""

import asyncio
import os
from dataclasses import asdict

import typer

from deploy.doctor import examine
from deploy.finding import Level
from deploy.output import AsJson, add, colored, console, show_json, table

app = typer.Typer(add_completion=False)


@app.command()
def doctor(*, as_json: AsJson = False) -> None:
    """Say what is configured, what can be reached, and what is wrong (then it ends with 1)."""
    findings = asyncio.run(examine(os.environ))
    wrong = [finding for finding in findings if finding.level is Level.WRONG]
    if as_json:
        show_json({"ok": not wrong, "findings": [asdict(finding) for finding in findings]})
    else:
        shown = table("", "what", "")
        for finding in findings:
            add(shown, colored(finding.level), finding.what, finding.told)
        console().print(shown)
    if wrong:
        raise typer.Exit(1)
