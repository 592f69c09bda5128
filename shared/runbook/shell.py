"""Where in a shell command a placeholder may stand.

A quoted value is one whole word only where the shell expects a plain word. Inside quotes, a
here-document, a comment, backticks, an arithmetic or parameter expansion, the quotes would be text
or would end somebody else's quotes. So a command is read here the way POSIX says that a shell does
(XCU 2.2 Quoting, 2.3 Token Recognition, 2.6 Word Expansions, 2.7.4 Here-Document), as far as is
needed to know that; what cannot be known for sure is refused.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, NoReturn

from shared.runbook.interpreters import Word, reread, starts_program
from shared.runbook.template import Mistake, Part, Placeholder, Text

_HINT_QUOTES: Final = "take the quotes away: the value is quoted by itself"
_WORD_ENDS: Final = " \t\n;&|()<>"
_QUOTES: Final = ("'", '"')
# Deeper than anybody writes; each level is one of Python's own calls as well.
_DEEPEST: Final = 40


@dataclass(frozen=True)
class Judged:
    """What was found in a command; ``programs`` are placeholders that name what is run."""

    mistakes: tuple[Mistake, ...]
    programs: tuple[Placeholder, ...]


def judged(parts: Iterable[Part]) -> Judged:
    """Read a command and judge where its placeholders stand."""
    items = [item for part in parts for item in _items(part)]
    if not any(isinstance(item, Placeholder) for item, _ in items):
        return Judged((), ())
    reader = _Reader(items)
    try:
        reader.commands(nested=0)
    except _UnclearError as unclear:
        reader.mistakes.append(unclear.mistake)
    return Judged(tuple(reader.mistakes), tuple(reader.programs))


Item = tuple[str | Placeholder, int]


def _items(part: Part) -> list[Item]:
    if isinstance(part, Text):
        return [(char, part.offset + index) for index, char in enumerate(part.text)]
    return [(part, part.offset)]


class _UnclearError(Exception):
    """From here on nobody can say how a shell reads the command."""

    def __init__(self, mistake: Mistake) -> None:
        super().__init__(mistake.message)
        self.mistake = mistake


@dataclass
class _Reader:
    items: list[Item]
    at: int = 0
    mistakes: list[Mistake] = field(default_factory=list)
    programs: list[Placeholder] = field(default_factory=list)
    _depth: int = 0
    _substitutions: int = 0
    _word: Word | None = None
    _words: list[Word] = field(default_factory=list)
    _documents: list[tuple[str, bool, int]] = field(default_factory=list)
    _in_test: bool = False
    _redirect: str = ""

    # -- reading ------------------------------------------------------------------------------

    def _peek(self, ahead: int = 0) -> str | Placeholder | None:
        where = self.at + ahead
        return self.items[where][0] if where < len(self.items) else None

    def _looking_at(self, text: str) -> bool:
        return all(self._peek(index) == char for index, char in enumerate(text))

    def _offset(self) -> int:
        return self.items[min(self.at, len(self.items) - 1)][1]

    def _unclear(self, message: str, offset: int) -> NoReturn:
        raise _UnclearError(Mistake(offset, message))

    def _misplaced(self, placeholder: Placeholder, where: str, hint: str) -> None:
        written = "{{ " + placeholder.expression + " }}"
        self.mistakes.append(Mistake(placeholder.offset, f"{written} stands {where}: {hint}"))

    def _skip_to(self, ends: Callable[[], bool], opened: int, what: str, hint: str) -> None:
        """Pass over text in which a placeholder may not stand."""
        while not ends():
            item = self._peek()
            if item is None:
                self._unclear(f"what begins here ({what}) has no end", opened)
            if isinstance(item, Placeholder):
                self._misplaced(item, f"in {what}", hint)
            self.at += 1

    # -- commands -----------------------------------------------------------------------------

    def commands(self, *, nested: int) -> None:
        """Read commands up to the bracket that closes them, or up to the end."""
        while (item := self._peek()) is not None:
            if item == ")" and nested:
                break
            self._item(item)
        else:
            if nested:
                self._unclear("this bracket is never closed", self.items[nested - 1][1])
        self._end_command()
        if self._documents:
            self._unclear("this here-document has no text of its own", self._documents[0][2])

    def _item(self, item: str | Placeholder) -> None:
        if isinstance(item, Placeholder):
            self._take(item)
        elif item == "'":
            self._single()
        elif item == '"':
            self._double()
        elif item == "`":
            self._backtick()
        elif item == "$":
            self._dollar()
        elif item == "\\":
            self._backslash()
        elif item == "#" and self._word is None:
            self._comment()
        elif item in _WORD_ENDS:
            self._operator(item)
        else:
            self._add(item)

    def _comment(self) -> None:
        end = ("\n", None)
        self._skip_to(lambda: self._peek() in end, self._offset(), "a comment", "remove it")

    def _take(self, placeholder: Placeholder) -> None:
        if self._in_test:
            self._misplaced(placeholder, "in [[ … ]]", "it may be computed there: use [ … ]")
        if self._peek(1) in ("<", ">"):
            self._misplaced(
                placeholder, "next to < or >", "a number would name a stream: put a space between"
            )
        if self._redirect == "&":
            self._misplaced(placeholder, "behind >& or <&", "shells expand it twice there: use >")
        word = self._word or Word()
        word.text += "\0"
        word.placeholders.append(placeholder)
        self._word = word
        self.at += 1

    def _add(self, char: str, step: int = 1) -> Word:
        word = self._word or Word()
        word.text += char
        self._word = word
        self.at += step
        return word

    def _operator(self, char: str) -> None:
        before = self.items[self.at - 1][0] if self.at else None
        if char in "<>" and self._word and not self._word.quoted and self._word.text.isdigit():
            self._word = None  # the number of a stream
        self._end_word()
        if char == "<" and self._looking_at("<<<"):
            self._redirect = char
            self.at += 3
        elif char == "<" and self._looking_at("<<"):
            self._here_document()
        elif char in "<>" or (char == "&" and (before in ("<", ">") or self._peek(1) == ">")):
            self._redirect = char
            self.at += 1
        elif char == "\n":
            self._end_command()
            self.at += 1
            self._documents_here()
        elif char == "(":
            self._bracket()
        else:
            if char in ";&|)":
                self._end_command()
            self.at += 1

    def _bracket(self) -> None:
        if self._looking_at("(("):
            self._arithmetic(2)
            return
        self._end_command()
        self._nested()

    def _nested(self) -> None:
        if self._depth == _DEEPEST:
            self._unclear("too many brackets inside each other", self._offset())
        self._depth += 1
        self.at += 1
        self.commands(nested=self.at)
        self.at += 1
        self._depth -= 1

    def _end_word(self) -> None:
        if self._word is None:
            return
        word, self._word = self._word, None
        redirect, self._redirect = self._redirect, ""
        if redirect:
            return
        if word.text == "[[" and not word.quoted:
            self._in_test = True
        elif word.text == "]]":
            self._in_test = False
        elif word.text == "case" and self._substitutions and not word.quoted:
            self._unclear("`case` inside $( ) cannot be judged: put it outside", self._offset())
        self._words.append(word)

    def _end_command(self) -> None:
        self._end_word()
        self._redirect = ""
        words, self._words = self._words, []
        self.programs += starts_program(words)
        for placeholder, reason in reread(words):
            self._misplaced(placeholder, *reason)

    # -- quotes and expansions ------------------------------------------------------------------

    def _quoted_word(self) -> Word:
        self._word = self._word or Word()
        self._word.quoted = True
        return self._word

    def _single(self) -> None:
        word, opened = self._quoted_word(), self._offset()
        self.at += 1
        start = self.at
        self._skip_to(lambda: self._peek() == "'", opened, "single quotes", _HINT_QUOTES)
        word.text += self._raw(start, self.at)
        self.at += 1

    def _double(self) -> None:
        word, opened = self._quoted_word(), self._offset()
        self.at += 1
        while (item := self._peek()) != '"':
            if item is None:
                self._unclear("the double quote that begins here has no end", opened)
            if isinstance(item, Placeholder):
                self._misplaced(item, "in double quotes", _HINT_QUOTES)
                self.at += 1
            elif item == "$":
                self._dollar(quoted=True)
            elif item == "`":
                self._backtick()
            elif item == "\\":
                self._backslash()
            else:
                word.text += item
                self.at += 1
        self.at += 1

    def _backtick(self) -> None:
        self._add("`", 0).expanded = True
        opened = self._offset()
        self.at += 1

        def ends() -> bool:
            if self._peek() == "\\":
                self.at += 1
                return False
            return self._peek() == "`"

        self._skip_to(ends, opened, "backticks", "use $( ) and no quotes")
        self.at += 1

    def _backslash(self) -> None:
        after = self._peek(1)
        if isinstance(after, Placeholder):
            self._misplaced(after, "behind a backslash", "take that away")
            self.at += 1
        elif after == "\n":
            self._continuation()
        elif after is None:
            self._unclear("a backslash ends the command: take it away", self._offset())
        else:
            self._quoted_word()
            self._add(after, 2)

    def _continuation(self) -> None:
        """A line goes on; between two characters that belong together it would hide them."""
        if self.at and self.items[self.at - 1][0] not in (" ", "\t", "\n"):
            self._unclear("put a space before the backslash that ends this line", self._offset())
        self.at += 2

    def _dollar(self, *, quoted: bool = False) -> None:
        opened = self._offset()
        self._add("$").expanded = True
        after = self._peek()
        if isinstance(after, Placeholder):
            self._misplaced(after, "behind $", "take that away: it changes what quotes mean")
        elif after == "'" and not quoted:
            self._unclear("$' means different things to different shells: use quotes", opened)
        elif self._looking_at("(("):
            self._arithmetic(2)
        elif after == "(":
            self._substitution()
        elif after == "{":
            self.at += 1
            self._expansion(opened)
        elif after == "#":
            self.at += 1

    def _substitution(self) -> None:
        """``$( … )`` begins afresh: within it quotes are its own."""
        outside = self._word, self._words, self._in_test, self._redirect
        self._word, self._words, self._in_test, self._redirect = None, [], False, ""
        if self._documents:
            self._unclear(
                "$( ) behind a here-document on one line cannot be judged", self._offset()
            )
        self._substitutions += 1
        self._nested()
        self._substitutions -= 1
        self._word, self._words, self._in_test, self._redirect = outside

    def _expansion(self, opened: int) -> None:
        def ends() -> bool:
            if self._peek() in ("'", '"', "`", "\\", "{", "$"):
                self._unclear("quotes and expansions inside ${ } cannot be judged", opened)
            return self._peek() == "}"

        self._skip_to(ends, opened, "${ }", "give it to the command as an argument")
        self.at += 1

    def _arithmetic(self, brackets: int) -> None:
        opened, depth = self._offset(), brackets
        self.at += brackets
        while depth:
            item = self._peek()
            if item is None:
                self._unclear("this arithmetic has no end", opened)
            if isinstance(item, Placeholder):
                self._misplaced(item, "in arithmetic", "shells run code from there: use expr")
            elif item in "'\"`\\#":
                self._unclear("quotes inside (( )) cannot be judged", opened)
            depth += {"(": 1, ")": -1}.get(str(item), 0)
            self.at += 1

    # -- here-documents -------------------------------------------------------------------------

    def _here_document(self) -> None:
        opened = self._offset()
        self.at += 2
        tabs = self._peek() == "-"
        self.at += tabs
        while self._peek() in (" ", "\t"):
            self.at += 1
        start = self.at
        while (item := self._peek()) is not None and item not in tuple(_WORD_ENDS):
            if isinstance(item, Placeholder):
                self._misplaced(item, "as the end of a here-document", "write a fixed word")
            self.at += 1
        written = self._raw(start, self.at)
        end = written[1:-1] if written[:1] in _QUOTES and written[-1:] == written[:1] else written
        if not end or set(end) & set("'\"$`\\"):
            self._unclear("the end of this here-document cannot be judged: use a word", opened)
        self._documents.append((end, tabs, opened))

    def _documents_here(self) -> None:
        documents, self._documents = self._documents, []
        for end, tabs, opened in documents:
            self._document(end, tabs=tabs, opened=opened)

    def _document(self, end: str, *, tabs: bool, opened: int) -> None:
        while True:
            if self._peek() is None:
                self._unclear(f"the here-document has no line {end}", opened)
            start = self.at
            while self._peek() not in ("\n", None):
                self.at += 1
            line = self.items[start : self.at]
            for item, _ in line:
                if isinstance(item, Placeholder):
                    self._misplaced(item, "in a here-document", "use printf '%s\\n' and a pipe")
            text = self._raw(start, self.at)
            self.at += 1
            if text.endswith("\\"):
                self._unclear("a here-document with a line that ends in \\ is not clear", opened)
            if (text.lstrip("\t") if tabs else text) == end:
                return

    def _raw(self, start: int, end: int) -> str:
        return "".join(
            "\0" if isinstance(item, Placeholder) else item for item, _ in self.items[start:end]
        )
