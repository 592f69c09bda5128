"""What people saw planned is what a real Terraform applies, once."""

import asyncio
import json

import pytest

from shared.calls.call import MalformedCallError
from shared.calls.families import parsed_as
from shared.connectors.protocol import TargetUnusableError
from shared.connectors.terraform.connector import NoCheckError, PlanRefusedError
from shared.connectors.terraform.console import VariableRefusedError
from shared.connectors.terraform.variables import NothingToRollBackError
from tests.connectors.conftest import Heard
from tests.connectors.terraform.conftest import MAIN, job
from tests.running import until

SOON = 60


def state(place):
    return json.loads((place.directory / "terraform.tfstate").read_text())


def ids(place):
    [web] = [found for found in state(place)["resources"] if found["name"] == "web"]
    return [one["attributes"]["id"] for one in web["instances"]]


async def applied(place, text="apply"):
    ended = await place.connector().run(job(text))
    assert ended.exit_code == 0, ended.stderr
    return ended


async def colours(place):
    ended = await place.connector().run(job('output\nnames: ["colours"]'))
    return json.loads(ended.stdout)["colours"]


async def test_a_plan_is_shown_and_changes_nothing(place):
    ended = await place.connector().run(job("plan"))
    assert ended.exit_code == 0
    assert "terraform_data.web[0] will be created" in ended.stdout
    assert not (place.directory / "terraform.tfstate").exists()


@pytest.mark.parametrize(("done", "code"), [(True, 0), (False, 2)])
async def test_as_a_check_a_plan_says_whether_there_is_anything_to_do(place, done, code):
    if done:
        await applied(place)
    check = 'plan\nexpect: "no_changes"'
    connector = place.connector()
    assert (await connector.read(check, timeout=job("").timeout)).exit_code == code
    assert (await connector.run(job(check))).exit_code == code


async def test_a_check_only_looks(place):
    with pytest.raises(NoCheckError, match="apply changes something"):
        await place.connector().read("apply", timeout=job("").timeout)


async def test_exactly_the_plan_that_was_shown_is_applied(place):
    sent = 'apply\nvariables: {"colour": "blue"}'
    shown = await place.connector().dry_run(job(sent))
    assert "blue 0" in shown.text
    assert "Plan: 1 to add, 0 to change, 0 to destroy." in shown.text
    # What is planned from here on would be another thing.
    place.write(MAIN.replace("count.index}", "count.index} altered"))
    ended = await place.connector().run(job(sent, artifact=shown.artifact))
    assert ended.exit_code == 0
    assert await colours(place) == ["blue 0"]


async def test_a_plan_that_grew_stale_is_refused_and_says_what_to_do(place):
    shown = await place.connector().dry_run(job("apply"))
    await applied(place)
    before = state(place)
    ended = await place.connector().run(job("apply", artifact=shown.artifact))
    assert ended.exit_code == 1
    assert "have it planned and approved again" in ended.stderr
    assert state(place) == before


async def test_what_was_not_asked_about_is_planned_and_applied_in_one_go(place):
    await applied(place, 'apply\nvariables: {"size": 2}')
    assert await colours(place) == ["red 0", "red 1"]


async def test_the_same_key_twice_applies_once(place):
    sent = job('replace\naddresses: ["terraform_data.web[0]"]')
    await applied(place)
    first = await place.connector().run(sent)
    replaced = ids(place)
    second = await place.connector().run(sent)
    assert (first.exit_code, first.reattached) == (0, False)
    assert (second.exit_code, second.reattached, second.stdout) == (0, True, first.stdout)
    assert ids(place) == replaced


async def test_who_comes_second_with_a_key_asks_terraform_nothing(place):
    """It would wait for the lock, and could not tell what was set before."""
    sent = job('set_variables\nvariables: {"size": 2}')
    first = await place.connector().run(sent)
    second = await place.connector(binary="nowhere").run(sent)
    assert (second.reattached, second.stdout) == (True, first.stdout)


async def test_after_a_crash_another_executor_reads_the_end(place):
    place.write(
        MAIN
        + """
        resource "terraform_data" "slow" {
          provisioner "local-exec" {
            command = "echo ran >>ran; until [ -e go ]; do sleep 0.1; done"
          }
        }
        """
    )
    sent = job("apply")
    assert await place.connector().reattach(sent) is None
    watching = asyncio.create_task(place.connector().run(sent))
    await until((place.directory / "ran").exists, within=SOON)
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    attached = asyncio.create_task(place.connector().reattach(sent))
    (place.directory / "go").touch()
    ended = await attached
    assert (ended.exit_code, ended.reattached) == (0, True)
    assert "Apply complete" in ended.stdout
    assert (place.directory / "ran").read_text() == "ran\n"
    assert place.left_behind() == []


async def test_what_is_cancelled_ends_and_gives_the_lock_back(place):
    place.write(
        'resource "terraform_data" "slow" {\n'
        '  provisioner "local-exec" { command = "touch ran; sleep 60" }\n}'
    )
    sent = job("apply")
    running = asyncio.create_task(place.connector().run(sent))
    await until((place.directory / "ran").exists, within=SOON)
    assert await place.connector().cancel(sent.key)
    ended = await running
    assert ended.cancelled
    assert (await place.connector(lock_timeout="1s").run(job("refresh_only"))).exit_code == 0


async def test_output_is_heard_as_it_comes(place):
    heard = Heard()
    ended = await place.connector().run(job("apply"), on_output=heard)
    assert heard.text("stdout") == ended.stdout
    assert "Creation complete" in ended.stdout


@pytest.mark.parametrize("action", ["taint", "untaint"])
async def test_marks_are_set_and_taken_away(place, action):
    await applied(place)
    before = ids(place)
    marks = {"taint": ("taint",), "untaint": ("taint", "untaint")}[action]
    for mark in marks:
        await applied(place, f'{mark}\naddresses: ["terraform_data.web[0]"]')
    await applied(place)
    assert (ids(place) == before) is (action == "untaint")


async def test_targets_narrow_an_apply_down(place):
    await applied(place, 'apply\nvariables: {"size": 3}\ntargets: ["terraform_data.web[1]"]')
    assert len(ids(place)) == 1


async def test_everything_can_be_destroyed(place):
    await applied(place)
    await applied(place, "apply\ndestroy: true")
    assert state(place)["resources"] == []


async def test_the_state_is_brought_up_to_date_and_nothing_else(place):
    await applied(place)
    place.write(MAIN.replace("count.index}", "count.index} altered"))
    await applied(place, "refresh_only")
    assert await colours(place) == ["red 0"]


async def test_outputs_are_json_without_what_is_sensitive(place):
    await applied(place)
    ended = await place.connector().run(job("output"))
    assert json.loads(ended.stdout) == {
        "colours": ["red 0"],
        "size": 1,
        "password": "(sensitive)",
    }


async def test_an_output_that_is_not_there_is_told_with_those_that_are(place):
    await applied(place)
    ended = await place.connector().run(job('output\nnames: ["sise"]'))
    assert (ended.exit_code, ended.stderr) == (
        1,
        "no output sise; there are: colours, password, size\n",
    )


async def test_variables_are_set_for_good_once_they_are_applied(place):
    sent = 'set_variables\nvariables: {"size": 2}'
    shown = await place.connector().dry_run(job(sent))
    assert "1 to add" in shown.text or "2 to add" in shown.text
    assert not place.variables.exists()
    await place.connector().run(job(sent, artifact=shown.artifact))
    assert json.loads(place.variables.read_text()) == {"size": 2}
    assert (await place.connector().run(job('plan\nexpect: "no_changes"'))).exit_code == 0


async def test_a_rollback_goes_back_to_what_was_also_by_default(place):
    for variables in ('{"colour": "blue"}', '{"size": 2, "colour": "green"}'):
        await applied(place, f"set_variables\nvariables: {variables}")
    assert await colours(place) == ["green 0", "green 1"]
    shown = await place.connector().dry_run(job("rollback"))
    assert "1 to destroy" in shown.text
    await place.connector().run(job("rollback", artifact=shown.artifact))
    assert await colours(place) == ["blue 0"]
    await applied(place, "rollback")
    assert await colours(place) == ["red 0"]
    with pytest.raises(NothingToRollBackError, match="no variables were set"):
        await place.connector().run(job("rollback"))


async def test_an_apply_that_fails_leaves_the_variables_as_they_were(place):
    await applied(place, 'set_variables\nvariables: {"size": 2}')
    place.write(
        MAIN
        + """
        resource "terraform_data" "bad" {
          triggers_replace = var.size
          provisioner "local-exec" { command = "exit 3" }
        }
        """
    )
    ended = await place.connector().run(job('set_variables\nvariables: {"size": 3}'))
    assert ended.exit_code == 1
    assert json.loads(place.variables.read_text()) == {"size": 2}


async def test_variables_that_somebody_changed_meanwhile_are_not_overwritten(place):
    sent = job('set_variables\nvariables: {"size": 2}')
    connector = place.connector()
    command = await connector._command(parsed_as("terraform", sent.command), sent)
    place.variables.write_text('{"colour": "pink"}')
    ended = await connector._local.run(job(command))
    assert ended.exit_code == 1
    assert "the variables were changed meanwhile" in ended.stderr
    assert place.variables.read_text() == '{"colour": "pink"}'
    assert not (place.directory / "terraform.tfstate").exists()


@pytest.mark.parametrize(
    ("variables", "why"),
    [
        ('{"sise": 2}', "declares no variable sise"),
        ('{"password": "swordfish"}', "password: one of these is sensitive"),
    ],
)
async def test_a_variable_that_could_not_be_set_back_is_refused(place, variables, why):
    with pytest.raises(VariableRefusedError, match=why):
        await place.connector().dry_run(job(f"set_variables\nvariables: {variables}"))


async def test_a_plan_that_cannot_be_made_says_why(place):
    with pytest.raises(
        PlanRefusedError, match=r"not suitable for var.size(.|\n)*number is required"
    ):
        await place.connector().dry_run(job('apply\nvariables: {"size": "many"}'))


async def test_secrets_reach_terraform_and_lie_nowhere(place, monkeypatch):
    monkeypatch.setenv("COLOUR", "ultraviolet-42")
    connector = place.connector(env={"TF_VAR_colour": {"env": "COLOUR"}})
    await connector.run(job("apply"))
    assert await colours(place) == ["ultraviolet-42 0"]
    found = [
        path
        for path in place.home.rglob("*")
        if path.is_file()
        and b"ultraviolet-42" in path.read_bytes()
        # What Terraform itself says of an attribute that is not sensitive.
        and path.name not in ("stdout", "stderr")
    ]
    assert found == []
    assert place.left_behind() == []


async def test_each_workspace_has_a_state_of_its_own(place):
    await applied(place)
    (place.directory / "terraform.tfstate.d" / "blue").mkdir(parents=True)
    connector = place.connector(workspace="blue")
    assert "will be created" in (await connector.run(job("plan"))).stdout


async def test_a_workspace_that_is_not_there_is_not_begun_by_mistake(place):
    with pytest.raises(TargetUnusableError, match="has no workspace bleu"):
        await place.connector(workspace="bleu").run(job("apply"))
    assert not (place.directory / "terraform.tfstate.d").exists()


async def test_files_of_variables_are_read_and_those_set_by_handrail_win(place):
    (place.directory / "prod.tfvars").write_text('size = 2\ncolour = "black"\n')
    connector = place.connector(var_files=["prod.tfvars"])
    await connector.run(job('set_variables\nvariables: {"colour": "white"}'))
    assert await colours(place) == ["white 0", "white 1"]
    await connector.run(job("rollback"))
    assert await colours(place) == ["black 0", "black 1"]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"binary": "terrafrom"}, "terrafrom is not installed on this machine"),
        ({"directory": "/nowhere"}, "/nowhere is no directory"),
    ],
)
async def test_a_target_that_is_wrong_says_what_to_change(place, said, why):
    with pytest.raises(TargetUnusableError, match=why):
        await place.connector(**said).run(job("plan"))


@pytest.mark.parametrize(
    "text",
    [
        'apply\ntargets: ["-destroy"]',
        'apply\ntargets: ["terraform_data.web[0]; id"]',
        "replace\naddresses: []",
        'set_variables\nvariables: {"-x": 1}',
        "destroy",
    ],
)
async def test_what_is_no_call_of_terraform_is_refused(place, text):
    with pytest.raises(MalformedCallError):
        await place.connector().run(job(text))
