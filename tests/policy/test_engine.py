"""What a policy says of a step, as tables."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.events import FoundBy, OnExpiry, OnNo, Seat
from shared.lifecycle import Effect, Risk
from shared.policy.engine import decide, trusted
from shared.policy.policy import Policy
from shared.policy.ruling import Ruling, stricter
from shared.policy.terms import Author, Met, Mode, Outcome
from tests.policy.facts import FACTS, TEAMS, facts, policy

AUTO = {"auto": True}
ONE = {"require": 1}
TWO = {"require": 2}
NEVER = {"deny": "not here"}
LOW = {"step": {"risk": Risk.LOW}}
CRITICAL = {"step": {"risk": Risk.CRITICAL}}
REASONER = {"runbook": {"proposed_by": Author.REASONER}}
GUESS = {"runbook": {"found_by": FoundBy.SEARCH}}
# A label that the alert does not have.
UNCLEAR = 'ticket.labels.zone == "a"'
YES, NO = 'ticket.name == "TargetDown"', 'ticket.name == "Other"'


def outcome(ruling) -> str:
    """``auto``, ``1``, ``2`` or ``deny``, and what decided."""
    said = str(ruling.required) if ruling.outcome is Outcome.REQUIRE else ruling.outcome.value
    return f"{said} by {ruling.rule}"


def when(condition, rule, **more):
    return {"when": condition, **rule, **more}


@pytest.mark.parametrize(
    ("rules", "given", "expected"),
    [
        # Without rules, the risk decides.
        ([], LOW, "auto by default"),
        ([], {"step": {"risk": Risk.MEDIUM}}, "1 by default"),
        ([], {}, "1 by default"),
        ([], CRITICAL, "2 by default"),
        ([], {"step": {"risk": None}}, "2 by default"),
        ([], {**LOW, **REASONER}, "1 by default"),
        ([], {**LOW, "runbook": {"proposed_by": None}}, "1 by default"),
        ([], {**CRITICAL, **REASONER}, "2 by default"),
        # The first rule that holds decides.
        ([AUTO], {}, "auto by rule-1"),
        ([ONE], LOW, "1 by rule-1"),
        ([TWO], LOW, "2 by rule-1"),
        ([NEVER], LOW, "deny by rule-1"),
        ([when(NO, AUTO)], {}, "1 by default"),
        ([when(YES, AUTO)], {}, "auto by rule-1"),
        ([when(NO, AUTO), when(YES, TWO)], {}, "2 by rule-2"),
        ([when(YES, AUTO), when(YES, TWO)], {}, "auto by rule-1"),
        ([when(YES, ONE), when(YES, NEVER)], {}, "1 by rule-1"),
        ([when(NO, NEVER), AUTO], {}, "auto by rule-2"),
        ([when(NO, NEVER), when(NO, TWO)], LOW, "auto by default"),
        ([when(YES, ONE)], CRITICAL, "1 by rule-1"),
        ([AUTO], CRITICAL, "auto by rule-1"),
        # Nothing lets a command of the reasoner run without asking.
        ([AUTO], REASONER, "1 by rule-1"),
        ([AUTO], {"runbook": {"proposed_by": None}}, "1 by rule-1"),
        ([TWO], REASONER, "2 by rule-1"),
        ([NEVER], REASONER, "deny by rule-1"),
        # What the search found changes nothing without asking; it may look.
        ([AUTO], GUESS, "1 by rule-1"),
        ([], {**LOW, **GUESS}, "1 by default"),
        ([AUTO], {**GUESS, "step": {"effect": None}}, "1 by rule-1"),
        ([], {**GUESS, "step": {"risk": Risk.LOW, "effect": Effect.READ_ONLY}}, "auto by default"),
        ([TWO], GUESS, "2 by rule-1"),
        ([NEVER], GUESS, "deny by rule-1"),
        # A condition that cannot be worked out only tightens.
        ([when(UNCLEAR, AUTO)], {}, "1 by default"),
        ([when(UNCLEAR, AUTO)], LOW, "auto by default"),
        ([when(UNCLEAR, AUTO)], CRITICAL, "2 by default"),
        ([when(UNCLEAR, ONE)], LOW, "1 by rule-1"),
        ([when(UNCLEAR, ONE)], {}, "1 by default"),
        ([when(UNCLEAR, ONE)], CRITICAL, "2 by default"),
        ([when(UNCLEAR, TWO)], {}, "2 by rule-1"),
        ([when(UNCLEAR, NEVER)], LOW, "deny by rule-1"),
        ([when(UNCLEAR, AUTO), TWO], LOW, "2 by rule-2"),
        ([when(UNCLEAR, ONE), AUTO], LOW, "1 by rule-1"),
        ([when(UNCLEAR, ONE), TWO], LOW, "2 by rule-2"),
        ([when(UNCLEAR, TWO), AUTO], LOW, "2 by rule-1"),
        ([when(UNCLEAR, NEVER), AUTO], LOW, "deny by rule-1"),
        ([when(UNCLEAR, ONE), when(UNCLEAR, TWO), AUTO], LOW, "2 by rule-2"),
        ([when(f"!({UNCLEAR})", AUTO)], {}, "1 by default"),
        ([when('ticket.labels["zone"] != "a"', AUTO)], {}, "1 by default"),
        ([when("has(ticket.labels.zone)", NEVER)], {}, "1 by default"),
        ([when(f"has(ticket.labels.zone) && {UNCLEAR}", NEVER)], {}, "1 by default"),
        ([when('target.environment != "production"', AUTO)], {}, "auto by rule-1"),
        (
            [when('target.environment != "production"', AUTO)],
            {"target": {"environment": None}},
            "1 by default",
        ),
        (
            [when('ticket.resource != "db-1"', AUTO)],
            {"ticket": {"resource": ""}},
            "1 by default",
        ),
        ([when("ticket.count < 5", AUTO)], {"ticket": {"count": None}}, "1 by default"),
        ([when('ticket.severity != "P1"', AUTO)], {"ticket": {"severity": None}}, "1 by default"),
        ([when("!ticket.flapping", AUTO)], {"ticket": {"flapping": None}}, "1 by default"),
        ([when("ticket.labels.job < 3", NEVER)], {}, "deny by rule-1"),
        # What conditions see.
        (
            [when('ticket.severity == "P2" && ticket.source == "alertmanager"', AUTO)],
            {},
            "auto by rule-1",
        ),
        ([when('ticket.labels.env == "test" && ticket.count == 3', AUTO)], {}, "auto by rule-1"),
        (
            [when('runbook.labels.team == "web" && runbook.version == "9f"', AUTO)],
            {},
            "auto by rule-1",
        ),
        ([when('runbook.proposed_by == "reasoner"', TWO)], REASONER, "2 by rule-1"),
        ([when('runbook.found_by == "search"', TWO)], GUESS, "2 by rule-1"),
        ([when('runbook.found_by == "rule"', AUTO)], {}, "auto by rule-1"),
        ([when('step.risk == "high" && step.effect == "idempotent"', AUTO)], {}, "auto by rule-1"),
        ([when('step.command.startsWith("systemctl ")', AUTO)], {}, "auto by rule-1"),
        ([when('step.uses == "ssh" && step.id == "restart"', AUTO)], {}, "auto by rule-1"),
        ([when('target.name == "web-1" && target.labels.tier == "1"', AUTO)], {}, "auto by rule-1"),
        ([when("history.runs >= 20 && history.rate > 0.9", AUTO)], {}, "auto by rule-1"),
        (
            [when("history.rate > 0.9", AUTO)],
            {"history": {"runs": 0, "verified": 0}},
            "1 by default",
        ),
        ([when("history.rate > 0.9", AUTO)], {"history": {"verified": None}}, "1 by default"),
        ([when("history.trusted", AUTO)], {}, "auto by rule-1"),
        (
            [when("history.trusted", AUTO)],
            {"history": {"runs": 19, "verified": 19}},
            "1 by default",
        ),
        (
            [when("history.on_target_last_hour > 4", TWO)],
            {"history": {"on_target_last_hour": 5}},
            "2 by rule-1",
        ),
        ([when("time.hour >= 9 && time.hour < 17 && !time.weekend", AUTO)], {}, "auto by rule-1"),
        (
            [when('time.weekday == "monday" && time.date == "2030-01-07"', AUTO)],
            {},
            "auto by rule-1",
        ),
    ],
)
def test_rules_decide_and_what_is_not_known_never_loosens(rules, given, expected):
    assert outcome(decide(policy(*rules), facts(**given))) == expected


@pytest.mark.parametrize(
    ("deny", "given", "denied"),
    [
        ({"when": YES}, {}, True),
        ({"when": NO}, {}, False),
        ({"when": UNCLEAR}, {}, True),
        ({"command": "systemctl restart"}, {}, True),
        ({"command": "SYSTEMCTL  *Restart"}, {}, True),
        ({"command": r"\brm -rf /"}, {}, False),
        ({"command": r"\brm -rf /"}, {"step": {"command": "sudo rm\t-rf\n  / "}}, True),
        ({"command": "is-active"}, {}, True),
        ({"command": "anything"}, {"step": {"command": None}}, True),
        ({"command": r"^reboot$"}, {"step": {"command": "echo reboot"}}, False),
    ],
)
def test_what_is_denied_never_runs_whatever_the_rules_say(deny, given, denied):
    ruling = decide(policy(AUTO, deny=[{"name": "list", **deny}]), facts(**given))
    assert outcome(ruling) == ("deny by deny list" if denied else "auto by rule-1")


@pytest.mark.parametrize(
    ("caps", "history", "denied"),
    [
        ({"per_target_per_hour": 3}, {"on_target_last_hour": 2}, False),
        ({"per_target_per_hour": 3}, {"on_target_last_hour": 3}, True),
        ({"per_target_per_hour": 3}, {"on_target_last_hour": None}, True),
        ({"per_runbook_per_hour": 3}, {"runbook_last_hour": 2}, False),
        ({"per_runbook_per_hour": 3}, {"runbook_last_hour": 3}, True),
        ({"per_runbook_per_hour": 3}, {"runbook_last_hour": None}, True),
        ({}, {"on_target_last_hour": None, "runbook_last_hour": None}, False),
    ],
)
def test_more_than_the_caps_allow_never_runs(caps, history, denied):
    ruling = decide(policy(AUTO, caps=caps), facts(history=history))
    assert outcome(ruling) == ("deny by caps" if denied else "auto by rule-1")


def test_a_step_that_only_looks_is_under_no_cap_of_its_target():
    busy = {"on_target_last_hour": 9}
    looks = facts(step={"effect": Effect.READ_ONLY, "risk": Risk.LOW}, history=busy)
    assert decide(policy(caps={"per_target_per_hour": 3}), looks).outcome is Outcome.AUTO
    unknown = facts(step={"effect": None}, history=busy)
    assert decide(policy(caps={"per_target_per_hour": 3}), unknown).outcome is Outcome.DENY


@pytest.mark.parametrize(
    ("failed", "lost_after", "off"), [(2, 3, False), (3, 3, True), (1, 1, True), (None, 3, True)]
)
def test_a_runbook_that_failed_too_often_in_a_row_is_off(failed, lost_after, off):
    by = policy(AUTO, trust={"lost_after": lost_after})
    ruling = decide(by, facts(history={"failed_in_a_row": failed}))
    assert outcome(ruling) == ("deny by trust" if off else "auto by rule-1")


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        ({}, True),
        ({"runs": 100, "verified": 95}, True),
        ({"runs": 100, "verified": 94}, False),
        ({"runs": 19, "verified": 19}, False),
        ({"runs": 0, "verified": 0}, False),
        ({"failed_in_a_row": 3}, False),
        ({"runs": None}, None),
        ({"verified": None}, None),
        ({"failed_in_a_row": None}, None),
    ],
)
def test_trust_is_earned_by_runs_that_were_verified(history, expected):
    assert trusted(policy(), facts(history=history)) is expected


def test_while_everything_is_stopped_nothing_runs():
    ruling = decide(policy(AUTO), facts(stopped="the network is changed"))
    assert outcome(ruling) == "deny by stop"
    assert ruling.reason == "Handrail is stopped: the network is changed"


@pytest.mark.parametrize(
    ("modes", "rule", "expected"),
    [
        ({}, {}, Mode.ACT),
        ({"sources": {"alertmanager": "suggest"}}, {}, Mode.SUGGEST),
        ({"sources": {"other": "observe"}}, {}, Mode.ACT),
        ({"runbooks": {"restart-*": "observe"}}, {}, Mode.OBSERVE),
        ({"runbooks": {"restart-*": "suggest", "*": "act"}}, {}, Mode.SUGGEST),
        ({"sources": {"alertmanager": "observe"}}, {"mode": "act"}, Mode.OBSERVE),
        ({"sources": {"alertmanager": "act"}}, {"mode": "suggest"}, Mode.SUGGEST),
        ({}, {"mode": "observe", "when": UNCLEAR}, Mode.OBSERVE),
        ({}, {"mode": "observe", "when": NO}, Mode.ACT),
    ],
)
def test_of_all_modes_the_one_that_does_the_least_counts(modes, rule, expected):
    assert decide(policy({**AUTO, **rule}, modes=modes), facts()).mode is expected


def test_a_policy_that_could_not_be_read_asks_for_everything():
    cautious = Policy.cautious("the policy is wrong")
    assert outcome(decide(cautious, facts(**LOW))) == "1 by default"
    assert outcome(decide(cautious, facts(**CRITICAL))) == "2 by default"
    assert decide(cautious, facts(**LOW)).reason == "the policy is wrong"


def test_a_rule_names_who_may_answer_by_people_teams_and_duty():
    asked = policy({**TWO, "from": ["dba", "Dee@example.org", "on-call"]})
    ruling = decide(asked, facts())
    assert ruling.who == ("ann@example.org", "bob@example.org", "dee@example.org", "on-call")
    assert "two different people of dba, Dee@example.org, on-call" in ruling.reason


def test_a_rule_says_how_long_people_have_and_what_then():
    asked = policy({**ONE, "expires": "30m", "on_expiry": "escalate", "not_requester": False})
    ruling = decide(asked, facts())
    assert (ruling.expires, ruling.on_expiry, ruling.not_requester) == (
        timedelta(minutes=30),
        OnExpiry.ESCALATE,
        False,
    )
    assert decide(policy(ONE), facts()).not_requester


def test_of_two_rules_of_which_one_is_unclear_only_those_may_answer_whom_both_name():
    unclear = {**ONE, "when": UNCLEAR, "from": ["dba"], "expires": "5m"}
    both = decide(policy(unclear, {**ONE, "from": ["web"], "expires": "1h"}), facts())
    assert both.who == ("bob@example.org",)
    assert both.expires == timedelta(minutes=5)
    two = decide(policy(unclear, {**TWO, "from": ["web"]}), facts())
    assert two.who == ("bob@example.org", "cy@example.org")
    anyone = decide(policy(unclear, ONE), facts())
    assert anyone.who == ("ann@example.org", "bob@example.org")


def test_a_rule_that_asks_fewer_than_the_risk_would_says_so():
    lowered = decide(policy(ONE), facts(**CRITICAL)).reason
    assert lowered == "the rule rule-1 asks one person, where critical risk alone would ask 2"
    assert decide(policy(AUTO), facts()).reason == (
        "the rule rule-1 lets it run, where high risk alone would ask 1"
    )
    assert decide(policy(ONE), facts()).reason == "the rule rule-1 asks one person"


def test_the_hours_are_those_of_the_policys_time_zone():
    night = policy({"when": "time.hour < 6", **TWO}, timezone="America/New_York")
    nine_utc = facts(now=datetime(2030, 1, 7, 9, 0, tzinfo=UTC))
    assert outcome(decide(night, nine_utc)) == "2 by rule-1"
    saturday = facts(now=datetime(2030, 1, 6, 2, 0, tzinfo=UTC))
    weekend = policy({"when": 'time.weekday == "saturday" && time.weekend', **TWO},
                     timezone="America/New_York")  # fmt: skip
    assert outcome(decide(weekend, saturday)) == "2 by rule-1"


def test_the_trace_has_everything_that_was_considered_and_why():
    by = policy(
        when(NO, AUTO),
        when(UNCLEAR, AUTO),
        TWO,
        deny=[{"name": "list", "command": "reboot"}],
        modes={"sources": {"alertmanager": "suggest"}},
    )
    trace = decide(by, facts()).trace
    assert [(one.name, one.met) for one in trace] == [
        ("deny list", Met.NO),
        ("trust", Met.NO),
        ("rule-1", Met.NO),
        ("rule-2", Met.UNKNOWN),
        ("rule-3", Met.YES),
        ("rule-2", Met.UNKNOWN),
        ("modes", Met.YES),
    ]
    assert trace[3].why == f"{UNCLEAR}: there is no zone"
    assert "counts as not holding: that is stricter" in trace[5].why


def test_a_denial_that_is_only_feared_says_so():
    said = decide(policy(deny=[{"name": "zone", "when": UNCLEAR}]), facts())
    assert "whether that is so is not known" in said.reason
    assert "there is no zone" in said.reason


def test_a_rule_may_want_a_yes_of_each_of_some_teams():
    ruling = decide(policy({"from_each": ["dba", "web"], "on_no": "majority"}), FACTS)
    assert ruling.required == 2
    assert [(seat.name, seat.people) for seat in ruling.seats] == list(TEAMS.items())
    assert ruling.who == ("ann@example.org", "bob@example.org", "cy@example.org")
    assert ruling.on_no == "majority"
    assert ruling.reason.endswith("asks two different people, of each one: dba, web")


DBA, WEB = (Seat(name=name, people=people) for name, people in TEAMS.items())


def ruled(required=1, *seats, **said) -> Ruling:
    return Ruling(Outcome.REQUIRE, "a", "why", required, seats=seats, **said)


@pytest.mark.parametrize(
    ("one", "other", "required", "seats"),
    [
        (ruled(1, DBA), ruled(1, WEB), 2, (DBA, WEB)),
        (ruled(1, DBA), Ruling(Outcome.AUTO, "b", "why"), 1, (DBA,)),
        (ruled(3), ruled(1, WEB), 3, (WEB,)),
        (ruled(1, DBA), ruled(1, DBA), 1, (DBA,)),
        # Whoever is in the team by both.
        (
            ruled(1, DBA),
            ruled(1, Seat(name="dba", people=("bob@example.org", "eve@example.org"))),
            1,
            (Seat(name="dba", people=("bob@example.org",)),),
        ),
    ],
)
def test_of_two_rulings_all_are_wanted_whom_either_wants(one, other, required, seats):
    both = stricter(one, other)
    assert (both.required, both.seats) == (required, seats)


def test_those_who_have_to_be_among_the_people_may_answer():
    both = stricter(ruled(1, DBA, who=DBA.people), ruled(1, who=("eve@example.org",)))
    assert set(DBA.people) <= set(both.who)


@pytest.mark.parametrize(
    ("one", "other", "on_no"),
    [("majority", "majority", "majority"), ("majority", "reject", "reject")],
)
def test_a_no_is_a_vote_only_where_both_say_so(one, other, on_no):
    assert stricter(ruled(on_no=OnNo(one)), ruled(on_no=OnNo(other))).on_no == on_no
    assert stricter(ruled(on_no=OnNo(one)), Ruling(Outcome.AUTO, "b", "why")).on_no == one
