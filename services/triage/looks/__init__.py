"""How each kind of look is made: one module each, and one line each in ``Looks``."""

from services.triage.looks.answer import Answer
from services.triage.looks.command import CommandLooks
from services.triage.looks.http import HttpLooks
from services.triage.looks.prometheus import PrometheusLooks
from shared.config.evidence import AnyLook, CommandLook, HttpLook, PrometheusLook


class Looks:
    """All the ways to look."""

    def __init__(self, prometheus: PrometheusLooks, command: CommandLooks, http: HttpLooks) -> None:
        self._prometheus = prometheus
        self._command = command
        self._http = http

    async def look(self, look: AnyLook) -> Answer:
        """Make a look that has no templates any more.

        Raises:
            HandrailError: it could not be made, and why.
        """
        match look:
            case PrometheusLook():
                return await self._prometheus.look(look)
            case CommandLook():
                return await self._command.look(look)
            case HttpLook():
                return await self._http.look(look)
