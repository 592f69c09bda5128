"""``approvals``: what a yes needs beside a link."""

from typing import Literal

from shared.config.section import Section
from shared.lifecycle import Risk


class Confirm(Section):
    """A yes by a page to a step of this risk or more has to be confirmed by a one-time code."""

    from_risk: Risk = Risk.HIGH
    by: Literal["code"] = "code"


class Approvals(Section):
    """The whole section."""

    confirm: Confirm | None = None
