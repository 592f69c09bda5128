"""``evidence``: what is looked at before a ticket is judged and planned, read-only."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import timedelta
from typing import Annotated, Any, Final, Literal, Protocol

import jmespath
from jmespath.exceptions import JMESPathError
from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from shared.alertwords import AlertCondition, checked
from shared.config.policy import Located
from shared.config.section import Section
from shared.durations import PositiveDuration, spoken
from shared.events import ValueType
from shared.runbook import celtypes
from shared.runbook.celtypes import Known
from shared.runbook.model import ALERT_NAMES
from shared.runbook.node import Output
from shared.runbook.part import Text, ValueName
from shared.runbook.placing import Kind, prepared
from shared.runbook.quoting import ValueRefusedError, as_url
from shared.runbook.template import Part
from shared.runbook.template import Text as Piece

#: What ``refutes`` and ``confirms`` ask about.
VALUE: Final = frozenset({"value"})

_TIMEOUT_MOST: Final = timedelta(seconds=30)
_WITHIN_MOST: Final = timedelta(minutes=1)
# All values of a ticket travel in one event, which a message on the bus has to hold.
_LOOKS_MOST: Final = 40
# Nobody may be asked for an answer at an address that an alert chose.
_FIXED_HOST: Final = re.compile(r"https?://[^/?#{]+[/?#]")

# As conditions see them: numbers are doubles there, whatever they look like.
_SAMPLES: Final[Mapping[str, tuple[Any, ...]]] = {
    "number": (1.0, 0.5),
    "text": ("a", ""),
    "bool": (True, False),
    "list": (["a"], []),
}
_NUMBERS: Final[tuple[list[float], ...]] = ([1.0, 0.5], [])
_KINDS: Final = {
    ValueType.INTEGER: "number",
    ValueType.NUMBER: "number",
    ValueType.BOOLEAN: "bool",
    ValueType.LIST: "list",
}


def _no_longer_than(most: timedelta) -> Callable[[timedelta], timedelta]:
    def check(span: timedelta) -> timedelta:
        if span > most:
            raise ValueError(f"is longer than {spoken(most)}: a ticket waits for it")
        return span

    return check


def _template(kind: Kind) -> Callable[[str], str]:
    """Checks a template over the alert's labels and annotations, as runbooks' are checked."""

    def check(text: str) -> str:
        for offset, message in _wrong_with(text, kind):
            raise ValueError(f"at character {offset + 1}: {message}")
        return text

    return check


def _wrong_with(text: str, kind: Kind) -> Iterator[tuple[int, str]]:
    template = prepared(text, kind)
    yield from ((wrong.offset, wrong.message) for wrong in template.mistakes)
    for placeholder in template.cut.placeholders:
        written = "{{ " + placeholder.expression + " }}"
        for name, offset in placeholder.names:
            if name not in ALERT_NAMES:
                yield offset, f"{name} is not known here: there are annotations, labels"
        if (reason := template.guarded.get(placeholder.offset)) is not None:
            yield placeholder.offset, f"{written} {reason}: an alert may not choose that"
        if kind is Kind.URL and not _FIXED_HOST.match(text[: placeholder.offset]):
            yield (
                placeholder.offset,
                f"{written} is part of the address: an alert may not choose it",
            )
    if kind is Kind.URL and not template.mistakes:
        yield from _no_url("".join(_standing_in(part) for part in template.cut.parts))


def _standing_in(part: Part) -> str:
    return part.text if isinstance(part, Piece) else "x"


def _no_url(text: str) -> Iterator[tuple[int, str]]:
    try:
        as_url(text)
    except ValueRefusedError as refused:
        yield 0, str(refused)


def _condition(text: str) -> str:
    return checked(text, VALUE)


def _usable(output: Output) -> Output:
    for name, regex in (("regex", output.regex), ("pattern", output.pattern)):
        try:
            re.compile(regex or "")
        except (re.error, OverflowError, RecursionError) as error:
            raise ValueError(f"`{name}` cannot be used: {error}") from error
    try:
        jmespath.compile(output.json_path or "a")
    except JMESPathError as error:
        raise ValueError(f"`json` is no JMESPath: {str(error).splitlines()[0]}") from error
    return output


Condition = Annotated[str, AfterValidator(_condition)]
UsableOutput = Annotated[Output, AfterValidator(_usable)]


class _AnyLook(Section):
    """What every look has: alerts that it is for, and what its value says of them.

    Runbooks know the value as ``evidence.NAME``. ``refutes`` and ``confirms`` are CEL over
    ``value``; where one holds, it speaks against the alert or for it.
    """

    name: ValueName
    when: AlertCondition | None = None
    timeout: Annotated[PositiveDuration, AfterValidator(_no_longer_than(_TIMEOUT_MOST))] = (
        timedelta(seconds=5)
    )
    refutes: Condition | None = None
    confirms: Condition | None = None

    @model_validator(mode="after")
    def _types_go_together(self) -> "_AnyLook":
        kind, samples = _kind_of(self)
        over = [{"value": sample} for sample in samples]
        for name, text in (("refutes", self.refutes), ("confirms", self.confirms)):
            wrong = celtypes.mistyped(text, over, {("value",): Known(kind)}) if text else ()
            for mistake in wrong:
                raise ValueError(f"`{name}`: {mistake.message}")
        return self


class PrometheusLook(_AnyLook):
    """An instant query: the value of the first series, or a ``label`` of it; ``all``: a list."""

    uses: Literal["prometheus"]
    query: Annotated[Text, AfterValidator(_template(Kind.QUERY))]
    server: str | None = None
    label: Text | None = None
    all: bool = False


class CommandLook(_AnyLook):
    """A read-only command; without ``output`` the value is the one line that it writes."""

    uses: Literal["ssh", "local"]
    target: Annotated[Text, AfterValidator(_template(Kind.NAME))]
    run: Annotated[Text, AfterValidator(_template(Kind.COMMAND))]
    output: UsableOutput | None = None


class HttpLook(_AnyLook):
    """A GET; without ``output`` the value is the status that it is answered with."""

    uses: Literal["http"]
    url: Annotated[Text, AfterValidator(_template(Kind.URL))]
    output: UsableOutput | None = None


AnyLook = Annotated[PrometheusLook | CommandLook | HttpLook, Field(discriminator="uses")]


def _kind_of(look: _AnyLook) -> tuple[str, tuple[Any, ...]]:
    """The kind of a look's value, and some of them."""
    match look:
        case PrometheusLook(all=True, label=None):
            return "list", _NUMBERS
        case PrometheusLook(all=True):
            kind = "list"
        case PrometheusLook(label=None) | HttpLook(output=None):
            kind = "number"
        case HttpLook(output=Output(type=found)) | CommandLook(output=Output(type=found)):
            kind = _KINDS.get(found, "text")
        case _:
            kind = "text"
    return kind, _SAMPLES[kind]


def _each_name_once(looks: tuple[AnyLook, ...]) -> tuple[AnyLook, ...]:
    names = [look.name for look in looks]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"the name {name!r} is there twice: runbooks know the value by it")
    return looks


class EvidenceConfig(Section):
    """All looks, in the order in which people read them, and how long they may take together."""

    within: Annotated[PositiveDuration, AfterValidator(_no_longer_than(_WITHIN_MOST))] = timedelta(
        seconds=10
    )
    looks: Annotated[
        tuple[AnyLook, ...], Field(max_length=_LOOKS_MOST), AfterValidator(_each_name_once)
    ] = ()


def _short_form(given: Any) -> Any:
    return {"looks": given} if isinstance(given, list | tuple) else given


#: What ``evidence`` in ``handrail.yaml`` is; the looks alone will do.
Evidence = Annotated[EvidenceConfig, BeforeValidator(_short_form)]


class Reached(Protocol):
    """What matters here of a target."""

    @property
    def connector(self) -> str: ...


def evidence_mistakes(
    evidence: EvidenceConfig, targets: Mapping[str, Reached], servers: Collection[str]
) -> Iterator[Located]:
    """Targets and servers that are looked at and not declared, each at its place."""
    for at, look in enumerate(evidence.looks):
        match look:
            case CommandLook(target=target) if "{{" not in target:
                if wrong := _target_mistake(target, look.uses, targets):
                    yield ("looks", at, "target"), wrong
            case PrometheusLook(server=None) if not servers:
                yield ("looks", at), "there is no server under `prometheus` to ask"
            case PrometheusLook(server=str(server)) if server not in servers:
                listed = ", ".join(sorted(servers)) or "none"
                yield (
                    ("looks", at, "server"),
                    f"there is no {server} under `prometheus` (there are: {listed})",
                )


def _target_mistake(name: str, uses: str, targets: Mapping[str, Reached]) -> str:
    target = targets.get(name)
    if target is None:
        listed = ", ".join(sorted(targets)) or "none"
        return f"there is no {name} under `targets` (there are: {listed})"
    if target.connector != uses:
        return f"{name} is reached by {target.connector}, not by {uses}"
    return ""
