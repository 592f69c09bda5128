"""What a target is by its declaration: people agree to a step there, and not on another machine."""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Final

from shared.config.targets import AnyTarget, SshTarget

#: What the policy and the limits look at, each time a step begins: it is the same machine still.
_BESIDE: Final = frozenset(AnyTarget.model_fields)


def declaration(name: str, targets: Mapping[str, AnyTarget]) -> str:
    """The SHA-256 of how a target is reached, and each that it is reached through; empty without.

    Of secrets only where they come from is in it.
    """
    digest = hashlib.sha256()
    for target in _way(name, targets):
        digest.update(target.model_dump_json(exclude=set(_BESIDE)).encode() + b"\n")
    return digest.hexdigest() if name in targets else ""


def _way(name: str, targets: Mapping[str, AnyTarget]) -> Iterator[AnyTarget]:
    """A target, and those before it on the way there."""
    passed: set[str] = set()
    while name not in passed and (target := targets.get(name)) is not None:
        yield target
        passed.add(name)
        if not isinstance(target, SshTarget) or target.via is None:
            return
        name = target.via
