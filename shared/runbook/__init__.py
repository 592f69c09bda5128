"""Runbooks: their format, which of them are for an alert, and the steps that they make of it."""

from shared.runbook.checks import checks
from shared.runbook.drafting import Draft, draft
from shared.runbook.filling import Unfilled, UnfilledError, fill
from shared.runbook.late import UnrenderedError
from shared.runbook.library import Library, lint, load_runbooks, parse_runbook
from shared.runbook.matching import Candidate, Ranking, match
from shared.runbook.rendering import render
from shared.runbook.runbook import Runbook

__all__ = [
    "Candidate",
    "Draft",
    "Library",
    "Ranking",
    "Runbook",
    "Unfilled",
    "UnfilledError",
    "UnrenderedError",
    "checks",
    "draft",
    "fill",
    "lint",
    "load_runbooks",
    "match",
    "parse_runbook",
    "render",
]
