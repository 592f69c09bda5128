"""PowerShell scripts on Windows hosts, each under a claim, as commands are."""

import re
from dataclasses import replace
from datetime import timedelta
from typing import Final

from shared.connectors.protocol import Connector, DryRun, Ended, Job, Lost, OnOutput
from shared.connectors.script import Script

# PowerShell takes these for a quote as well as the plain one; each stands twice for itself.
_QUOTES: Final = re.compile("['\u2018\u2019\u201a\u201b]")
_TWICE: Final = r"\g<0>\g<0>"


class PowerShellScripts:
    """Scripts on a host whose commands another connector runs; closing is that one's affair."""

    def __init__(self, host: Connector) -> None:
        self._host = host

    async def run(self, job: Job, *, on_output: OnOutput | None = None) -> Ended | Lost:
        """See ``Connector.run``.

        Raises:
            ScriptRefusedError: the job's text is no PowerShell script.
        """
        return await self._host.run(_as_command(job), on_output=on_output)

    async def reattach(self, job: Job, *, on_output: OnOutput | None = None) -> Ended | Lost | None:
        return await self._host.reattach(_as_command(job), on_output=on_output)

    async def read(self, command: str, *, timeout: timedelta) -> Ended:  # noqa: ASYNC109 kept at the target
        return await self._host.read(_called(command), timeout=timeout)

    async def dry_run(self, job: Job) -> DryRun | None:
        """A script has none; one that is no script is refused before anybody is asked."""
        _called(job.command)
        return None

    async def cancel(self, key: str) -> bool:
        return await self._host.cancel(key)

    async def close(self) -> None:
        """Nothing of its own."""


def _as_command(job: Job) -> Job:
    return replace(job, command=_called(job.command))


def _called(text: str) -> str:
    """The script as a block that is called with its arguments, each a string as it stands."""
    script = Script.parsed(text, known=("powershell",))
    arguments = "".join(f" '{_QUOTES.sub(_TWICE, each)}'" for each in script.arguments)
    return f"& {{\n{script.source}\n}}{arguments}\n"
