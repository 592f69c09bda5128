"""Versions of runbooks: texts that never change, and which of them is active."""

from shared.runbook.versions.catalog import Catalog, Incoming
from shared.runbook.versions.store import MongoVersions
from shared.runbook.versions.version import (
    ChangedMeanwhileError,
    Head,
    Note,
    Origin,
    Version,
    VersionError,
)

__all__ = [
    "Catalog",
    "ChangedMeanwhileError",
    "Head",
    "Incoming",
    "MongoVersions",
    "Note",
    "Origin",
    "Version",
    "VersionError",
]
