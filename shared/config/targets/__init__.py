"""``targets``: where steps run, and how it is reached; a file and a line for each connector."""

from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import Field

from shared.config.targets.aws import AwsTarget
from shared.config.targets.http import HttpTarget
from shared.config.targets.kubernetes import KubernetesTarget
from shared.config.targets.local import LocalTarget
from shared.config.targets.sql import SqlTarget
from shared.config.targets.ssh import SshTarget
from shared.config.targets.target import AnyTarget
from shared.config.targets.terraform import TerraformTarget
from shared.config.targets.winrm import WinrmTarget

__all__ = [
    "CARRIED",
    "AnyTarget",
    "AwsTarget",
    "HttpTarget",
    "KubernetesTarget",
    "LocalTarget",
    "SqlTarget",
    "SshTarget",
    "Target",
    "TerraformTarget",
    "WinrmTarget",
    "reaches",
]

Target = Annotated[
    AwsTarget
    | KubernetesTarget
    | HttpTarget
    | LocalTarget
    | SqlTarget
    | SshTarget
    | TerraformTarget
    | WinrmTarget,
    Field(discriminator="connector"),
]

#: What steps use on targets of other connectors, and on which.
CARRIED: Final[Mapping[str, tuple[str, ...]]] = {"script": ("ssh", "local", "winrm")}


def reaches(uses: str, connector: str) -> bool:
    """Whether a step that uses this runs on a target of that connector."""
    return uses == connector or connector in CARRIED.get(uses, ())
