"""A runbook's own tests: an alert, and what the runbook has to make of it."""

from typing import Literal

from pydantic import Field, JsonValue

from shared.lifecycle import Severity
from shared.runbook.part import Part, Text


class CaseAlert(Part):
    """The alert of a test; what a test does not care about is filled in."""

    name: Text
    source: Text = "test"
    title: str = ""
    severity: Severity = Severity.P3
    labels: dict[str, str] = Field({})
    annotations: dict[str, str] = Field({})


class CaseStep(Part):
    """What of a step has to be so; what is not said is not compared."""

    target: str | None = None
    run: str | None = None
    check: str | None = None
    rollback: str | None = None
    title: str | None = None
    expects: str | None = None


class Case(Part):
    """One test.

    ``outputs`` stands in for what steps found, by step and name. ``refused`` is a part of the
    reason for which there is no plan; then nothing else is compared.
    """

    name: Text
    alert: CaseAlert
    evidence: dict[str, JsonValue] = Field({})
    matches: bool = True
    params: dict[str, JsonValue] = Field({}, description="Values that parameters have to have.")
    outputs: dict[str, dict[str, JsonValue]] = Field({})
    steps: dict[str, CaseStep] = Field({})
    refused: Text | None = None


class CaseFile(Part):
    """A file of tests beside a runbook: ``NAME.test.yaml``."""

    api_version: Literal["handrail/v1"] = Field(alias="apiVersion")
    kind: Literal["RunbookTest"]
    tests: tuple[Case, ...] = Field(min_length=1)
