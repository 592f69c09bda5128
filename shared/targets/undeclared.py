"""What runbooks name and an installation does not declare: evidence, targets, ways to act."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from fnmatch import fnmatchcase

from shared.calls.families import WITHOUT_TARGET
from shared.config import Config
from shared.config.targets import Target, reaches
from shared.runbook import conditions
from shared.runbook.model import HttpTemplate, PrometheusTemplate
from shared.runbook.runbook import Parsed
from shared.runbook.spots import Place
from shared.runbook.steps import IncludeTemplate
from shared.runbook.template import cut
from shared.targets.resolving import UnresolvedTargetError, resolved
from shared.yamlsource import Problem


@dataclass(frozen=True)
class Installation:
    """The names that there are; ``targets`` are those that were added since, too."""

    evidence: Collection[str]
    targets: Mapping[str, Target]
    servers: Collection[str]

    @classmethod
    def of(cls, config: Config, targets: Mapping[str, Target]) -> "Installation":
        looks = [look.name for look in config.evidence.looks]
        return cls(looks, targets, tuple(config.prometheus))


def undeclared(books: Iterable[Parsed], here: Installation) -> list[Problem]:
    """What runbooks name that is not there, at its place; hints, since it may come to be.

    A way to act for which there is no target at all is told once, however many use it.
    """
    found: list[Problem] = []
    ways: dict[str, list[Problem]] = {}
    for book in books:
        named = [*_evidence(book, here), *_targets(book, here), *_servers(book, here)]
        found += sorted(named, key=lambda problem: (problem.line, problem.column))
        for uses, problem in _ways(book, here).items():
            ways.setdefault(uses, []).append(problem)
    return [*found, *(_once(problems) for problems in ways.values())]


def _once(problems: Sequence[Problem]) -> Problem:
    first, *others = problems
    if not others:
        return first
    more = f"{len(others)} other runbook{'' if len(others) == 1 else 's'}"
    use = "uses" if len(others) == 1 else "use"
    return replace(first, message=f"{first.message}, which {more} {use} too")


def _evidence(parsed: Parsed, here: Installation) -> Iterator[Problem]:
    content, source = parsed.runbook.content, parsed.source
    for name, param in content.params.items():
        kind, _, path = (param.origin or "").partition(".")
        if kind == "evidence" and not _gathered(path, here):
            message = f"nothing under `evidence` gathers {path}{_near(path, here.evidence)}"
            yield source.problem(("params", name, "from"), message)
    for index, step in enumerate(content.steps):
        for name, offset in conditions.members(step.when or "", "evidence"):
            if not _gathered(name, here):
                message = f"nothing under `evidence` gathers {name}{_near(name, here.evidence)}"
                yield source.problem_inside(("steps", index, "when"), offset, message)


def _gathered(path: str, here: Installation) -> bool:
    return path in here.evidence or path.partition(".")[0] in here.evidence


def _targets(parsed: Parsed, here: Installation) -> Iterator[Problem]:
    for place, uses, target in _acting(parsed):
        named = _fixed(target, parsed)
        if named is not None and (wrong := _unreached(named, uses, here)):
            yield parsed.source.problem((*place, "target"), wrong)


def _ways(parsed: Parsed, here: Installation) -> dict[str, Problem]:
    """Where a runbook first acts in a way that leads to no target, whatever the alert says."""
    found: dict[str, Problem] = {}
    for place, uses, target in _acting(parsed):
        reached = any(reaches(uses, one.connector) for one in here.targets.values())
        if uses not in found and not reached and _fixed(target, parsed) is None:
            message = f"no declared target is reached by {uses}"
            found[uses] = parsed.source.problem((*place, "uses"), message)
    return found


def _acting(parsed: Parsed) -> Iterator[tuple[Place, str, str]]:
    """Where something is done or looked at, in which way, and on what, as a template."""
    for index, step in enumerate(parsed.runbook.content.steps):
        if not isinstance(step, IncludeTemplate) and step.uses not in WITHOUT_TARGET:
            yield ("steps", index), step.uses, step.target
    for index, check in enumerate(parsed.runbook.content.verify):
        if not isinstance(check, HttpTemplate | PrometheusTemplate):
            yield ("verify", index), check.uses, check.target


def _fixed(target: str, parsed: Parsed) -> str | None:
    """The target where no alert decides which it is."""
    parts = cut(target)
    if not parts.placeholders:
        return target
    param = parsed.runbook.content.params.get(parts.placeholders[0].expression)
    alone = target.strip() == "{{ " + parts.placeholders[0].expression + " }}"
    if alone and param is not None and param.origin is None and isinstance(param.default, str):
        return param.default
    return None


def _unreached(named: str, uses: str, here: Installation) -> str:
    try:
        name = resolved(named, here.targets, {})
    except UnresolvedTargetError as error:
        return "" if _matched(named, here) else f"{error}{_near(named, here.targets)}"
    if reaches(uses, here.targets[name].connector):
        return ""
    return f"target {name} is reached by {here.targets[name].connector}, this uses {uses}"


def _matched(named: str, here: Installation) -> bool:
    """Whether the labels of some alert could make a target mean this."""
    matches = (target.match for target in here.targets.values())
    return any(fnmatchcase(named, pattern) for match in matches for pattern in match.values())


def _servers(parsed: Parsed, here: Installation) -> Iterator[Problem]:
    for index, check in enumerate(parsed.runbook.content.verify):
        if not isinstance(check, PrometheusTemplate):
            continue
        if not here.servers:
            message = "handrail.yaml declares no prometheus server to ask"
            yield parsed.source.problem(("verify", index, "uses"), message)
        elif check.server is not None and check.server not in here.servers:
            near = _near(check.server, here.servers)
            message = f"handrail.yaml declares no prometheus server {check.server}{near}"
            yield parsed.source.problem(("verify", index, "server"), message)


def _near(name: str, known: Collection[str]) -> str:
    near = get_close_matches(name, known, n=1)
    return f": did you mean {near[0]}?" if near else ""
