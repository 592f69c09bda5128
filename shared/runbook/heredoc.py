"""Here-documents of a command (XCU 2.7.4): announced by ``<<``, read at the next line."""

from dataclasses import dataclass, field
from typing import Final

from shared.runbook.cursor import WORD_ENDS, Cursor
from shared.runbook.template import Placeholder

_QUOTES: Final = ("'", '"')


@dataclass(frozen=True)
class _Announced:
    """``end`` is the line that ends it, before which tabs count for nothing if ``tabs``."""

    end: str
    tabs: bool
    opened: int


@dataclass
class HereDocuments:
    """Those that were announced and whose text comes yet."""

    text: Cursor
    _pending: list[_Announced] = field(default_factory=list)

    def none_pending(self, otherwise: str) -> None:
        """Be sure that none is open where its text could not be told from the rest.

        Raises:
            UnclearError: one is.
        """
        if self._pending:
            self.text.unclear(otherwise, self._pending[0].opened)

    def announced(self) -> None:
        """Read ``<<WORD``.

        Raises:
            UnclearError: the word is none that every shell reads in one way.
        """
        opened = self.text.offset()
        self.text.at += 2
        tabs = self.text.peek() == "-"
        self.text.at += tabs
        while self.text.peek() in (" ", "\t"):
            self.text.at += 1
        written = self._word()
        end = written[1:-1] if written[:1] in _QUOTES and written[-1:] == written[:1] else written
        if not end or set(end) & set("'\"$`\\"):
            self.text.unclear("the end of this here-document cannot be judged: use a word", opened)
        self._pending.append(_Announced(end, tabs, opened))

    def _word(self) -> str:
        start = self.text.at
        while (item := self.text.peek()) is not None and item not in tuple(WORD_ENDS):
            if isinstance(item, Placeholder):
                self.text.misplaced(item, "as the end of a here-document", "write a fixed word")
            self.text.at += 1
        return self.text.raw(start, self.text.at)

    def read(self) -> None:
        """Pass over the texts that begin here.

        Raises:
            UnclearError: one has no end, or a line whose end a shell may take away.
        """
        pending, self._pending = self._pending, []
        for document in pending:
            ended = False
            while not ended:
                ended = self._line_ends(document)

    def _line_ends(self, document: _Announced) -> bool:
        start = self.text.at
        while (item := self.text.peek()) not in ("\n", None):
            if isinstance(item, Placeholder):
                self.text.misplaced(item, "in a here-document", "use printf '%s\\n' and a pipe")
            self.text.at += 1
        line = self.text.raw(start, self.text.at)
        at_end = item is None
        self.text.at += 1
        if line.endswith("\\"):
            self.text.unclear(
                "a here-document with a line that ends in \\ is not clear", document.opened
            )
        if (line.lstrip("\t") if document.tabs else line) == document.end:
            return True
        if at_end:
            self.text.unclear(f"the here-document has no line {document.end}", document.opened)
        return False
