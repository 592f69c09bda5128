"""A test without its program is skipped where somebody works, and fails in CI."""

import sys
from pathlib import Path

import pytest

from tests.programs import program


def test_a_program_is_found_by_any_of_its_names(monkeypatch):
    python = Path(sys.executable)
    monkeypatch.setenv("PATH", str(python.parent))
    assert program("no-such-program", python.name) == str(python)


def test_without_its_program_a_test_is_skipped(monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="nothing-1 is not here: install the-package"):
        program("nothing-1", package="the-package")


def test_in_ci_a_test_without_its_program_fails(monkeypatch):
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="nothing-1 is not here: install nothing-1"):
        program("nothing-1")
