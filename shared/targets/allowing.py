"""Whether a target lets a step be run on it. Pure."""

import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from functools import lru_cache

from shared.calls.families import FAMILIES
from shared.config.targets.target import Allow, AnyTarget
from shared.events import Step
from shared.lifecycle import Effect

#: Stars: of a command, without what ends it and begins another, or a file; of one SQL statement.
_IN_COMMAND = r"[^;&|<>`$\n\r()]"
_IN_STATEMENT = r"[^;]"
#: The values of a statement stand below it.
_VALUES = "\n-- :p0 = "


def forbidden(step: Step, target: AnyTarget) -> str | None:
    """Why a step may not run on a target; None where it may.

    Every text of the step is looked at: what undoes it runs there too. A text that is written later
    is judged when it is.
    """
    if target.allow is None:
        return None
    return next(_against(step, target.allow), None)


def _against(step: Step, allow: Allow) -> Iterator[str]:
    if allow.effects is not None and step.effect not in allow.effects:
        allowed = ", ".join(allow.effects)
        yield f"only steps that are {allowed} are allowed there, and this one is {step.effect}"
    if step.rollback and allow.effects == (Effect.READ_ONLY,):
        yield "only looking is allowed there, and this step could be rolled back"
    for text in _texts(step):
        if step.uses in FAMILIES:
            yield from _against_call(text, allow)
        elif allow.commands is not None:
            yield from _against_command(text, step.uses, allow.commands)
        elif allow.actions is not None:
            yield f"only the actions {', '.join(allow.actions)} are allowed there"


def _texts(step: Step) -> Iterator[str]:
    texts = {"run": step.run, "check": step.check, "rollback": step.rollback}
    later = step.late.templates if step.late else {}
    yield from (text for name, text in texts.items() if text and name not in later)


def _against_command(text: str, uses: str, patterns: Iterable[str]) -> Iterator[str]:
    star = _IN_STATEMENT if uses == "sql" else _IN_COMMAND
    whole = text.partition(_VALUES)[0] if uses == "sql" else text
    if not any(_pattern(each, star).fullmatch(whole.strip()) for each in patterns):
        yield f"what is allowed there does not include: {_first_line(text)}"


def _against_call(text: str, allow: Allow) -> Iterator[str]:
    action = _first_line(text)
    if allow.actions is not None:
        if not any(fnmatchcase(action, each) for each in allow.actions):
            yield f"the action {action} is not allowed there: {', '.join(allow.actions)}"
    elif allow.commands is not None:
        yield "only commands are allowed there, and no actions"


def _first_line(text: str) -> str:
    return text.partition("\n")[0].strip()


@lru_cache(maxsize=1000)
def _pattern(pattern: str, star: str) -> re.Pattern[str]:
    wild = {"*": f"{star}*", "?": star}
    return re.compile("".join(wild.get(each) or re.escape(each) for each in pattern))
