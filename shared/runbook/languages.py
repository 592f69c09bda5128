"""What the templates of a step make: each connector has a language for what is run."""

from collections.abc import Mapping
from typing import Final

from shared.runbook.placing import CallOf, Kind

_TITLES: Final[Mapping[str, Kind]] = {
    "title": Kind.TEXT,
    "expects": Kind.TEXT,
    "target": Kind.NAME,
}
_ACTIONS: Final = frozenset({"run", "check", "rollback"})
_LANGUAGES: Final[Mapping[str, Kind]] = {
    "ssh": Kind.COMMAND,
    "local": Kind.COMMAND,
    "winrm": Kind.POWERSHELL,
    "script": Kind.SCRIPT,
    "sql": Kind.SQL,
}
#: The fields of a step that are templates.
FIELDS: Final = frozenset({*_TITLES, *_ACTIONS})


def language(uses: str) -> Kind | CallOf:
    """What the texts are that a connector runs."""
    return _LANGUAGES.get(uses) or CallOf(uses)


def kind_of(field: str, uses: str) -> Kind | CallOf:
    """What the template in one of the ``FIELDS`` of a step makes."""
    return _TITLES.get(field) or language(uses)
