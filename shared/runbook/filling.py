"""A runbook's parameters, taken from an alert."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from shared.errors import HandrailError
from shared.events import Alert
from shared.runbook.library import Runbook
from shared.runbook.model import Param
from shared.runbook.quoting import ValueRefusedError, checked

_PORT: Final = re.compile(r"(?:\[(?P<v6>[^\]]+)\]|(?P<host>[^:]+))(?::\d{1,5})?")
_SHOWN: Final = 80


@dataclass(frozen=True)
class Unfilled:
    """A parameter without a usable value; ``origin`` is where it should have come from."""

    name: str
    origin: str
    reason: str

    def __str__(self) -> str:
        return f"parameter {self.name} (from {self.origin}): {self.reason}"


class UnfilledError(HandrailError):
    """An alert does not have what a runbook needs; ``unfilled`` has every such parameter."""

    def __init__(self, unfilled: tuple[Unfilled, ...]) -> None:
        super().__init__("; ".join(str(one) for one in unfilled))
        self.unfilled = unfilled


def fill(runbook: Runbook, alert: Alert) -> dict[str, str]:
    """The values of the parameters; one that is optional and not there is left out.

    Raises:
        UnfilledError: parameters are missing or are not what their patterns allow.
    """
    values: dict[str, str] = {}
    unfilled: list[Unfilled] = []
    for name, param in runbook.content.params.items():
        value = _value(param, alert)
        reason = _missing(param) if value is None else _unusable(value, param)
        if reason:
            unfilled.append(Unfilled(name, param.origin or "its default", reason))
        elif value is not None:
            values[name] = value
    if unfilled:
        raise UnfilledError(tuple(unfilled))
    return values


def _value(param: Param, alert: Alert) -> str | None:
    found = _origin(param.origin, alert) if param.origin else ""
    if not found:
        return param.default
    return without_port(found) if param.strip_port else found


def _origin(origin: str, alert: Alert) -> str:
    kind, _, key = origin.partition(".")
    own: Mapping[str, str] = {
        "name": alert.name,
        "source": alert.source,
        "title": alert.title,
        "fingerprint": alert.fingerprint,
    }
    match kind:
        case "labels":
            return alert.labels.get(key, "")
        case "annotations":
            return alert.annotations.get(key, "")
    return own[kind]


def without_port(address: str) -> str:
    """``web-1:9100`` and ``[::1]:9100`` without the port; an address without one as it is."""
    found = _PORT.fullmatch(address)
    return (found["v6"] or found["host"]) if found else address


def _missing(param: Param) -> str:
    if not param.must_be_there:
        return ""
    kind, _, key = (param.origin or "").partition(".")
    return f"the alert has no {kind.removesuffix('s')} {key}" if key else "the alert has none"


def _unusable(value: str, param: Param) -> str:
    shown = repr(value if len(value) <= _SHOWN else value[:_SHOWN] + "…")
    try:
        checked(value)
    except ValueRefusedError as refused:
        return f"{shown} {refused}"
    if param.pattern is not None:
        fits = re.fullmatch(param.pattern, value)
        return "" if fits else f"{shown} is not what its pattern allows ({param.pattern})"
    if value.startswith("-"):
        return f"{shown} would be read as an option: give the parameter a pattern"
    return ""
