"""What is asked of objects in JMESPath, with the values that a runbook gives beside them."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.functions import Functions, signature

from shared.connectors.underway import CallRefusedError

_QUANTITY: Final = re.compile(r"([0-9.]+(?:[eE][+-]?[0-9]+)?)(n|u|m|k|M|G|T|P|E|[KMGTPE]i)?")
#: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
_UNITS: Final = {
    **{unit: 10.0**power for unit, power in (("n", -9), ("u", -6), ("m", -3), ("k", 3))},
    **{unit: 10.0 ** (3 * nth) for nth, unit in enumerate("MGTPE", 2)},
    **{f"{unit}i": 1024.0**nth for nth, unit in enumerate("KMGTPE", 1)},
}


def asked(expression: str, found: Mapping[str, Any], given: Mapping[str, Any]) -> Any:
    """What an expression comes to; it sees ``given`` beside an object, and in each of a list.

    Raises:
        CallRefusedError: it cannot be worked out, as when something in it is no number.
    """
    known = {**found, "given": given}
    if isinstance(found.get("items"), list):
        known["items"] = [{**one, "given": given} for one in found["items"]]
    try:
        return jmespath.search(expression, known, _options())
    except JMESPathError as error:
        reason = str(error).splitlines()[0]
        raise CallRefusedError(f"cannot be worked out: {expression}: {reason}") from error


def _options() -> jmespath.Options:
    return jmespath.Options(custom_functions=_Functions(datetime.now(UTC)))


class _Functions(Functions):
    """Beside those of JMESPath: ``age(time)`` in seconds, and ``quantity('64Mi')`` as a number."""

    def __init__(self, now: datetime) -> None:
        super().__init__()
        self._now = now

    @signature({"types": ["string"]})
    def _func_age(self, time: str) -> float | None:
        try:
            return (self._now - datetime.fromisoformat(time)).total_seconds()
        except (TypeError, ValueError):
            return None

    @signature({"types": ["string"]})
    def _func_quantity(self, text: str) -> float | None:
        found = _QUANTITY.fullmatch(text)
        return None if found is None else float(found[1]) * _UNITS.get(found[2], 1.0)
