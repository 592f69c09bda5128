"""The planner, composed as it runs."""

from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from services.planner.app import Settings, build, runbooks_directory
from shared.errors import SettingsError
from shared.settings import load_settings
from tests.runbook.runbooks import WHOLE

URLS = {
    "nats_url": "nats://localhost:1",
    "mongo_url": "mongodb://localhost:1",
    "secret_key": "k" * 32,
}


async def test_a_wrong_runbook_is_logged_with_its_place_and_does_not_stop_the_service(
    tmp_path, stack, db
):
    (tmp_path / "good.yaml").write_text(WHOLE)
    (tmp_path / "wrong.yaml").write_text(WHOLE.replace("risk: high", "risk: huge"))
    urls = {**URLS, "mongo_url": stack.mongo_url, "mongo_database": db.name}
    service = build(Settings(**urls, runbooks=tmp_path))
    with capture_logs() as logs:
        for prepare in service.prepare:
            await prepare()
    service.client.close()
    refused = next(entry for entry in logs if entry["event"] == "runbook.refused")
    assert refused["file"] == str(tmp_path / "wrong.yaml")
    assert refused["line"] > 1
    assert next(entry for entry in logs if entry["event"] == "runbooks.loaded")["count"] == 1


def test_a_directory_that_is_not_there_stops_the_start_and_names_the_setting(tmp_path):
    with pytest.raises(SettingsError, match=r"HANDRAIL_RUNBOOKS: .* is no directory"):
        runbooks_directory(tmp_path / "absent")


def test_without_a_setting_the_runbooks_of_the_working_directory_are_used(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert (runbooks_directory(None) / "restart-http-service.yaml").is_file()
    (tmp_path / "runbooks").mkdir()
    assert runbooks_directory(None).resolve() == tmp_path / "runbooks"


def test_the_settings_come_from_the_environment(monkeypatch):
    for name, value in URLS.items():
        monkeypatch.setenv(f"HANDRAIL_{name.upper()}", value)
    monkeypatch.setenv("HANDRAIL_PLANNER_PORT", "9000")
    monkeypatch.setenv("HANDRAIL_APPROVAL_EXPIRES", "15m")
    settings = load_settings(Settings)
    assert (settings.planner_port, settings.approval_expires) == (9000, timedelta(minutes=15))
    monkeypatch.setenv("HANDRAIL_APPROVAL_EXPIRES", "soon")
    with pytest.raises(SettingsError, match=r"HANDRAIL_APPROVAL_EXPIRES: .*no duration"):
        load_settings(Settings)
