"""``credentials``: names for secrets, so that each is written down in one place."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, Protocol

from shared.secrets import SecretRef, secret_refs

#: Read when a service is put together, before anything could be asked for a secret.
_AT_ONCE: Final = ("sources", "channels", "schedules", "prometheus")
_LATE: Final = (
    "a secret comes from env or file here, or from one of `credentials` that does; those that are "
    "kept elsewhere are for targets"
)


class Declaring(Protocol):
    """See ``shared.config.Config``."""

    @property
    def credentials(self) -> Mapping[str, SecretRef]: ...


def credential_mistakes(config: Declaring) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Where a name stands for another name, or a secret would come too late."""
    for name, ref in config.credentials.items():
        if ref.credential is not None:
            yield (
                ("credentials", name, "credential"),
                "a credential stands for no other: use env, file or vault",
            )
    for part in _AT_ONCE:
        for name, section in getattr(config, part).items():
            if any(_comes_late(ref, config.credentials) for ref in secret_refs(section)):
                yield (part, name), f"{part}: {_LATE}"


def bind_credentials(config: Declaring) -> None:
    """Have the names that the file declares lead to what they stand for."""
    lead_to_declared(secret_refs(_parts(config)), config.credentials)


def lead_to_declared(refs: Iterable[SecretRef], credentials: Mapping[str, SecretRef]) -> None:
    """Have references by names of ``credentials`` lead to what those stand for."""
    for ref in refs:
        declared = credentials.get(ref.credential) if ref.credential else None
        if declared is not None:
            ref.bind(declared.read)


def _parts(config: Any) -> list[object]:
    return [part for _, part in config]


def _comes_late(ref: SecretRef, declared: Mapping[str, SecretRef]) -> bool:
    meant = declared.get(ref.credential, ref) if ref.credential else ref
    return meant.is_kept
