"""A call as the request that is sent, and as people see it beforehand."""

import json
from base64 import b64encode
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from shared.calls.http import Delete, Get, Head, Patch, Post, Put
from shared.config.targets.http import ApiAuth, HttpTarget
from shared.masking import MASK

HttpCall = Get | Head | Post | Put | Patch | Delete
_SAFE: Final = ("GET", "HEAD")
_SHOWN: Final = 16_000


@dataclass(frozen=True)
class Request:
    """What goes over the wire; ``secret`` names the header that carries the credentials."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes = b""
    secret: str = ""

    @property
    def safe(self) -> bool:
        """Whether asking twice is asking once (RFC 9110, 9.2.1)."""
        return self.method in _SAFE

    def shown(self) -> str:
        """The whole request without the credentials; a long body is cut."""
        headers = (
            f"{name}: {MASK if name == self.secret else value}"
            for name, value in self.headers.items()
        )
        body = self.body.decode(errors="replace")
        if len(body) > _SHOWN:
            body = f"{body[:_SHOWN]}\n[{len(body) - _SHOWN} characters are left out here]"
        lines = [f"{self.method} {self.url}", *headers]
        return "\n".join([*lines, "", body] if body else lines)


def request_of(call: HttpCall, target: HttpTarget, key: str) -> Request:
    """The request of a call; ``key`` names it where doing it twice would matter.

    Raises:
        SettingsError: the credentials are not where they should be.
    """
    url = target.url + call.path
    if call.query:
        url += ("&" if "?" in call.path else "?") + urlencode(_form(call.query))
    headers = {"accept-encoding": "identity", "user-agent": "handrail"}
    body, kind = _body(call)
    if kind:
        headers["content-type"] = kind
    for name, value in call.headers.items():
        headers[name.lower()] = value
    if call.action not in _SAFE and key:
        headers["idempotency-key"] = key
    secret, credentials = _credentials(target.auth) if target.auth else ("", "")
    if secret:
        headers[secret] = credentials
    return Request(call.action, url, headers, body, secret)


def _body(call: HttpCall) -> tuple[bytes, str]:
    if isinstance(call, Get | Head):
        return b"", ""
    if "json_body" in call.model_fields_set:
        return json.dumps(call.json_body).encode(), "application/json"
    if call.form is not None:
        return urlencode(_form(call.form)).encode(), "application/x-www-form-urlencoded"
    if call.body is not None:
        return call.body.encode(), "text/plain; charset=utf-8"
    return b"", ""


def _form(fields: dict[str, str | int | float | bool]) -> dict[str, str]:
    """Booleans as programs write them."""
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in fields.items()
    }


def _credentials(auth: ApiAuth) -> tuple[str, str]:
    if auth.bearer is not None:
        return "authorization", f"Bearer {auth.bearer.read().get_secret_value()}"
    if auth.basic is not None:
        pair = f"{auth.basic.username}:{auth.basic.password.read().get_secret_value()}"
        return "authorization", f"Basic {b64encode(pair.encode()).decode()}"
    if auth.header is not None:
        return auth.header.name.lower(), auth.header.value.read().get_secret_value()
    return "", ""
