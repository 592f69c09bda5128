"""Files become versions, versions become active, and the planner follows without a restart."""

import pytest
from structlog.testing import capture_logs

from shared.runbook.library import parsed_runbook
from shared.runbook.versions import ChangedMeanwhileError, Incoming, Origin, Version
from shared.runbook.versions.store import VersionClashError
from tests.planner.books import ANN, NOW, Books, text, used


async def test_a_new_file_is_an_active_version_that_says_where_it_is_from(books):
    books.write("web/a.yaml", text("a"))
    planner = books.planner()
    await planner.look()
    (version,) = await books.store.of("a")
    assert version.text == text("a")
    assert (version.who, version.at, version.why) == (
        "file",
        NOW,
        "the file web/a.yaml is new",
    )
    assert (version.origin, version.place, version.parent) == (Origin.FILE, "web/a.yaml", None)
    assert planner.library.get("a").version == version.version
    assert used(planner) == await books.active() == {"a": "one"}


async def test_a_changed_file_is_used_without_a_restart_and_told_as_a_difference(books):
    books.write("a.yaml", text("a"))
    planner = books.planner()
    await planner.look()
    before = planner.library
    books.write("a.yaml", text("a", "two"))
    await planner.look()
    assert used(planner) == {"a": "two"}
    assert before.runbooks[0].version != planner.library.runbooks[0].version
    second, first = sorted(await books.store.of("a"), key=lambda one: one.parent is None)
    assert (second.parent, second.why) == (first.ref, "the file a.yaml changed")
    assert second.diff.startswith(f"--- {first.ref}\n+++ {second.ref}\n@@ ")
    assert "-description: It says one.\n" in second.diff
    assert "+description: It says two.\n" in second.diff
    assert first.text == text("a")


async def test_a_file_that_is_touched_or_turned_back_makes_no_new_version(books):
    books.write("a.yaml", text("a"))
    planner = books.planner()
    await planner.look()
    for says in ("one", "two", "one"):
        books.write("a.yaml", text("a", says))
        await planner.look()
    assert used(planner) == await books.active() == {"a": "one"}
    assert len(await books.store.of("a")) == 2
    assert (await books.store.head("a")).rev == 3


@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        (text("a").replace("run: date", "run: date, risk: huge"), (6, 57)),
        ("metadata: {name: a\n", (2, 1)),
        (text("a", "two", includes="nobody"), (6, 36)),
    ],
)
async def test_a_file_that_goes_wrong_is_refused_loudly_and_its_last_good_version_stays(
    books, wrong, place
):
    books.write("a.yaml", text("a"))
    planner = books.planner()
    await planner.look()
    books.write("a.yaml", wrong)
    with capture_logs() as logs:
        await planner.look()
        await planner.look()
    (refused,) = [entry for entry in logs if entry["event"] == "runbook.refused"]
    assert (refused["log_level"], refused["file"]) == ("error", str(books.folder / "a.yaml"))
    assert (refused["line"], refused["column"]) == place
    assert refused["in_force"] == (await books.store.head("a")).ref
    assert used(planner) == await books.active() == {"a": "one"}
    later = books.planner()
    await later.look()
    assert used(later) == {"a": "one"}
    books.write("a.yaml", text("a", "three"))
    await planner.look()
    assert used(planner) == {"a": "three"}


async def test_a_removed_file_turns_its_runbook_off_and_a_file_that_is_back_turns_it_on(books):
    books.write("a.yaml", text("a"))
    books.write("b.yaml", text("b"))
    planner = books.planner()
    await planner.look()
    books.remove("a.yaml")
    await planner.look()
    assert used(planner) == {"b": "one"}
    head = await books.store.head("a")
    assert (head.active, head.gone, head.why) == (None, True, "its file a.yaml was removed")
    assert len(await books.store.of("a")) == 1
    books.write("a.yaml", text("a"))
    await planner.look()
    assert used(planner) == {"a": "one", "b": "one"}


async def test_a_file_that_was_removed_while_no_planner_ran_turns_its_runbook_off(books):
    books.write("a.yaml", text("a"))
    await books.planner().look()
    books.remove("a.yaml")
    books.write("b.yaml", text("b"))
    planner = books.planner()
    await planner.look()
    assert used(planner) == {"b": "one"}


async def test_a_folder_that_goes_away_changes_nothing(books):
    books.write("a.yaml", text("a"))
    planner = books.planner()
    await planner.look()
    books.folder.rename(books.folder.with_name("away"))
    for shelf in (planner, books.planner()):
        with capture_logs() as logs:
            await shelf.look()
            await shelf.look()
        assert [entry["event"] for entry in logs].count("runbooks.unreadable") == 1
        assert used(shelf) == {"a": "one"}


async def test_a_renamed_file_is_the_same_runbook(books):
    books.write("a.yaml", text("a"))
    planner = books.planner()
    await planner.look()
    (books.folder / "a.yaml").rename(books.folder / "z.yaml")
    await planner.look()
    head = await books.store.head("a")
    assert (head.file, head.active) == ("z.yaml", head.version)
    assert used(planner) == {"a": "one"}


async def test_a_file_with_another_name_in_it_is_another_runbook(books):
    books.write("a.yaml", text("a"))
    planner = books.planner()
    await planner.look()
    books.write("a.yaml", text("b"))
    await planner.look()
    assert used(planner) == {"b": "one"}


async def test_of_two_files_with_one_name_the_second_is_refused(books):
    books.write("a.yaml", text("a"))
    books.write("b.yaml", text("a", "two"))
    with capture_logs() as logs:
        planner = books.planner()
        await planner.look()
    (refused,) = [entry for entry in logs if entry["event"] == "runbook.refused"]
    assert refused["reason"] == "the name a is taken by a.yaml: every runbook has its own"
    assert used(planner) == {"a": "one"}


async def test_an_edited_version_is_active_until_the_file_changes(books):
    books.write("a.yaml", text("a"))
    planner = books.planner()
    await planner.look()
    await books.catalog.edit("a", Incoming(text("a", "edited"), "new.yaml"), ANN)
    await planner.look()
    restarted = books.planner()
    await restarted.look()
    assert used(planner) == used(restarted) == {"a": "edited"}
    books.write("a.yaml", text("a", "two"))
    await planner.look()
    assert used(planner) == {"a": "two"}
    assert {one.version for one in await books.store.of("a")} >= {
        (await books.store.head("a")).version
    }


async def test_what_a_person_turned_off_stays_off_when_its_file_changes(books):
    books.write("a.yaml", text("a"))
    planner = books.planner()
    await planner.look()
    await books.catalog.turn_off("a", ANN)
    await planner.look()
    books.write("a.yaml", text("a", "two"))
    await planner.look()
    assert used(planner) == {}
    head = await books.store.head("a")
    assert (head.who, head.off_by, head.off_why) == ("file", "ann", "it was wrong")
    await books.catalog.turn_on("a", ANN)
    await planner.look()
    assert used(planner) == {"a": "two"}


async def test_of_planners_with_different_files_none_takes_back_what_the_other_did(books, tmp_path):
    books.write("a.yaml", text("a"))
    old = books.planner()
    await old.look()
    newer = Books(books.store._heads.database, tmp_path / "newer")
    newer.write("a.yaml", text("a", "two"))
    newer.write("b.yaml", text("b"))
    new = newer.planner()
    await new.look()
    for shelf in (old, new, old):
        await shelf.look()
        assert used(shelf) == {"a": "two", "b": "one"}


async def test_a_change_that_would_break_what_includes_it_is_refused(books):
    books.write("part.yaml", text("part"))
    books.write("whole.yaml", text("whole", includes="part"))
    planner = books.planner()
    await planner.look()
    books.write("part.yaml", text("part", "two", includes="whole"))
    with capture_logs() as logs:
        await planner.look()
    assert any("include each other" in entry.get("reason", "") for entry in logs)
    assert used(planner) == {"part": "one", "whole": "one"}
    books.write("whole.yaml", text("whole", "two"))
    await planner.look()
    assert used(planner) == {"part": "two", "whole": "two"}


async def test_a_plan_names_the_versions_of_all_its_parts_as_they_were(books):
    books.write("part.yaml", text("part"))
    books.write("whole.yaml", text("whole", includes="part"))
    planner = books.planner()
    await planner.look()
    ref = planner.library.get("whole").ref
    books.write("part.yaml", text("part", "two"))
    await planner.look()
    now = planner.library.get("whole").ref
    assert ref.version == now.version
    assert ref.includes != now.includes
    kept = await books.store.version(f"part@{ref.includes['part']}")
    assert kept.text == text("part")


async def test_a_planner_that_has_nothing_to_do_reads_nothing(books):
    books.write("a.yaml", text("a"))
    planner = books.planner()
    await planner.look()
    await planner.look()
    library, seen = planner.library, planner._seen
    await planner.look()
    assert planner.library is library
    assert planner._seen is seen


async def test_a_stored_version_that_cannot_be_read_any_more_is_told_and_left_out(books, db):
    books.write("a.yaml", text("a"))
    books.write("b.yaml", text("b"))
    await books.planner().look()
    (books.folder / "a.yaml").write_text("no: runbook")
    old = {"$set": {"text": text("a").replace("handrail/v1", "handrail/v0")}}
    await db.runbook_versions.update_one({"name": "a"}, old)
    planner = books.planner()
    with capture_logs() as logs:
        await planner.look()
    assert used(planner) == {"b": "one"}
    assert any(entry.get("file", "").startswith("a@") for entry in logs)


async def test_of_two_who_change_a_runbook_at_once_one_is_told(books):
    books.write("a.yaml", text("a"))
    await books.planner().look()
    head = await books.store.head("a")
    await books.store.put(head.turned_off(ANN))
    with pytest.raises(ChangedMeanwhileError, match="somebody changed it"):
        await books.store.put(head.turned_off(ANN))
    changes = await books.store.changes("a")
    assert [(one["rev"], one["who"], one["active"]) for one in changes] == [
        (2, "ann", None),
        (1, "file", head.version),
    ]


async def test_a_version_stays_as_it_was_first_kept(books):
    one = Version.of(parsed_runbook(text("a"), file="a.yaml"), ANN, Origin.EDITED)
    assert await books.store.keep(one) == one
    later = one.model_copy(update={"who": "bob", "why": "mine"})
    assert await books.store.keep(later) == one
    assert await books.store.of("a") == [one]
    with pytest.raises(VersionClashError, match="is another text already"):
        await books.store.keep(one.model_copy(update={"text": "another"}))
    assert await books.store.of("a") == [one]
