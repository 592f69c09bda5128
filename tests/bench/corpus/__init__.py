"""A library of runbooks, what monitoring systems say, and which runbook is right for it."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Query:
    """What an alert says; ``right`` is no runbook's name where nothing fits."""

    text: str
    right: str | None

    @property
    def held_out(self) -> bool:
        """Nothing was tuned on these; the text itself decides which they are."""
        return zlib.crc32(self.text.encode()) % 2 == 1


def runbooks() -> list[dict[str, Any]]:
    """The library, each as its file would hold it."""
    entries = yaml.safe_load((_HERE / "runbooks.yaml").read_text())
    return [_file(entry) for entry in entries]


def queries() -> list[Query]:
    lines = (_HERE / "queries.txt").read_text().splitlines()
    rows = (line.split(" | ", 1) for line in lines if line and not line.startswith("#"))
    return [Query(text, None if right == "-" else right) for right, text in rows]


def _file(entry: Mapping[str, Any]) -> dict[str, Any]:
    step = {"id": "act", "uses": "ssh", "target": "server", "run": entry["run"], "risk": "medium"}
    check = {"uses": "ssh", "target": "server", "run": "true"}
    return {
        "apiVersion": "handrail/v1",
        "kind": "Runbook",
        "metadata": {"name": entry["name"], "title": entry["title"]},
        "description": entry.get("description", entry["title"]),
        "match": {"alerts": entry["alerts"], "text": entry.get("text", "")},
        "steps": [step],
        "verify": [check],
    }
