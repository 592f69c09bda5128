"""Why a step is asked for, in words for a person who reads them on a phone."""

import re
import unicodedata
from typing import Final

from shared.events import Alert, OnFailure, Step
from shared.lifecycle import Effect, Severity
from shared.runbook.runbook import Runbook
from shared.runbook.steps import CommandStep, ScriptStep, SqlStep, StepTemplate

_ALERT_LENGTH: Final = 140
_SENTENCE_LENGTH: Final = 240
_SENTENCE: Final = re.compile(r"(.+?[.!?])(?:\s|$)", re.DOTALL)
_MARKDOWN: Final = re.compile(r"[*`_#>]+|\[([^\]]*)\]\([^)]*\)")

_EFFECTS: Final = {
    Effect.READ_ONLY: "It only looks and changes nothing.",
    Effect.IDEMPOTENT: "Running it twice does no more than once.",
    Effect.CHECK_THEN_ACT: "It first checks whether it was done already.",
    Effect.ONCE: "It is run once and never repeated on a guess.",
}


def why(runbook: Runbook, alert: Alert, severity: Severity, step: Step, *, place: str) -> str:
    """What is wrong, which runbook answers it, which part of it this step is, and what it does."""
    problem = _plain(alert.title or alert.name, _ALERT_LENGTH).rstrip(".")
    name = "" if alert.name in problem else f"{_plain(alert.name, _ALERT_LENGTH)}: "
    return (
        f"{severity.value} {name}{problem}. {_first_sentence(runbook.content.description)} "
        f"“{step.title}” is step {place} of “{runbook.title}”. {_what_it_does(step)}"
    )


def renamed(step: Step, title: str) -> str:
    """Why a step is asked for, under another title; whatever else says the same stays."""
    return step.why.replace(f"“{step.title}” is step", f"“{title}” is step")


def _what_it_does(step: Step) -> str:
    if step.includes is not None:
        return f"It stands for the steps of “{step.includes.title}”."
    return _EFFECTS[step.effect]


def expectation(template: StepTemplate) -> str:
    """What a step should come to where its author does not say."""
    limit = f"It {_done(template)} within {template.timeout.total_seconds():g} s."
    if template.gather or template.on_failure is OnFailure.CONTINUE:
        return f"{limit} If not, the plan goes on."
    return limit


def _done(template: StepTemplate) -> str:
    match template:
        case CommandStep() | ScriptStep():
            return "ends with exit code 0"
        case SqlStep():
            return "ends without an error"
    return "is done"


def _first_sentence(markdown: str) -> str:
    """The first sentence of the first paragraph that is no heading."""
    paragraphs = re.split(r"\n\s*\n", markdown.strip())
    text = next((p for p in paragraphs if not p.lstrip().startswith("#")), "")
    plain = _plain(_MARKDOWN.sub(lambda found: found[1] or "", text), 10 * _SENTENCE_LENGTH)
    sentence = _SENTENCE.match(plain)
    return _plain(sentence[1] if sentence else plain, _SENTENCE_LENGTH)


def _plain(text: str, length: int) -> str:
    """One line without control characters: an alert's text is a stranger's."""
    shown = "".join(c if unicodedata.category(c)[0] != "C" else " " for c in text)
    line = " ".join(shown.split())
    return line if len(line) <= length else line[: length - 1].rstrip() + "…"
