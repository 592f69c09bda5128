"""A store that commands find, and a way to run them."""

import pytest
from typer.testing import CliRunner

from deploy.cli import app
from tests.deploy.records import store


@pytest.fixture
async def stored(db, stack, tmp_path, monkeypatch):
    """A store with two tickets, which commands find by their settings."""
    await store(db)
    monkeypatch.setenv("HANDRAIL_HOME", str(tmp_path))
    monkeypatch.setenv("HANDRAIL_MONGO_DATABASE", db.name)
    for name, value in stack.environment().items():
        monkeypatch.setenv(name, value)
    return db


@pytest.fixture
def handrail():
    """Runs a command in this process."""

    def run(*arguments: str, code: int = 0):
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == code, result.output
        return result

    return run
