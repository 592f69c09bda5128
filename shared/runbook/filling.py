"""A runbook's parameters, taken from an alert and from what was gathered about it."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from shared.errors import HandrailError
from shared.events import Alert
from shared.runbook.parameters import Param
from shared.runbook.quoting import ValueRefusedError, checked
from shared.runbook.runbook import Runbook
from shared.runbook.values import Value, WrongTypeError, text_of, typed

_PORT: Final = re.compile(r"(?:\[(?P<v6>[^\]]+)\]|(?P<host>[^:]+))(?::\d{1,5})?")
_SHOWN: Final = 80
_NOTHING: Final[Mapping[str, Any]] = {}


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


def fill(
    runbook: Runbook,
    alert: Alert,
    evidence: Mapping[str, Any] = _NOTHING,
    *,
    given: Mapping[str, Any] = _NOTHING,
    giver: str = "`with`",
    prefix: str = "",
) -> dict[str, Value]:
    """The values of the parameters; one that is optional and not there is left out.

    ``given`` is what another runbook passes, or a person says; it comes before the parameter's own
    origin. ``giver`` is what errors call that, and ``prefix`` stands before the names in them.

    Raises:
        UnfilledError: parameters are missing or are not what they are declared to be.
    """
    values: dict[str, Value] = {}
    unfilled: list[Unfilled] = []
    for name, param in runbook.content.params.items():
        found = given[name] if name in given else _origin(param, alert, evidence)
        try:
            value = usable(param, found)
        except WrongTypeError as wrong:
            unfilled.append(
                Unfilled(prefix + name, giver if name in given else _said(param), str(wrong))
            )
            continue
        if value is not None:
            values[name] = value
    if unfilled:
        raise UnfilledError(tuple(unfilled))
    return values


def origins(
    runbook: Runbook,
    alert: Alert,
    evidence: Mapping[str, Any] = _NOTHING,
    *,
    given: Collection[str] = (),
    prefix: str = "",
) -> dict[str, str]:
    """Where ``fill`` takes each parameter from, in words.

    ``given`` are the names that another runbook passes; ``prefix`` stands before the names.
    """
    params = runbook.content.params
    found = {prefix + name: _from(param, alert, evidence) for name, param in params.items()}
    return found | {prefix + name: f"`with` of {prefix[:-1]}" for name in given}


def _from(param: Param, alert: Alert, evidence: Mapping[str, Any]) -> str:
    if _origin(param, alert, evidence) in (None, "", []):
        return f"its default: {_missing(param)}" if param.origin else "its default"
    kind, _, key = (param.origin or "").partition(".")
    return f"{kind.removesuffix('s')} {key}" if key else f"the alert's {kind}"


def _said(param: Param) -> str:
    return param.origin or "its default"


def usable(param: Param, found: Any) -> Value | None:
    """The value that was found for a parameter, or None for one that may be missing and is.

    Raises:
        WrongTypeError: says what is wrong with it, or that it is missing.
    """
    if found is None or found in ("", []):
        if param.must_be_there:
            raise WrongTypeError(_missing(param))
        default: Value | None = param.default
        return default
    if param.strip_port and isinstance(found, str):
        found = without_port(found)
    try:
        value = typed(found, param.type, separator=param.separator)
    except WrongTypeError as wrong:
        raise WrongTypeError(f"{_shown(found)} {wrong}") from None
    if reason := _unusable(value, param):
        raise WrongTypeError(f"{_shown(value)} {reason}")
    return value


def _origin(param: Param, alert: Alert, evidence: Mapping[str, Any]) -> Any:
    kind, _, key = (param.origin or "").partition(".")
    match kind:
        case "":
            return None
        case "labels":
            return alert.labels.get(key)
        case "annotations":
            return alert.annotations.get(key)
        case "evidence":
            return fact(evidence, key)
    own: Mapping[str, str] = {
        "name": alert.name,
        "source": alert.source,
        "title": alert.title,
        "fingerprint": alert.fingerprint,
    }
    return own[kind]


def fact(evidence: Any, path: str) -> Any:
    """What evidence has under a name, or under names inside each other (``disk.var.free``)."""
    if not isinstance(evidence, Mapping):
        return None
    if path in evidence:
        return evidence[path]
    first, _, rest = path.partition(".")
    return fact(evidence.get(first), rest) if rest else None


def without_port(address: str) -> str:
    """``web-1:9100`` and ``[::1]:9100`` without the port; an address without one as it is."""
    found = _PORT.fullmatch(address)
    return (found["v6"] or found["host"]) if found else address


def _missing(param: Param) -> str:
    kind, _, key = (param.origin or "").partition(".")
    if kind == "evidence":
        return f"there is no evidence {key}"
    return f"the alert has no {kind.removesuffix('s')} {key}" if key else "the alert has none"


def _shown(value: Any) -> str:
    text = text_of(value) if isinstance(value, str | int | float | list) else str(value)
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")


def _unusable(value: Value, param: Param) -> str:
    for item in value if isinstance(value, list) else [text_of(value)]:
        try:
            checked(item)
        except ValueRefusedError as refused:
            return str(refused)
        if item.startswith("-") and not param.formed_by_author:
            remedy = "`min`" if param.is_number else "pattern"
            return f"would be read as an option: give the parameter a {remedy}"
    return param.wrong_with(value)
