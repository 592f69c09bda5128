"""The machine that the executor itself runs on, as a target."""

from typing import Literal

from shared.config.targets.target import AnyTarget


class LocalTarget(AnyTarget):
    """The machine that the executor itself runs on."""

    connector: Literal["local"]
