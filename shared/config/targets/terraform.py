"""Directories with a Terraform or OpenTofu configuration, as targets."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from shared.config.targets.target import AnyTarget
from shared.durations import PositiveDuration
from shared.secrets import SecretRef

EnvironmentName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


class TerraformTarget(AnyTarget):
    """A configuration on the executor's machine, initialised already (``terraform init``)."""

    connector: Literal["terraform"]
    directory: Path
    binary: Annotated[
        str | None,
        Field(description="A program on PATH or its path; terraform, else tofu, where not said."),
    ] = None
    workspace: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.~-]{1,90}$")] | None = None
    env: Annotated[
        dict[EnvironmentName, SecretRef],
        Field(
            default_factory=dict,
            description="The variables of its environment, such as the keys of a provider.",
        ),
    ]
    var_files: Annotated[
        tuple[Path, ...], Field(description="As with -var-file; relative to the directory.")
    ] = ()
    lock_timeout: Annotated[
        PositiveDuration, Field(description="How long to wait for the lock of the state.")
    ] = timedelta(seconds=60)
