"""What holds of every policy: nothing that is added to tighten it loosens it."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.lifecycle import Effect, Risk
from shared.policy.engine import decide
from shared.policy.policy import Policy
from shared.policy.terms import Author, Mode, strictest
from tests.policy.facts import facts, policy

CLEAR = ['ticket.name == "TargetDown"', 'ticket.name == "Other"', "history.runs > 10", "true"]
UNCLEAR = ['ticket.labels.zone == "a"', "!ticket.flapping", "history.rate > 0.5"]
conditions = st.sampled_from([*CLEAR, *UNCLEAR])
tightening = st.sampled_from([{"require": 1}, {"require": 2}, {"deny": "no"}])
anything = tightening | st.just({"auto": True})
people = st.sampled_from([(), ("dba",), ("web",), ("on-call",)])


def _rule(condition, said, who) -> dict:
    return {"when": condition, **said, **({"from": who} if "require" in said else {})}


rules = st.builds(_rule, conditions, anything, people)
modes = st.sampled_from(list(Mode)).map(str)
policies = st.builds(
    lambda made, deny, cap, source: policy(
        *made, deny=deny, caps=cap, modes={"sources": {"alertmanager": source}}
    ),
    st.lists(rules, max_size=5),
    st.lists(st.builds(lambda when: {"name": "no", "when": when}, conditions), max_size=1),
    st.sampled_from([{}, {"per_target_per_hour": 5}, {"per_runbook_per_hour": 5}]),
    modes,
)
maybe = st.sampled_from([None, 0, 5, 20])
situations = st.builds(
    lambda risk, effect, author, flapping, history: facts(
        step={"risk": risk, "effect": effect},
        runbook={"proposed_by": author},
        ticket={"flapping": flapping},
        history=history,
    ),
    st.sampled_from([None, *Risk]),
    st.sampled_from([None, *Effect]),
    st.sampled_from([None, *Author]),
    st.sampled_from([None, True, False]),
    st.fixed_dictionaries(
        dict.fromkeys(
            ("runs", "verified", "failed_in_a_row", "on_target_last_hour", "runbook_last_hour"),
            maybe,
        )
    ),
)


# Each example asks a whole policy several times, on a machine that others use too.
few = settings(max_examples=60, deadline=None)


def with_rule_in_front(of: Policy, rule: dict) -> Policy:
    added = policy({"name": "in front", **rule}).config.rules
    return replace(of, config=of.config.model_copy(update={"rules": (*added, *of.config.rules)}))


def asks(rule: dict) -> int:
    return 100 if "deny" in rule else rule["require"]


@few
@given(policies, situations, st.builds(_rule, conditions, tightening, people))
def test_a_rule_in_front_that_asks_or_denies_loosens_nothing_below_what_it_says(by, given_, rule):
    before = decide(by, given_)
    after = decide(with_rule_in_front(by, rule), given_)
    assert after.strictness >= min(before.strictness, asks(rule))


@few
@given(policies, situations, conditions, people)
def test_a_rule_in_front_that_denies_or_asks_two_never_yields_fewer(by, given_, when, who):
    before = decide(by, given_).strictness
    two = decide(with_rule_in_front(by, _rule(when, {"require": 2}, who)), given_)
    never = decide(with_rule_in_front(by, _rule(when, {"deny": "no"}, ())), given_)
    assert two.strictness >= min(before, 2)
    assert never.strictness >= before


@few
@given(policies, situations, st.builds(_rule, st.sampled_from(UNCLEAR[:1]), anything, people))
def test_a_rule_that_cannot_be_worked_out_loosens_nothing(by, given_, rule):
    before = decide(by, given_)
    after = decide(with_rule_in_front(by, rule), given_)
    assert after.strictness >= before.strictness
    assert strictest(before.mode, after.mode) is after.mode


@few
@given(policies, situations)
def test_a_command_of_the_reasoner_never_runs_without_asking(by, given_):
    written = replace(given_, runbook=replace(given_.runbook, proposed_by=Author.REASONER))
    assert decide(by, written).strictness >= 1


@few
@given(policies, situations)
def test_a_stop_lets_nothing_run(by, given_):
    stopped = decide(by, replace(given_, stopped="why"))
    assert (stopped.strictness, stopped.rule) == (100, "stop")


@few
@given(policies, situations)
def test_a_ruling_is_one_that_people_can_meet(by, given_):
    ruling = decide(by, given_)
    named = ruling.who and "on-call" not in ruling.who
    assert not named or len(ruling.who) >= ruling.required
    assert ruling.reason
    assert ruling.trace
