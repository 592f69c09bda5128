"""``handrail serve``: services against servers that settings name."""

import signal

from deploy.ports import answers, free_port
from deploy.readiness import ready
from tests.deploy.conditions import until
from tests.deploy.terminal import Terminal


async def test_services_run_in_one_process_and_stop_in_order(stack, db, tmp_path):
    settings = {**stack.environment(), "HANDRAIL_MONGO_DATABASE": db.name}
    ports = {"TRIAGE": free_port(0), "CONSOLE": free_port(0)}
    settings |= {f"HANDRAIL_{name}_PORT": str(port) for name, port in ports.items()}
    serving = await Terminal(tmp_path, settings).start("serve", "triage", "console")
    for port in ports.values():
        await until(lambda port=port: ready(f"http://127.0.0.1:{port}"))

    serving.send_signal(signal.SIGTERM)
    _, err = await serving.communicate()

    assert serving.returncode == 0
    assert err.count(b'"event": "service.stopped"') == 2
    assert not any(map(answers, ports.values()))


async def test_a_missing_setting_stops_the_start_with_one_line_that_names_it(tmp_path):
    said = await Terminal(tmp_path, {"HANDRAIL_NATS_URL": "nats://127.0.0.1:1"}).run(
        "serve", "ingest"
    )

    assert (said.code, said.out) == (2, "")
    assert said.err == "HANDRAIL_MONGO_URL: is not set\n"


async def test_a_wrong_setting_stops_the_start_with_one_line_that_names_it(stack, tmp_path):
    settings = {**stack.environment(), "HANDRAIL_INGEST_PORT": "high"}

    said = await Terminal(tmp_path, settings).run("serve", "ingest")

    assert said.code == 2
    assert said.err.startswith("HANDRAIL_INGEST_PORT: ")
    assert said.err.count("\n") == 1


async def test_a_service_that_is_none_is_told(tmp_path):
    said = await Terminal(tmp_path, {}).run("serve", "ingress")

    assert said.code == 2
    assert said.err.startswith("there is no service ingress (there are: ingest, ")


async def test_the_config_in_the_working_folder_is_read(stack, tmp_path):
    (tmp_path / "handrail.yaml").write_text("sourcez: {}\n")

    said = await Terminal(tmp_path, stack.environment()).run("serve", "ingest")

    assert said.code == 2
    assert "handrail.yaml:1:1: sourcez: there is no such field" in said.err
