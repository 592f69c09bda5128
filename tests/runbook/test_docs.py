"""What the manual says is so: its examples have no mistake, and their tests pass."""

import re
from pathlib import Path

from shared.runbook import load_runbooks, parse_runbook
from shared.runbook.trials import tried
from tests.runbook.library import HEAD, TELL

MANUAL = (Path(__file__).parents[2] / "docs" / "runbooks.md").read_text()
EXAMPLES = re.findall(r"```yaml\n(.*?)```", MANUAL, re.DOTALL)


def example(begins: str) -> str:
    return next(text for text in EXAMPLES if text.startswith(begins))


def test_the_first_example_has_no_mistake():
    assert parse_runbook(example("apiVersion"), file="manual.yaml").name == "restart-service"


def test_the_example_that_uses_all_has_no_mistake_and_its_tests_pass(tmp_path):
    text = (
        HEAD
        + "metadata: {name: disk-full, title: Make room}\ndescription: Full.\n"
        + "match: {alerts: [DiskFull]}\n"
        + example("params:")
        + example("steps:")
        + 'verify: [{uses: ssh, target: "{{ host }}", run: "true"}]\n'
        + example("tests:")
    )
    (tmp_path / "disk-full.yaml").write_text(text)
    (tmp_path / "tell.yaml").write_text(TELL.replace("name: tell", "name: tell-everybody"))
    library = load_runbooks(tmp_path)
    assert library.problems == ()
    book = library.get("disk-full")
    wrong = [tried(book, case).wrong for case in book.content.tests]
    assert wrong == [(), (), ()]
