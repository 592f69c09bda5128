"""A program in a container, over a websocket.

The subprotocols are ``v5.channel.k8s.io`` and ``v4.channel.k8s.io``: the first byte of a message is
its channel, and the last message is a ``Status`` with the exit code.
(https://kubernetes.io/docs/reference/generated/kubernetes-api, Pod exec; k8s.io/apimachinery
pkg/util/remotecommand)
"""

import json
from typing import Any, Final

import aiohttp

from shared.calls.kubernetes import Exec
from shared.connectors.kubernetes.api import Api
from shared.connectors.kubernetes.objects import Ref
from shared.connectors.protocol import TargetUnreachableError
from shared.connectors.underway import CallFailedError, Report

_PROTOCOLS: Final = ("v5.channel.k8s.io", "v4.channel.k8s.io")
_STDOUT: Final = 1
_STDERR: Final = 2
_STATUS: Final = 3
_CLOSED: Final = 255


async def execute(api: Api, call: Exec, report: Report) -> int:
    """Run the program to its end and give its exit code.

    Raises:
        CallRefusedError: the cluster does not start it.
        CallFailedError: the container runtime could not run it.
        TargetUnreachableError: the connection broke; the program may go on.
    """
    path = Ref.in_core("pods", call.namespace, call.pod).sub("exec")
    async with api.socket(path, _query(call), _PROTOCOLS) as socket:
        async for message in socket:
            status = await _taken(message, report)
            if status is not None:
                return _exit_code(status)
    reason = "the connection broke before the program ended; it may go on"
    raise TargetUnreachableError(reason, may_have_started=True)


def _query(call: Exec) -> list[tuple[str, str]]:
    said = [("command", word) for word in call.command]
    said += [("stdout", "true"), ("stderr", "true")]
    return [*said, ("container", call.container)] if call.container else said


async def _taken(message: aiohttp.WSMessage, report: Report) -> dict[str, Any] | None:
    """The status, if this message is the one that has it."""
    if message.type is not aiohttp.WSMsgType.BINARY or not message.data:
        return None
    channel, data = message.data[0], message.data[1:]
    if channel == _STDOUT:
        await report.write(data)
    elif channel == _STDERR:
        await report.complain(data)
    elif channel == _STATUS:
        status: dict[str, Any] = json.loads(data)
        return status
    return None


def _exit_code(status: dict[str, Any]) -> int:
    if status.get("status") == "Success":
        return 0
    for cause in (status.get("details") or {}).get("causes") or ():
        if cause.get("reason") == "ExitCode":
            return int(cause["message"])
    raise CallFailedError(f"it was not run: {status.get('message', '')}")
