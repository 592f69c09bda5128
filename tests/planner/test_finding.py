"""The order of rules and search, and what each verdict leads to."""

import pytest

from services.planner.finding import Finder, successes
from services.planner.undecided import Undecided
from shared.events import FoundBy, PlanReady, TicketEscalated
from shared.policy.records.record import Record
from shared.runbook import Library, parse_runbook
from shared.runbook.search import Record as Success
from shared.runbook.search import Verdict
from tests.planner.tickets import planner, triaged
from tests.runbook.runbooks import named

TEXT = """\
apiVersion: handrail/v1
kind: Runbook
metadata: {{name: {name}, title: {title}}}
description: {title}.
match: {{alerts: [{alerts}], text: {title}{when}}}
params: {params}
steps: [{{id: act, uses: local, target: {target}, run: echo {name}, effect: {effect}}}]
verify: [{{uses: local, target: here, run: "true"}}]
"""
FROZEN = {"name": "LedgerFrozen", "title": "the ledger is frozen and books nothing"}
LEDGER, BOOKS = "Bring a frozen ledger back", "Books of a frozen ledger"
MOON = {"name": "MoonPhase", "title": "The moon is full"}


def text(name, title=LEDGER, *, alerts="", when="", params="{}", target="here", effect="once"):
    condition = f", when: {when!r}" if when else ""
    said = TEXT.format(
        name=name,
        title=title,
        alerts=alerts,
        when=condition,
        params=params,
        target=target,
        effect=effect,
    )
    return parse_runbook(said, file=f"{name}.yaml")


def concluded(*runbooks, **fields):
    return planner(*runbooks).conclude(triaged(**(fields or FROZEN)))


def outcome(made) -> str:
    match made:
        case PlanReady():
            return f"{made.runbook.name} by {made.found_by}"
        case Undecided():
            return f"which of {', '.join(one.name for one in made.tried)} by {made.found_by}"
        case TicketEscalated():
            return "nothing"


NAMED = {"alerts": "LedgerFrozen"}
LACKS = {"params": "{who: {from: labels.who, required: true}}"}
OFF = {"when": 'labels.job == "other"'}


@pytest.mark.parametrize(
    ("runbooks", "expected"),
    [
        # A rule goes before the search, whatever the search would say.
        ([text("thaw"), named("odd", "{alerts: [LedgerFrozen]}")], "odd by rule"),
        ([text("thaw", **NAMED), text("melt")], "thaw by rule"),
        ([named("odd", '{alerts: ["Ledger*"]}'), text("thaw", **NAMED)], "thaw by rule"),
        # Two that match as exactly are for a person, as long as both can be used.
        ([text("thaw", **NAMED), text("melt", **NAMED)], "which of melt, thaw by rule"),
        (
            [named("a", '{alerts: ["Ledger*"]}'), named("b", '{alerts: ["*Frozen"]}')],
            "which of a, b by rule",
        ),
        (
            [named("a", '{alerts: ["Ledger*"]}'), named("b", '{alerts: ["LedgerF*"]}')],
            "b by rule",
        ),
        ([text("thaw", **NAMED), text("melt", **NAMED, **LACKS)], "thaw by rule"),
        ([text("thaw", **NAMED), text("melt", **NAMED, **OFF)], "thaw by rule"),
        # Where none of those can be used, the next best by rule is.
        ([text("thaw", **NAMED, **LACKS), named("a", '{alerts: ["L*"]}')], "a by rule"),
        ([text("thaw", **NAMED, **LACKS), text("melt")], "nothing"),
        # No rule: the search.
        ([text("thaw"), named("odd", "{alerts: [Odd]}")], "thaw by search"),
        ([text("thaw"), text("melt")], "which of melt, thaw by search"),
        ([text("thaw"), text("melt", **OFF)], "thaw by search"),
        ([text("thaw", **LACKS), text("melt")], "which of melt, thaw by search"),
        ([text("thaw", **LACKS)], "nothing"),
        ([text("thaw", target="nowhere")], "nothing"),
        ([text("thaw", **OFF)], "nothing"),
        ([named("odd", "{alerts: [Odd]}")], "nothing"),
    ],
)
def test_rules_go_first_then_the_search_and_what_is_close_is_for_a_person(runbooks, expected):
    ordered = sorted(runbooks, key=lambda one: one.name)
    assert outcome(concluded(*ordered)) == expected


def test_a_plan_that_the_search_found_says_how_it_was_found():
    plan = concluded(text("thaw"))
    assert isinstance(plan, PlanReady)
    assert plan.found_by is FoundBy.SEARCH
    assert plan.reasons[0] == "no rule names the alert LedgerFrozen; the search found it"
    assert any(reason.startswith("ledger in title") for reason in plan.reasons)


def test_where_nothing_fits_the_nearest_are_told_and_why_they_do_not_fit():
    far = concluded(named("tides", "{alerts: [Tides]}", run="echo full"), **MOON)
    assert isinstance(far, TicketEscalated)
    assert far.reason.startswith("no runbook applies to the alert MoonPhase, and none fits: tides")
    (near,) = far.tried
    assert near.startswith("tides: fits 0.")
    assert "at least 0.56 is asked for (full in steps" in near


def test_a_runbook_of_that_name_whose_condition_does_not_hold_is_told_first():
    said = concluded(text("thaw", **NAMED, **OFF), text("melt", "A ledger of the moon", **OFF))
    assert isinstance(said, TicketEscalated)
    assert said.tried[0].startswith(
        "thaw: it is for the alert LedgerFrozen, but its condition does not hold"
    )


def test_what_hinders_a_runbook_is_part_of_the_question():
    made = concluded(text("melt", **LACKS), text("thaw"))
    assert isinstance(made, Undecided)
    melt, thaw = (one.option() for one in made.tried)
    assert (melt.usable, thaw.usable) == (False, True)
    assert "the alert has no label who" in melt.hinders[0]
    assert [(step.command, step.target) for step in thaw.steps] == [("echo thaw", "here")]


def test_a_verified_record_decides_between_two_that_say_the_same():
    library = Library((text("melt"), text("thaw")))
    ticket = triaged(**FROZEN)
    proven = {"thaw": Success(runs=50, verified=50), "melt": Success(runs=50, failed=50)}
    assert Finder().find(library, ticket).hits[0].name == "melt"
    assert Finder().find(library, ticket, proven).hits[0].name == "thaw"


def test_only_the_record_of_the_text_in_use_counts():
    runbook = text("thaw")
    told = [
        Record("thaw", runbook.version, runs=3, verified=2, failed=1),
        Record("thaw", "before", runs=90, failed=90),
        Record("gone", "1", runs=1),
    ]
    assert successes(Library((runbook,)), told) == {"thaw": Success(3, 2, 1)}


def test_a_check_after_a_plan_of_which_nothing_ran_counts_as_a_run():
    runbook = text("thaw")
    told = [Record("thaw", runbook.version, runs=1, verified=2, failed=1)]
    assert successes(Library((runbook,)), told) == {"thaw": Success(3, 2, 1)}


def test_the_search_follows_the_library():
    finder, ticket = Finder(), triaged(**FROZEN)
    first = Library((text("thaw"), text("melt")))
    assert finder.find(first, ticket).verdict is Verdict.CLOSE
    second = Library((text("thaw"), text("melt", "The moon is full")))
    assert finder.find(second, ticket).choices == ("thaw",)
    assert finder.find(Library(), ticket).hits == ()


def test_conditions_that_keep_many_out_do_not_hide_the_one_that_is_left():
    closed = [text(f"thaw-{number:03}", **OFF) for number in range(15)]
    others = [text(f"plant-{number:03}", "Water the plants") for number in range(60)]
    answer = Finder().find(Library((*closed, *others, text("zz-thaw"))), triaged(**FROZEN))
    assert answer.choices == ("zz-thaw",)


def test_what_comes_and_goes_is_neither_planned_nor_asked_about():
    ticket = triaged(**FROZEN).model_copy(update={"flapping": True})
    assert isinstance(planner(text("thaw"), text("melt")).conclude(ticket), TicketEscalated)
