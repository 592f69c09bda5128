"""Whether runbooks fit together: what includes what, and whom a change would break."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from shared.runbook.including import Joined
from shared.runbook.runbook import Parsed
from shared.runbook.versions.version import Head, included
from shared.yamlsource import Problem


@dataclass(frozen=True)
class Fit:
    """Those of some runbooks that can be taken over, and why the others cannot."""

    accepted: Mapping[str, Parsed]
    problems: tuple[Problem, ...]


def fitted(active: Mapping[str, Parsed], wanted: Mapping[str, Parsed]) -> Fit:
    """Which runbooks can take their places among the active ones, all of them at once.

    One is refused that has mistakes there itself, or with which another one that was right has
    some: a change in one file never takes a runbook away that names it.
    """
    hurt = _broken(active)[0]
    accepted, problems = dict(wanted), list[Problem]()
    while True:
        together = {**active, **accepted}
        broken, told = _broken(together)
        mistaken = {name for name in accepted if name in broken}
        newly = broken - hurt - mistaken
        guilty = mistaken | (set(accepted) & _below(together, newly))
        if not guilty:
            return Fit(accepted, tuple(problems))
        problems += [one for one in told if one not in problems]
        for name in guilty:
            del accepted[name]


def related(heads: Mapping[str, Head], wanted: Mapping[str, Parsed]) -> set[str]:
    """The active runbooks that these include or are included by, however indirectly."""
    names = {name: head.includes for name, head in heads.items() if head.active is not None}
    names.update({name: included(parsed) for name, parsed in wanted.items()})
    beside: dict[str, set[str]] = {name: set() for name in names}
    for name, others in names.items():
        for other in others:
            beside[name].add(other)
            beside.setdefault(other, set()).add(name)
    found, ahead = set(wanted), list(wanted)
    while ahead:
        new = beside.get(ahead.pop(), set()) - found
        found |= new
        ahead += new
    return {name for name in found - set(wanted) if name in names}


def _broken(parsed: Mapping[str, Parsed]) -> tuple[set[str], list[Problem]]:
    joined = Joined(parsed)
    broken = {name for name in parsed if joined.runbook(name) is None}
    return broken, joined.problems


def _below(parsed: Mapping[str, Parsed], names: Iterable[str]) -> set[str]:
    """All that these include, however indirectly."""
    found: set[str] = set()
    ahead = list(names)
    while ahead:
        one = parsed.get(ahead.pop())
        new = set(included(one)) - found if one else set()
        found |= new
        ahead += new
    return found
