"""Hostile values that come into Terraform's variables stay texts: none is read as HCL."""

import json

import pytest

from shared.runbook import calltexts
from shared.runbook.placing import CallOf, prepared
from shared.runbook.quoting import ValueRefusedError
from tests.connectors.terraform.conftest import job
from tests.runbook.hostile import HOSTILE

#: What HCL reads in a text: interpolation, directives, their escapes, here-documents, comments.
HCL = (
    "${path.cwd}",
    "%{ if true }yes%{ else }no%{ endif }",
    "%{ for x in [1, 2] }${x}%{ endfor }",
    "${var.password}",
    '${jsonencode({a = "b"})}',
    "$${literal}",
    "%%{literal}",
    "$${${path.cwd}}",
    "<<EOF ${path.cwd} EOF",
    '"] }',
    "# comment",
    "// comment",
    "/* comment */",
    "a\\nb\\u0024{path.cwd}\\",
    "\u0024{path.cwd}",
    "${~ path.cwd ~}",
)
#: The same over several lines, which only the author of a runbook can write.
LINES = (
    "<<EOF\n${path.cwd}\nEOF",
    "<<-EOF\n\t%{ if true }x%{ endif }\n\tEOF\n",
    'a"\n}\nresource "terraform_data" "pwned" {\n  input = "x',
    '", "b"]\ncolour = "pwned',
)
VALUES = tuple(dict.fromkeys((*HCL, *HOSTILE)))

MAIN = """
variable "password" {
  default = "hunter-two"
}
variable "list" {
  type = list(string)
}
variable "map" {
  type = map(string)
}
variable "anything" {
}
variable "one" {
  type = string
}
resource "terraform_data" "web" {
  input = var.one
}
output "list" { value = var.list }
output "map" { value = var.map }
output "anything" { value = var.anything }
output "one" { value = terraform_data.web.output }
"""


def rendered(action, **templates):
    """A call as a runbook's step makes it, with the values where ``{{ v0 }}`` and so on stand."""
    text = calltexts.template_of("terraform", action, {"variables": templates})
    values = {f"v{index}": value for index, value in enumerate(VALUES)}
    return prepared(text, CallOf("terraform")).render(values)


@pytest.mark.parametrize("value", LINES)
def test_a_value_of_several_lines_is_refused(value):
    text = calltexts.template_of("terraform", "apply", {"variables": {"a": "{{ v }}"}})
    with pytest.raises(ValueRefusedError, match="has a line break"):
        prepared(text, CallOf("terraform")).render({"v": value})


@pytest.mark.parametrize("action", ["apply", "set_variables"])
async def test_values_are_what_they_were_after_a_real_plan_and_apply(place, action):
    if action == "set_variables":
        # What is set is compared with what is there.
        defaults = {"list": "[]", "map": "{}", "anything": "null", "one": '""'}
        text = MAIN
        for name, default in defaults.items():
            text = text.replace(
                f'variable "{name}" {{', f'variable "{name}" {{\n  default = {default}'
            )
        place.write(text)
    else:
        place.write(MAIN)
    each = [f"{{{{ v{index} }}}}" for index in range(len(VALUES))]
    sent = rendered(
        action,
        list=each,
        map={str(index): one for index, one in enumerate(each)},
        anything={"deep": [{"a": one} for one in each]},
        one="\n".join((*HCL, *LINES)),
    )
    connector = place.connector()
    shown = await connector.dry_run(job(sent))
    assert "Plan: 1 to add, 0 to change, 0 to destroy." in shown.text

    ended = await connector.run(job(sent, artifact=shown.artifact))

    assert ended.exit_code == 0, ended.stderr
    found = json.loads((await connector.run(job("output"))).stdout)
    assert found["list"] == list(VALUES)
    assert [found["map"][str(index)] for index in range(len(VALUES))] == list(VALUES)
    assert [one["a"] for one in found["anything"]["deep"]] == list(VALUES)
    assert found["one"] == "\n".join((*HCL, *LINES))
    assert "hunter-two" not in json.dumps(found)
