"""What files and heads come to, as a table; and which runbooks fit to each other."""

import pytest

from services.planner.versions.due import due
from services.planner.versions.folder import Seen
from shared.runbook.library import parsed_runbook
from shared.runbook.versions import Head, Origin, Version
from shared.runbook.versions.difference import unified
from shared.runbook.versions.fitting import fitted, related
from tests.planner.books import ANN, text


def parsed(name="a", says="one", **more):
    return parsed_runbook(text(name, says, **more), file=f"{name}.yaml")


ONE, TWO = parsed(), parsed(says="two")
V1, V2 = ONE.runbook.version, TWO.runbook.version


def seen(*runbooks, wrong=(), at="a.yaml") -> Seen:
    return Seen({one.runbook.name: (at, one) for one in runbooks}, frozenset(wrong))


def head(version=V1, file="a.yaml", file_version=V1, **more) -> Head:
    said = {"who": "file", "at": ANN.at, "why": ""}
    return Head(name="a", version=version, file=file, file_version=file_version, **said, **more)


@pytest.mark.parametrize(
    ("files", "stands", "settled", "expected"),
    [
        pytest.param(seen(ONE), None, None, "changed", id="a new file"),
        pytest.param(seen(ONE), head(), None, "", id="the same file after a restart"),
        pytest.param(seen(TWO), head(), None, "changed", id="another text after a restart"),
        pytest.param(seen(ONE), head(version=V2), None, "", id="an edit stays at a restart"),
        pytest.param(seen(TWO), head(), {"a": ("a.yaml", V1)}, "changed", id="a change"),
        pytest.param(
            seen(TWO), head(file_version=V2), {"a": ("a.yaml", V1)}, "", id="done already"
        ),
        pytest.param(seen(ONE), head(file_version=V2), {"a": ("a.yaml", V1)}, "", id="other files"),
        pytest.param(seen(), head(), None, "gone", id="removed while nothing ran"),
        pytest.param(seen(), head(), {"a": ("a.yaml", V1)}, "gone", id="removed"),
        pytest.param(seen(), head(), {}, "", id="never its own file"),
        pytest.param(seen(), head(gone=True), None, "", id="gone already"),
        pytest.param(seen(), head(file=None, file_version=None), None, "", id="never had a file"),
        pytest.param(seen(wrong=["a.yaml"]), head(), None, "", id="wrong now"),
        pytest.param(seen(wrong=["z.yaml"]), head(), None, "gone", id="another one is wrong"),
        pytest.param(seen(ONE), head(gone=True), None, "changed", id="back"),
        pytest.param(seen(ONE, at="z.yaml"), head(), None, "moved", id="another path"),
        pytest.param(seen(ONE), head(file=None, file_version=None), None, "changed", id="a first"),
    ],
)
def test_what_is_due(files, stands, settled, expected):
    made = due(files, {"a": stands} if stands else {}, settled)
    kinds = [kind for kind in ("changed", "moved", "gone") if "a" in getattr(made, kind)]
    assert kinds == ([expected] if expected else [])


def library(*runbooks):
    return {one.runbook.name: one for one in runbooks}


WHOLE, PART = parsed("whole", includes="part"), parsed("part")


@pytest.mark.parametrize(
    ("active", "wanted", "accepted"),
    [
        ([], [ONE], ["a"]),
        ([], [WHOLE], []),
        ([], [WHOLE, PART], ["whole", "part"]),
        ([PART, WHOLE], [parsed("part", "two", includes="whole")], []),
        ([PART, WHOLE], [parsed("part", "two", includes="nobody"), ONE], ["a"]),
        ([PART, WHOLE], [parsed("part", "two", includes="whole"), parsed("whole", "x")], 2),
        # What was broken before stands in nobody's way.
        ([WHOLE], [ONE], ["a"]),
        ([WHOLE], [PART], ["part"]),
    ],
)
def test_what_fits_to_the_others(active, wanted, accepted):
    fit = fitted(library(*active), library(*wanted))
    if accepted == 2:
        assert len(fit.accepted) == 2
    else:
        assert list(fit.accepted) == accepted
    assert bool(fit.problems) == (len(fit.accepted) < len(wanted))


def test_what_would_take_a_parameter_away_from_another_runbook_is_refused():
    given = WHOLE.source.text.replace("runbook: part}", "runbook: part, with: {job: x}}")
    whole = parsed_runbook(given, file="whole.yaml")
    part = parsed("part", needs="job")
    assert fitted({}, library(whole, part)).problems == ()
    (problem,) = fitted(library(whole, part), library(PART)).problems
    assert "has no parameter job" in problem.message


def test_those_are_related_that_include_each_other_however_indirectly():
    heads = {
        name: head().model_copy(update={"name": name, "includes": includes})
        for name, includes in {"a": ("b",), "b": (), "c": ("b",), "d": ("e",), "e": ()}.items()
    }
    heads["off"] = heads["c"].model_copy(update={"name": "off", "off": True})
    assert related(heads, library(parsed("b"))) == {"a", "c"}
    assert related(heads, library(parsed("x", includes="d"))) == {"d", "e"}


def test_a_version_that_is_active_again_is_no_step_to_roll_back_to():
    one, two = (Version.of(each, ANN, Origin.EDITED) for each in (ONE, TWO))
    begun = Head.begun(one, ANN)
    same = begun.to(one, ANN)
    assert (same.before, same.rev) == ((), 2)
    assert begun.to(two, ANN).before == (V1,)
    assert begun.to(two, ANN).rolled_back(one, ANN).before == ()


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        ("a\nb\n", "a\nc\n", [" a", "-b", "+c"]),
        ("a", "a\n", ["-a", r"\ No newline at end of file", "+a"]),
        ("a\r\n", "a\n", ["-a\r", "+a"]),
        ("a\x0cb\n", "a\x0cc\n", ["-a\x0cb", "+a\x0cc"]),
        ("-- x\n", "-- x", ["--- x", "+-- x", r"\ No newline at end of file"]),
        ("a\n", "a\n", []),
    ],
)
def test_a_difference_is_as_patch_reads_it(before, after, lines):
    said = unified(before, after, old="one", new="two").split("\n")
    assert said[3:-1] == lines
