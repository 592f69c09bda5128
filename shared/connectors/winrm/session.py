"""PowerShell on a Windows host: a script goes out with what it is to do, one answer comes back."""

import asyncio
import json
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final, cast

import requests
from pypsrp.exceptions import AuthenticationError, WinRMError, WinRMTransportError
from pypsrp.shell import Process, SignalCode, WinRS
from pypsrp.wsman import WSMan

from shared.config.targets.winrm import WinrmTarget
from shared.connectors.protocol import (
    LoginRefusedError,
    TargetUnreachableError,
    TargetUnusableError,
)

#: Calls at a time; a host allows 30 shells to a user unless it was told otherwise.
AT_ONCE: Final = 8
CONNECT_TIMEOUT: Final = timedelta(seconds=5)
#: How long the host may hold a request before it answers that nothing has come.
OPERATION: Final = timedelta(seconds=20)

_SCRIPTS: Final = Path(__file__).parent / "scripts"
_MARK: Final = b"handrail:"
_UTF8: Final = 65001
_OPTIONS: Final = ("-NoProfile", "-NonInteractive", "-ExecutionPolicy", "Bypass")
_REFUSED: Final = (401, 403)
# Everything is said in base64: no code page of the host changes it, no command line is too long.
_BOOTSTRAP: Final = """\
$text = [Text.Encoding]::UTF8.GetString([Convert]::FromBase64String(($input | Out-String).Trim()))
$h = ConvertFrom-Json $text
. ([ScriptBlock]::Create($h.script))
"""


@dataclass(frozen=True)
class Access:
    """Where to log in, as whom, with what; ``verify`` is a file of CAs, or True for the usual."""

    host: str
    port: int
    user: str
    auth: str
    verify: str | bool = True
    password: str = field(default="", repr=False)

    @classmethod
    def of(cls, target: WinrmTarget) -> "Access":
        """Read the secret.

        Raises:
            SettingsError: it is not where it should be.
        """
        return cls(
            host=target.host,
            port=target.port,
            user=target.user,
            auth=target.auth,
            verify=True if target.ca is None else str(target.ca),
            password=target.password.read().get_secret_value(),
        )

    def __str__(self) -> str:
        return f"{self.user}@{self.host}:{self.port}"


class PowerShell:
    """Scripts on one host, each in a shell of its own and in a thread."""

    def __init__(self, access: Access) -> None:
        self.access = access
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def ask(self, name: str, **fields: Any) -> dict[str, Any]:
        """Run a script with these fields and return what it answers.

        Raises:
            TargetUnreachableError: the host does not answer, or not to the end.
            LoginRefusedError: it does not accept the credentials.
            TargetUnusableError: its certificate is not trusted, or it runs no PowerShell.
        """
        sent = {"action": name, "script": _script(name), **fields}
        async with self._slots:
            return await asyncio.to_thread(self._asked, json.dumps(sent).encode())

    def _asked(self, sent: bytes) -> dict[str, Any]:
        try:
            output = self._run(b64encode(sent))
        except requests.exceptions.SSLError as error:
            raise TargetUnusableError(
                f"{self.access} shows a certificate that is not trusted: give the CA's file as ca "
                f"of this target, or mend the certificate: {_told(error)}"
            ) from error
        except AuthenticationError as error:
            raise self._refused() from error
        except WinRMTransportError as error:
            if error.code in _REFUSED:
                raise self._refused() from error
            raise self._lost(error, may_have_started=True) from error
        except requests.exceptions.ConnectTimeout as error:
            raise self._lost(error, may_have_started=False) from error
        except requests.exceptions.ConnectionError as error:
            raise self._lost(error, may_have_started=not _never_connected(error)) from error
        except (requests.exceptions.RequestException, WinRMError, OSError) as error:
            raise self._lost(error, may_have_started=True) from error
        return self._answer(output)

    def _run(self, stdin: bytes) -> Process:
        access = self.access
        wsman = WSMan(
            access.host,
            port=access.port,
            username=access.user,
            password=access.password,
            auth=access.auth,
            ssl=True,
            # It is handed on to requests, which takes a file as well.
            cert_validation=cast("bool", access.verify),
            encryption="never",
            no_proxy=True,
            operation_timeout=int(OPERATION.total_seconds()),
            connection_timeout=int(CONNECT_TIMEOUT.total_seconds()),
            read_timeout=int(OPERATION.total_seconds()) + 10,
        )
        encoded = b64encode(_BOOTSTRAP.encode("utf-16-le")).decode()
        with wsman, WinRS(wsman, codepage=_UTF8, no_profile=True) as shell:
            process = Process(
                shell,
                "powershell.exe",
                [*_OPTIONS, "-EncodedCommand", encoded],
            )
            process.begin_invoke()
            for at in range(0, len(stdin), wsman.max_payload_size):
                piece = stdin[at : at + wsman.max_payload_size]
                process.send(piece, end=at + len(piece) == len(stdin))
            process.end_invoke()
            with suppress(WinRMError):
                # The host forgets the command itself when the shell is closed.
                process.signal(SignalCode.TERMINATE)
        return process

    def _answer(self, process: Process) -> dict[str, Any]:
        for line in process.stdout.splitlines():
            if line.startswith(_MARK):
                with suppress(ValueError, Base64Error):
                    answer = json.loads(b64decode(line.removeprefix(_MARK)))
                    if isinstance(answer, dict):
                        return answer
        said = process.stderr.decode(errors="replace").strip() or "it said nothing"
        raise TargetUnusableError(f"{self.access} runs no PowerShell as it should: {said[:500]}")

    def _refused(self) -> LoginRefusedError:
        return LoginRefusedError(
            f"{self.access} does not accept this password by {self.access.auth}: check the "
            "target's user, password and auth in handrail.yaml"
        )

    def _lost(self, error: Exception, *, may_have_started: bool) -> TargetUnreachableError:
        reason = f"{self.access} cannot be reached: {_told(error)}"
        return TargetUnreachableError(reason, may_have_started=may_have_started)


@cache
def _script(name: str) -> str:
    return "\n".join(
        (_SCRIPTS / f"{part}.ps1").read_text(encoding="utf-8") for part in ("common", name)
    )


@cache
def wrapper() -> str:
    """What runs the command on the host, as the text of a file there."""
    return (_SCRIPTS / "wrap.ps1").read_text(encoding="utf-8")


def _never_connected(error: requests.exceptions.ConnectionError) -> bool:
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    return type(reason).__name__ == "NewConnectionError"


def _told(error: Exception) -> str:
    return str(error)[:500] or type(error).__name__
