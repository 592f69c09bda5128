"""Programs that read an argument as code, so that quoting does not protect it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from shared.runbook.template import Placeholder

Reason = tuple[str, str]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_ASSIGNMENT: Final = re.compile(r"[A-Za-z_]\w*=")
_RESERVED: Final = _words("if then elif else while until do ! { } time")
#: They run the command that follows them, after options of their own.
_WRAPPERS: Final = _words(
    "sudo doas env nohup setsid exec command builtin timeout nice ionice stdbuf xargs busybox "
    "chroot runuser flock systemd-run unshare nsenter find parallel"
)
#: All of their arguments are code, or name what a shell then runs.
_ALL_CODE: Final = _words("eval trap let ssh watch declare typeset unset read alias source .")
#: Their arguments name variables; one that begins with the name itself is plain.
_NAMING: Final = _words("export readonly local")
_SHELLS: Final = re.compile(r"(ba|da|a|k|mk|z|fi)?sh|su|runuser")
#: The options that are followed by code, by program; None stands for the first operand as well.
_CODE_OPTIONS: Final = (
    (re.compile(r"python[\d.]*"), re.compile(r"-[A-Za-z]*c")),
    (re.compile(r"perl|ruby"), re.compile(r"-[A-Za-z]*[eE]")),
    (re.compile(r"node|mongosh|mongo"), re.compile(r"-e|-p|--eval|--print")),
    (re.compile(r"psql"), re.compile(r"-c|--command")),
    (re.compile(r"mysql|mariadb"), re.compile(r"-e|--execute")),
    (_SHELLS, re.compile(r"-[A-Za-z]*c|--command")),
)
_FIRST_OPERAND: Final = _words("sed awk gawk mawk jq")
_SCRIPT_OPTIONS: Final = re.compile(r"-[A-Za-z]*e|--expression|--source")


@dataclass
class Word:
    """A word of a command without its quotes; a placeholder is a NUL in ``text``.

    What an expansion (``$x``, backticks) becomes is not known: it may be nothing at all.
    """

    text: str = ""
    placeholders: list[Placeholder] = field(default_factory=list)
    quoted: bool = False
    expanded: bool = False

    @property
    def program(self) -> str:
        return self.text.rsplit("/", 1)[-1].lstrip("$`")

    @property
    def wraps(self) -> bool:
        """Whether the command may be in the words that follow."""
        return self.expanded or self.program in _WRAPPERS


def starts_program(words: Sequence[Word]) -> tuple[Placeholder, ...]:
    """The placeholders that say which program is run."""
    words = _from_program(words)
    wrapped, option = True, False
    for word in words:
        if not wrapped:
            break
        if word.placeholders:
            return tuple(word.placeholders)
        # An option of a wrapper may have a word of its own: `sudo -u deploy {{ program }}`.
        wrapped = word.wraps or word.text.startswith("-") or option
        option = word.text.startswith("-")
    return ()


def reread(words: Sequence[Word]) -> Iterator[tuple[Placeholder, Reason]]:
    """The placeholders whose values a program would read as code, and why."""
    words = _from_program(words)
    if not words:
        return
    wrapped = words[0].wraps
    for index, word in enumerate(words if wrapped else words[:1]):
        arguments = words[index + 1 :]
        for argument in _code(word.program, arguments):
            reason = f"where {word.program} reads code", _hint(word.program)
            yield from ((placeholder, reason) for placeholder in argument.placeholders)


def _from_program(words: Sequence[Word]) -> Sequence[Word]:
    for index, word in enumerate(words):
        if not (_ASSIGNMENT.match(word.text) or (word.text in _RESERVED and not word.quoted)):
            return words[index:]
    return ()


def _code(program: str, arguments: Sequence[Word]) -> Iterator[Word]:
    if program in _ALL_CODE:
        yield from arguments
    if program in _NAMING:
        yield from (word for word in arguments if not _ASSIGNMENT.match(word.text))
    if program in _FIRST_OPERAND:
        yield from _after(arguments, _SCRIPT_OPTIONS)
        yield from [word for word in arguments if not word.text.startswith("-")][:1]
    for name, options in _CODE_OPTIONS:
        if name.fullmatch(program):
            yield from _after(arguments, options)


def _after(arguments: Sequence[Word], options: re.Pattern[str]) -> Iterator[Word]:
    """The words behind one of the options, or glued to it."""
    for index, word in enumerate(arguments):
        if options.fullmatch(word.text):
            yield from arguments[index + 1 : index + 2]
        elif word.placeholders and options.match(word.text):
            yield word


def _hint(program: str) -> str:
    if program == "ssh":
        return "use a step with `uses: ssh` and a `target`"
    if _SHELLS.fullmatch(program):
        return f"pass it behind the code: {program} -c 'use \"$1\"' {program} {{{{ … }}}}"
    return "give it as an argument to a program that does not"
