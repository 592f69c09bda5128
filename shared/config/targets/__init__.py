"""``targets``: where steps run, and how it is reached; a file and a line for each connector."""

from typing import Annotated

from pydantic import Field

from shared.config.targets.aws import AwsTarget
from shared.config.targets.http import HttpTarget
from shared.config.targets.kubernetes import KubernetesTarget
from shared.config.targets.local import LocalTarget
from shared.config.targets.sql import SqlTarget
from shared.config.targets.ssh import SshTarget
from shared.config.targets.target import AnyTarget
from shared.config.targets.terraform import TerraformTarget

__all__ = [
    "AnyTarget",
    "AwsTarget",
    "HttpTarget",
    "KubernetesTarget",
    "LocalTarget",
    "SqlTarget",
    "SshTarget",
    "Target",
    "TerraformTarget",
]

Target = Annotated[
    AwsTarget
    | KubernetesTarget
    | HttpTarget
    | LocalTarget
    | SqlTarget
    | SshTarget
    | TerraformTarget,
    Field(discriminator="connector"),
]
