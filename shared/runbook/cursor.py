"""A place in the text of a command, with its placeholders, and the mistakes found so far."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, NoReturn, Self

from shared.runbook.template import Mistake, Part, Placeholder, Text

#: What ends an unquoted word of a shell (XCU 2.3).
WORD_ENDS: Final = " \t\n;&|()<>"

Item = tuple[str | Placeholder, int]


class UnclearError(Exception):
    """From here on nobody can say how a shell reads the command."""

    def __init__(self, mistake: Mistake) -> None:
        super().__init__(mistake.message)
        self.mistake = mistake


@dataclass
class Cursor:
    """Characters and placeholders, each with its offset in the template; ``at`` is the next."""

    items: list[Item]
    at: int = 0
    mistakes: list[Mistake] = field(default_factory=list)

    @classmethod
    def over(cls, parts: Iterable[Part]) -> Self:
        return cls([item for part in parts for item in _items(part)])

    @property
    def has_placeholders(self) -> bool:
        return any(isinstance(item, Placeholder) for item, _ in self.items)

    def peek(self, ahead: int = 0) -> str | Placeholder | None:
        where = self.at + ahead
        return self.items[where][0] if where < len(self.items) else None

    def looking_at(self, text: str) -> bool:
        return all(self.peek(index) == char for index, char in enumerate(text))

    def offset(self) -> int:
        return self.items[min(self.at, len(self.items) - 1)][1]

    def raw(self, start: int, end: int) -> str:
        """The text between two places; a placeholder is a NUL."""
        return "".join(
            "\0" if isinstance(item, Placeholder) else item for item, _ in self.items[start:end]
        )

    def unclear(self, message: str, offset: int) -> NoReturn:
        """Give up.

        Raises:
            UnclearError: always.
        """
        raise UnclearError(Mistake(offset, message))

    def misplaced(self, placeholder: Placeholder, where: str, hint: str) -> None:
        """Note a placeholder that may not stand where it does."""
        written = "{{ " + placeholder.expression + " }}"
        self.mistakes.append(Mistake(placeholder.offset, f"{written} stands {where}: {hint}"))

    def skip_to(self, ends: Callable[[], bool], opened: int, what: str, hint: str) -> None:
        """Pass over text in which a placeholder may not stand.

        Raises:
            UnclearError: the text ends first.
        """
        while not ends():
            item = self.peek()
            if item is None:
                self.unclear(f"what begins here ({what}) has no end", opened)
            if isinstance(item, Placeholder):
                self.misplaced(item, f"in {what}", hint)
            self.at += 1


def _items(part: Part) -> list[Item]:
    if isinstance(part, Text):
        return [(char, part.offset + index) for index, char in enumerate(part.text)]
    return [(part, part.offset)]
