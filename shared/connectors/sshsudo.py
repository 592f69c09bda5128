"""Programs as another user: the password goes to sudo when it asks, and nowhere else."""

import asyncio
import shlex
from collections.abc import Sequence
from typing import Final

from shared.connectors.protocol import LoginRefusedError, TargetUnusableError
from shared.connectors.sshlogin import Login, SudoLogin
from shared.errors import PermanentError

_PROMPT: Final = b"\x1ehandrail-password\x1e"
_STARTED: Final = b"\x1ehandrail-started\x1e"
_ONLY_ASKED: Final = "sudo: a password is required"


def as_other(argv: Sequence[str], sudo: SudoLogin) -> Sequence[str]:
    """The program, run by sudo, which says on stderr when it asks and when it has let it start."""
    asking = ("-S", "-p", _PROMPT.decode()) if sudo.password is not None else ("-n",)
    said = f'printf %s {shlex.quote(_STARTED.decode())} >&2; exec "$@"'
    return ("sudo", *asking, "-H", "-u", sudo.user, "--", "sh", "-c", said, "sh", *argv)


class Dialogue:
    """What sudo says before the program starts. The password is told once, when it is asked for.

    ``over`` comes to true when the program has started, to false when sudo ended without that.
    """

    def __init__(self, login: Login, sudo: SudoLogin) -> None:
        self.over: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._login = login
        self._sudo = sudo
        self._said = b""
        self._asked = 0
        self._started = False

    def heard(self, data: bytes) -> tuple[bytes, bytes | None]:
        """What of this is the program's own, and what to answer: an empty answer ends it."""
        if self._started:
            return data, None
        self._said += data
        before, mark, own = self._said.partition(_STARTED)
        if mark:
            self._said, self._started = before, True
            self._end()
            return own, None
        asked = self._said.count(_PROMPT)
        if asked == self._asked:
            return b"", None
        self._asked = asked
        # Asked again, it was wrong: more attempts would only lock the account.
        first = asked == 1 and self._sudo.password is not None
        return b"", f"{self._sudo.password}\n".encode() if first else b""

    def ended(self) -> None:
        """The channel is closed."""
        self._end()

    def refusal(self) -> PermanentError:
        """What sudo has against the program, once it has ended without starting it."""
        said = self._said.replace(_PROMPT, b"").decode(errors="replace").strip()
        where = f"sudo on {self._login}"
        if self._asked > 1:
            return LoginRefusedError(
                f"{where} does not accept the password: check sudo.password of the target"
            )
        if _ONLY_ASKED in said:
            return LoginRefusedError(
                f"{where} asks for a password: give sudo.password in handrail.yaml, or let "
                f"{self._login.user} run sudo without one (NOPASSWD) there"
            )
        last = said.splitlines()[-1] if said else "it ended without a word"
        return TargetUnusableError(f"{where} runs nothing as {self._sudo.user}: {last}")

    def _end(self) -> None:
        if not self.over.done():
            self.over.set_result(self._started)
