"""A directory of runbooks: what is wrong is refused, the rest load."""

import hashlib
from pathlib import Path

from shared.runbook import lint, load_runbooks
from tests.runbook.runbooks import WHOLE

SHIPPED = Path(__file__).parents[2] / "runbooks"


def test_a_wrong_file_is_refused_and_the_rest_load(tmp_path):
    (tmp_path / "a.yaml").write_text(WHOLE)
    (tmp_path / "b.yaml").write_text(WHOLE.replace("timeout: 2m", "timeout: soon"))
    (tmp_path / "c.yml").write_text(WHOLE.replace("name: restart-service", "name: third"))
    (tmp_path / "d.yaml").write_bytes(b"\xff\xfe")
    (tmp_path / "notes.txt").write_text("not a runbook")
    (tmp_path / ".e.yaml").write_text("hidden")
    library = load_runbooks(tmp_path)
    assert [runbook.name for runbook in library.runbooks] == ["restart-service", "third"]
    assert [Path(problem.file).name for problem in library.problems] == ["b.yaml", "d.yaml"]
    assert library.problems[0].line == 22


def test_of_two_runbooks_with_one_name_the_second_is_refused_and_both_are_named(tmp_path):
    (tmp_path / "a.yaml").write_text(WHOLE)
    (tmp_path / "b.yaml").write_text("\n" + WHOLE)
    library = load_runbooks(tmp_path)
    (problem,) = library.problems
    assert [runbook.file for runbook in library.runbooks] == [str(tmp_path / "a.yaml")]
    assert (Path(problem.file).name, problem.line, problem.column) == ("b.yaml", 4, 12)
    assert f"{tmp_path / 'a.yaml'}:3:12" in problem.message


def test_the_version_is_a_hash_of_the_text(tmp_path):
    (tmp_path / "a.yaml").write_text(WHOLE)
    (runbook,) = load_runbooks(tmp_path).runbooks
    assert runbook.version == hashlib.sha256(WHOLE.encode()).hexdigest()[:12]


def test_what_is_not_there_is_a_problem_and_no_crash(tmp_path):
    assert "there is no runbook" in str(load_runbooks(tmp_path).problems[0])
    (problem,) = lint([tmp_path / "absent.yaml"])
    assert "cannot be read" in problem.message


def test_lint_takes_files_and_directories_and_sees_names_across_them(tmp_path):
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "a.yaml").write_text(WHOLE)
    (tmp_path / "b.yaml").write_text(WHOLE)
    (problem,) = lint([tmp_path / "more", tmp_path / "b.yaml"])
    assert "is taken by" in problem.message


def test_a_merge_key_does_not_upset_where_mistakes_are(tmp_path):
    text = WHOLE.replace("  - id: restart\n", '  - <<: {title: "x {{ nope }}"}\n    id: restart\n')
    (tmp_path / "a.yaml").write_text(text)
    assert "nope is no parameter" in str(load_runbooks(tmp_path).problems[0])


def test_the_runbooks_that_come_with_handrail_are_right():
    library = load_runbooks(SHIPPED)
    assert library.problems == ()
    assert {runbook.name for runbook in library.runbooks} >= {
        "disk-full",
        "restart-http-service",
        "restart-service",
    }
