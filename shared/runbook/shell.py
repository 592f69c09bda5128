"""Where in a shell command a placeholder may stand.

A quoted value is one whole word only where the shell expects a plain word. Inside quotes, a
here-document, a comment, backticks, an arithmetic or parameter expansion, the quotes would be text
or would end somebody else's quotes. So a command is read here the way POSIX says that a shell does
(XCU 2.2 Quoting, 2.3 Token Recognition, 2.6 Word Expansions, 2.7.4 Here-Document), as far as is
needed to know that; what cannot be known for sure is refused.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from shared.runbook.cursor import WORD_ENDS, Cursor, UnclearError
from shared.runbook.heredoc import HereDocuments
from shared.runbook.interpreters import Word, reread, starts_program
from shared.runbook.template import Mistake, Part, Placeholder

_HINT_QUOTES: Final = "take the quotes away: the value is quoted by itself"
# Deeper than anybody writes; each level is one of Python's own calls as well.
_DEEPEST: Final = 40


@dataclass(frozen=True)
class Judged:
    """What was found in a command; ``programs`` are placeholders that name what is run."""

    mistakes: tuple[Mistake, ...]
    programs: tuple[Placeholder, ...]


def judged(parts: Iterable[Part]) -> Judged:
    """Read a command and judge where its placeholders stand."""
    text = Cursor.over(parts)
    if not text.has_placeholders:
        return Judged((), ())
    reader = _Reader(text, HereDocuments(text))
    try:
        reader.commands(nested=0)
    except UnclearError as unclear:
        text.mistakes.append(unclear.mistake)
    return Judged(tuple(text.mistakes), tuple(reader.programs))


@dataclass
class _Reader:
    text: Cursor
    documents: HereDocuments
    programs: list[Placeholder] = field(default_factory=list)
    _depth: int = 0
    _substitutions: int = 0
    _word: Word | None = None
    _words: list[Word] = field(default_factory=list)
    _in_test: bool = False
    _redirect: str = ""

    # -- commands -----------------------------------------------------------------------------

    def commands(self, *, nested: int) -> None:
        """Read commands up to the bracket that closes them, or up to the end."""
        while (item := self.text.peek()) is not None:
            if item == ")" and nested:
                break
            self._item(item)
        else:
            if nested:
                self.text.unclear("this bracket is never closed", self.text.items[nested - 1][1])
        self._end_command()
        self.documents.none_pending("this here-document has no text of its own")

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
        elif item in WORD_ENDS:
            self._operator(item)
        else:
            self._add(item)

    def _comment(self) -> None:
        end = ("\n", None)
        self.text.skip_to(
            lambda: self.text.peek() in end, self.text.offset(), "a comment", "remove it"
        )

    def _take(self, placeholder: Placeholder) -> None:
        if self._in_test:
            self.text.misplaced(placeholder, "in [[ … ]]", "it may be computed there: use [ … ]")
        if self.text.peek(1) in ("<", ">"):
            self.text.misplaced(
                placeholder, "next to < or >", "a number would name a stream: put a space between"
            )
        if self._redirect == "&":
            self.text.misplaced(
                placeholder, "behind >& or <&", "shells expand it twice there: use >"
            )
        word = self._word or Word()
        word.text += "\0"
        word.placeholders.append(placeholder)
        self._word = word
        self.text.at += 1

    def _add(self, char: str, step: int = 1) -> Word:
        word = self._word or Word()
        word.text += char
        self._word = word
        self.text.at += step
        return word

    def _operator(self, char: str) -> None:
        before = self.text.items[self.text.at - 1][0] if self.text.at else None
        if char in "<>" and self._word and not self._word.quoted and self._word.text.isdigit():
            self._word = None  # the number of a stream
        self._end_word()
        if char == "<" and self.text.looking_at("<<<"):
            self._redirect = char
            self.text.at += 3
        elif char == "<" and self.text.looking_at("<<"):
            self.documents.announced()
        elif char in "<>" or (char == "&" and (before in ("<", ">") or self.text.peek(1) == ">")):
            self._redirect = char
            self.text.at += 1
        elif char == "\n":
            self._end_command()
            self.text.at += 1
            self.documents.read()
        elif char == "(":
            self._bracket()
        else:
            if char in ";&|)":
                self._end_command()
            self.text.at += 1

    def _bracket(self) -> None:
        if self.text.looking_at("(("):
            self._arithmetic(2)
            return
        self._end_command()
        self._nested()

    def _nested(self) -> None:
        if self._depth == _DEEPEST:
            self.text.unclear("too many brackets inside each other", self.text.offset())
        self._depth += 1
        self.text.at += 1
        self.commands(nested=self.text.at)
        self.text.at += 1
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
            self.text.unclear(
                "`case` inside $( ) cannot be judged: put it outside", self.text.offset()
            )
        self._words.append(word)

    def _end_command(self) -> None:
        self._end_word()
        self._redirect = ""
        words, self._words = self._words, []
        self.programs += starts_program(words)
        for placeholder, reason in reread(words):
            self.text.misplaced(placeholder, *reason)

    # -- quotes and expansions ------------------------------------------------------------------

    def _quoted_word(self) -> Word:
        self._word = self._word or Word()
        self._word.quoted = True
        return self._word

    def _single(self) -> None:
        word, opened = self._quoted_word(), self.text.offset()
        self.text.at += 1
        start = self.text.at
        self.text.skip_to(lambda: self.text.peek() == "'", opened, "single quotes", _HINT_QUOTES)
        word.text += self.text.raw(start, self.text.at)
        self.text.at += 1

    def _double(self) -> None:
        word, opened = self._quoted_word(), self.text.offset()
        self.text.at += 1
        while (item := self.text.peek()) != '"':
            if item is None:
                self.text.unclear("the double quote that begins here has no end", opened)
            if isinstance(item, Placeholder):
                self.text.misplaced(item, "in double quotes", _HINT_QUOTES)
                self.text.at += 1
            elif item == "$":
                self._dollar(quoted=True)
            elif item == "`":
                self._backtick()
            elif item == "\\":
                self._backslash()
            else:
                word.text += item
                self.text.at += 1
        self.text.at += 1

    def _backtick(self) -> None:
        self._add("`", 0).expanded = True
        opened = self.text.offset()
        self.text.at += 1

        def ends() -> bool:
            if self.text.peek() == "\\":
                self.text.at += 1
                return False
            return self.text.peek() == "`"

        self.text.skip_to(ends, opened, "backticks", "use $( ) and no quotes")
        self.text.at += 1

    def _backslash(self) -> None:
        after = self.text.peek(1)
        if isinstance(after, Placeholder):
            self.text.misplaced(after, "behind a backslash", "take that away")
            self.text.at += 1
        elif after == "\n":
            self._continuation()
        elif after is None:
            self.text.unclear("a backslash ends the command: take it away", self.text.offset())
        else:
            self._quoted_word()
            self._add(after, 2)

    def _continuation(self) -> None:
        """A line goes on; between two characters that belong together it would hide them."""
        if self.text.at and self.text.items[self.text.at - 1][0] not in (" ", "\t", "\n"):
            self.text.unclear(
                "put a space before the backslash that ends this line", self.text.offset()
            )
        self.text.at += 2

    def _dollar(self, *, quoted: bool = False) -> None:
        opened = self.text.offset()
        self._add("$").expanded = True
        after = self.text.peek()
        if isinstance(after, Placeholder):
            self.text.misplaced(after, "behind $", "take that away: it changes what quotes mean")
        elif after == "'" and not quoted:
            self.text.unclear("$' means different things to different shells: use quotes", opened)
        elif self.text.looking_at("(("):
            self._arithmetic(2)
        elif after == "(":
            self._substitution()
        elif after == "{":
            self.text.at += 1
            self._expansion(opened)
        elif after == "#":
            self.text.at += 1

    def _substitution(self) -> None:
        """``$( … )`` begins afresh: within it quotes are its own."""
        outside = self._word, self._words, self._in_test, self._redirect
        self._word, self._words, self._in_test, self._redirect = None, [], False, ""
        self.documents.none_pending("$( ) behind this on one line cannot be judged")
        self._substitutions += 1
        self._nested()
        self._substitutions -= 1
        self._word, self._words, self._in_test, self._redirect = outside

    def _expansion(self, opened: int) -> None:
        def ends() -> bool:
            if self.text.peek() in ("'", '"', "`", "\\", "{", "$"):
                self.text.unclear("quotes and expansions inside ${ } cannot be judged", opened)
            return self.text.peek() == "}"

        self.text.skip_to(ends, opened, "${ }", "give it to the command as an argument")
        self.text.at += 1

    def _arithmetic(self, brackets: int) -> None:
        opened, depth = self.text.offset(), brackets
        self.text.at += brackets
        while depth:
            item = self.text.peek()
            if item is None:
                self.text.unclear("this arithmetic has no end", opened)
            if isinstance(item, Placeholder):
                self.text.misplaced(item, "in arithmetic", "shells run code from there: use expr")
            elif item in "'\"`\\#":
                self.text.unclear("quotes inside (( )) cannot be judged", opened)
            depth += {"(": 1, ")": -1}.get(str(item), 0)
            self.text.at += 1
