"""Verification checks: what is asked of the world after a plan ran, and what it answered."""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field


class _Check(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    within: timedelta = Field(
        timedelta(minutes=5),
        description="How long after the plan the check may take to become true.",
    )
    hold: timedelta = Field(
        timedelta(0),
        description="How long it must stay true without a break.",
    )


class HttpCheck(_Check):
    """True when a GET answers with the expected status, and with the text if one is given."""

    uses: Literal["http"] = "http"
    url: str
    status: int = 200
    contains: str | None = None


class CommandCheck(_Check):
    """True when a read-only command on a target ends with the expected exit code.

    ``run`` is written in the language of its connector; see ``shared.runbook.languages``.
    """

    uses: Literal["ssh", "local", "winrm", "kubernetes"]
    target: str
    run: str
    exit_code: int = 0


class SqlCheck(_Check):
    """True when a query, which cannot write, has a row whose first column is true.

    ``run`` is the statement with its values below it; see ``shared.runbook.sql``.
    """

    uses: Literal["sql"] = "sql"
    target: str
    run: str


class PrometheusCheck(_Check):
    """True when an instant query has a result that is not empty, and not a scalar zero."""

    uses: Literal["prometheus"] = "prometheus"
    query: str
    server: str | None = Field(None, description="A name under `prometheus` in handrail.yaml.")


Check = Annotated[
    HttpCheck | CommandCheck | SqlCheck | PrometheusCheck,
    Field(discriminator="uses"),
]


class CheckResult(BaseModel):
    """What one check found in the end."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    check: str
    passed: bool
    detail: str
    tries: int
    at: AwareDatetime
