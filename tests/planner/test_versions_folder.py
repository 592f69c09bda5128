"""A folder of runbooks is read again only where it changed."""

import os
from pathlib import Path

import pytest

from services.planner.versions.folder import Folder, FolderGoneError
from shared.runbook.library import files_under
from tests.planner.books import text


@pytest.fixture
def folder(tmp_path) -> Folder:
    (tmp_path / "a.yaml").write_text(text("a"))
    (tmp_path / "wrong.yaml").write_bytes(b"\xff\xfe")
    for file in tmp_path.iterdir():
        os.utime(file, ns=(1, 1))
    return Folder(tmp_path)


def says(folder: Folder) -> dict[str, str]:
    seen = folder.look()
    return {name: one.runbook.content.description for name, (_, one) in seen.runbooks.items()}


def test_what_did_not_change_is_the_same_object(folder):
    seen = folder.look()
    assert folder.look() is seen
    assert seen.wrong == {"wrong.yaml"}
    assert "cannot be read" in seen.problems[0].message


def test_a_second_write_in_the_same_tick_of_the_clock_is_seen(folder):
    path = folder.path / "a.yaml"
    path.write_text(text("a", "two"))
    seen, stamp = folder.look(), path.stat().st_mtime_ns
    assert folder.look() is seen
    path.write_text(text("a", "six"))
    os.utime(path, ns=(stamp, stamp))
    assert says(folder) == {"a": "It says six."}


def test_a_file_that_was_only_touched_is_the_same(folder):
    before = folder.look()
    os.utime(folder.path / "a.yaml", ns=(5, 5))
    assert folder.look() is before


def test_a_file_that_is_exchanged_by_a_link_is_seen(folder, tmp_path):
    """As Kubernetes changes the files of a ConfigMap."""
    for says_ in ("two", "six"):
        other = tmp_path / f"..{says_}"
        other.mkdir()
        (other / "b.yaml").write_text(text("b", says_))
        os.utime(other / "b.yaml", ns=(1, 1))
        link = tmp_path / "..new"
        link.symlink_to(other / "b.yaml")
        link.rename(tmp_path / "b.yaml")
        assert says(folder)["b"] == f"It says {says_}."


def test_the_same_files_are_looked_at_that_every_command_takes(folder):
    names = ["z.yml", "b/a.yaml", "b-c/a.yaml", "b.yaml", ".hidden.yaml", ".d/a.yaml", "n.txt"]
    names += ["b/.e/a.yaml", "a.test.yaml", "b/x.test.yml", "b/.yaml"]
    for name in names:
        path = folder.path / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(text("x"))
    (folder.path / "folder.yaml").mkdir()
    (folder.path / "nothing.yaml").symlink_to("nowhere")
    expected = [file.relative_to(folder.path).as_posix() for file in files_under(folder.path)]
    assert list(folder._stamped()) == expected


def test_a_folder_that_is_not_there_is_told():
    with pytest.raises(FolderGoneError, match="no folder"):
        Folder(Path("/nowhere/at/all")).look()
