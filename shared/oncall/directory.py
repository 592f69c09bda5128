"""Which person a calendar or a vendor means."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, Self


class Named(Protocol):
    """Somebody under ``people``."""

    @property
    def name(self) -> str: ...

    @property
    def email(self) -> str: ...


@dataclass(frozen=True)
class Directory:
    """Everybody by name and address, both in small letters."""

    names: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, people: Iterable[Named]) -> Self:
        return cls(tuple((one.name.lower(), one.email.lower()) for one in people))

    def knows(self, email: str) -> bool:
        """Whether somebody has this address."""
        return any(email.lower() == known for _, known in self.names)

    def named_in(self, text: str) -> tuple[str, ...]:
        """The addresses of those whose name or address stands in a text, as whole words."""
        said = text.lower()
        return tuple(
            email
            for name, email in self.names
            if any(re.search(rf"(?<!\w){re.escape(word)}(?!\w)", said) for word in (email, name))
        )
