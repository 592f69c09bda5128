"""Runbooks: their format, which of them are for an alert, and the steps that they make of it."""

from shared.runbook.filling import Unfilled, UnfilledError, fill
from shared.runbook.library import Library, Runbook, lint, load_runbooks, parse_runbook
from shared.runbook.matching import Candidate, Ranking, match
from shared.runbook.rendering import UnrenderedError, checks, render

__all__ = [
    "Candidate",
    "Library",
    "Ranking",
    "Runbook",
    "Unfilled",
    "UnfilledError",
    "UnrenderedError",
    "checks",
    "fill",
    "lint",
    "load_runbooks",
    "match",
    "parse_runbook",
    "render",
]
