"""What the templates of one runbook see while a plan is made of it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from shared.events import Alert, Foreach, Late
from shared.runbook.expressions import needs_outputs, single_of
from shared.runbook.languages import FIELDS
from shared.runbook.late import listed
from shared.runbook.placing import CallOf, Kind, Patterned, placed, prepared
from shared.runbook.runbook import Runbook
from shared.runbook.template import Named, cut
from shared.runbook.values import Value


@dataclass(frozen=True)
class Scope:
    """A runbook with the values of its parameters; ``prefix`` stands before the ids of its steps.

    ``own`` are names that only one step knows: the item of its ``foreach``.
    """

    runbook: Runbook
    alert: Alert
    params: Mapping[str, Value]
    prefix: str = ""
    own: Mapping[str, str] | None = None

    def values(self) -> dict[str, Any]:
        """What templates see."""
        return {
            "labels": Named("label", self.alert.labels),
            "annotations": Named("annotation", self.alert.annotations),
            **{
                name: placed(value, patterned=self._formed(name))
                for name, value in self.params.items()
            },
            **(self.own or {}),
        }

    def with_item(self, name: str, item: str) -> "Scope":
        return replace(self, own={**(self.own or {}), name: item})

    def text(self, template: str, kind: Kind | CallOf) -> str:
        """A template with its values.

        Raises:
            ValueMissingError: a placeholder has no value.
            ValueRefusedError: a value cannot be put where it stands.
        """
        return prepared(template, kind).render(self.values())

    def native(self, given: Any) -> Any:
        """What a runbook passes to another: a list stays a list, a number a number.

        Raises:
            ValueMissingError: a placeholder has no value.
            ValueRefusedError: a value has what no text may have.
        """
        if isinstance(given, list):
            return [self.native(item) for item in given]
        if not isinstance(given, str):
            return given
        if (alone := single_of(given)) is not None:
            return alone.raw(self.values())
        return self.text(given, Kind.TEXT)

    def items(self, rule: Foreach, given: Any, where: str) -> list[Any]:
        """The items of a ``foreach`` whose list the plan knows; ``given`` is what the file says.

        Raises:
            UnrenderedError: there is no list, or it is too long.
        """
        values = self.values()
        if not isinstance(given, str):
            values["items"] = [self.native(item) for item in given]
            return listed(rule.model_copy(update={"items": "items"}), values, where)
        return listed(rule, values, where)

    def late(self, templates: Mapping[str, str], *, items: str = "") -> Late:
        """What is needed to fill these templates later, and nothing else."""
        texts = [*templates.values(), "{{ " + items + " }}" if items else ""]
        names = frozenset[str]().union(*(cut(text).names for text in texts))
        values: dict[str, Any] = {
            "labels": self.alert.labels,
            "annotations": self.alert.annotations,
            **self.params,
            **(self.own or {}),
        }
        return Late(
            templates=dict(templates),
            values={name: value for name, value in values.items() if name in names},
            patterned=tuple(sorted(name for name in names if self._formed(name))),
            scope=self.prefix,
        )

    def _formed(self, name: str) -> bool:
        if self.own and name in self.own:
            return isinstance(self.own[name], Patterned)
        param = self.runbook.content.params.get(name)
        return param is not None and param.formed_by_author


def late_fields(texts: Mapping[str, str | None]) -> dict[str, str]:
    """Those of a step's texts that need what earlier steps found."""
    return {
        name: text
        for name, text in texts.items()
        if name in FIELDS and text is not None and needs_outputs(text)
    }
