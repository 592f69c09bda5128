"""How each kind of check is looked at: one module each, and one line each in ``looker``."""

from services.verifier.looks.command import CommandLook
from services.verifier.looks.http import HttpLook
from services.verifier.looks.prometheus import PrometheusLook
from services.verifier.looks.sql import SqlLook
from services.verifier.watch import Observation
from shared.events import Check, CommandCheck, HttpCheck, PrometheusCheck, SqlCheck


class Looks:
    """All the ways to look."""

    def __init__(
        self, http: HttpLook, command: CommandLook, prometheus: PrometheusLook, sql: SqlLook
    ) -> None:
        self._http = http
        self._command = command
        self._sql = sql
        self._prometheus = prometheus

    async def look(self, check: Check) -> Observation:
        """Look once. What cannot be reached or is wrong is an observation too: it is not true."""
        match check:
            case HttpCheck():
                return await self._http.look(check)
            case CommandCheck():
                return await self._command.look(check)
            case SqlCheck():
                return await self._sql.look(check)
            case PrometheusCheck():
                return await self._prometheus.look(check)
