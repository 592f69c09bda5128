"""Real programs that tests need: without one a test is skipped, and in CI it fails."""

import os
import shutil
from typing import NoReturn

import pytest

# Where servers are, for whom PATH has only what people type.
_ALSO = ("/usr/local/sbin", "/usr/sbin", "/sbin")


def program(name: str, *others: str, package: str = "") -> str:
    """Where a program is, or another one of those names; ``package`` is Debian's for it."""
    path = os.pathsep.join((os.environ.get("PATH", ""), *_ALSO))
    tried = (shutil.which(each, path=path) for each in (name, *others))
    found = next(filter(None, tried), None)
    return found or absent(f"{name} is not here: install {package or name}")


def absent(reason: str) -> NoReturn:
    """Something that the test needs is not here."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
