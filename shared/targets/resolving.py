"""Which declared target a step means: by its name, or by what an alert calls it. Pure."""

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase

from shared.config.targets import AnyTarget
from shared.errors import PermanentError

Targets = Mapping[str, AnyTarget]


class UnresolvedTargetError(PermanentError):
    """No declared target is meant, or more than one; says what to change."""


def resolved(named: str, targets: Targets, labels: Mapping[str, str]) -> str:
    """The name of the one target that ``named`` means for an alert with these labels.

    A declared name means that target. Else one of its aliases fits; or the alert has all labels
    of its ``match``, and ``named`` is the value of one of them, with or without a port. What a step
    names and no label of the alert says leads nowhere, whatever the other labels are.

    Raises:
        UnresolvedTargetError: none fits, or several do.
    """
    if named in targets:
        return named
    found = [name for name, target in targets.items() if _is_called(target, named, labels)]
    if len(found) == 1:
        return found[0]
    if found:
        several = ", ".join(sorted(found))
        raise UnresolvedTargetError(
            f"{named} may be any of the targets {several}: make their aliases or match differ"
        )
    raise UnresolvedTargetError(_unknown(named, targets))


def _unknown(named: str, targets: Targets) -> str:
    known = ", ".join(sorted(targets)) or "none"
    return f"handrail.yaml declares no target {named} (targets: {known})"


def _is_called(target: AnyTarget, named: str, labels: Mapping[str, str]) -> bool:
    if any(fnmatchcase(called, alias) for called in _bare(named) for alias in target.aliases):
        return True
    if not target.match or not all(_fits(labels, *each) for each in target.match.items()):
        return False
    return any(named in _bare(labels[label]) for label in target.match)


def _fits(labels: Mapping[str, str], label: str, pattern: str) -> bool:
    return label in labels and fnmatchcase(labels[label], pattern)


def _bare(value: str) -> Iterator[str]:
    """What names a host, as it is and without its port."""
    yield value
    host, _, port = value.rpartition(":")
    if port.isdigit() and host and ":" not in host.strip("[]").removeprefix("["):
        yield host
    elif port.isdigit() and host.startswith("[") and host.endswith("]"):
        yield host[1:-1]
