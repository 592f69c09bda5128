"""Other values for a step that people are asked about."""

import shlex
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from pydantic import SecretStr

from services.executor.admission.verdict import Ask, Deny
from services.executor.advance import admit, settle
from services.executor.changing.forms import ASKED_MOST, Forms
from services.executor.changing.proposal import proposed
from services.executor.consent import check_approval, objection_to
from services.executor.handlers import heed_change
from services.executor.session import Run
from shared.events import (
    Answer,
    ApprovalRule,
    Decision,
    Delegation,
    Proposal,
    StepApproved,
    StepAwaitingApproval,
    StepChangeProposed,
)
from shared.lifecycle import Severity, StepState
from shared.oncall.keeping import Rosters
from shared.runbook import draft, parse_runbook
from shared.runbook.changing import form_of
from shared.runbook.library import parsed_runbook
from shared.runbook.versions.version import Note, Origin, Version
from shared.signing import ForgedDecisionError, Signer
from tests.executor.fakes import MemorySessions, OpenWarden, Target, engine
from tests.executor.going import begin, gone_on
from tests.executor.sessions import NOW, session
from tests.runbook.runbooks import alert, one_yes

SIGNER = Signer(SecretStr("k" * 32))
ALERT = alert("ServiceDown", labels={"job": "api", "instance": "web-1:9100"})
TEXT = """
apiVersion: handrail/v1
kind: Runbook
metadata: {name: restart, title: Restart a service}
description: It hangs.
match: {alerts: [ServiceDown]}
params:
  service: {from: labels.job, pattern: '[a-z0-9-]+'}
  text: {default: nothing}
steps:
  - id: restart
    title: Restart {{ service }}
    uses: local
    target: here
    run: "restart {{ service }} {{ text }}"
    rollback: {run: "stop {{ service }}"}
    risk: high
  - {id: after, needs: [restart], uses: local, target: here, run: "look {{ service }}", risk: high}
verify: [{uses: local, target: here, run: "true"}]
"""
BOOK = parse_runbook(TEXT, file="restart.yaml")
FORM = form_of(BOOK, "restart")


def planned(**fields):
    made = draft(BOOK, ALERT, Severity.P1, approve=one_yes)
    known = {"params": made.params, "values": made.values, "alert": ALERT}
    made_of = session(*made.steps, **{**known, **fields})
    return made_of.model_copy(update={"runbook": BOOK.ref})


def asked(**fields):
    """A session that waits for a yes to its first step."""
    return begin(planned(**fields), "me", NOW, source_resolved=False).session


def wants(of, step_id="restart", *, by="ann@example.com", delegation=None, **values):
    step = of.step(step_id)
    about = {"approval_id": of.approval_id(step), "step_hash": step.digest(of.id)}
    said = Proposal(
        values=values,
        by=by,
        at=NOW,
        channel="email",
        reason="the other one",
        delegation=delegation,
    )
    return StepChangeProposed.about(
        uuid4(),
        ticket_id=of.ticket_id,
        session_id=of.id,
        step_id=step_id,
        proposal=SIGNER.signed_proposal(said, **about),
        **about,
    )


def request(move):
    """The one request for a yes that a move makes."""
    (found,) = [event for event in move.events if isinstance(event, StepAwaitingApproval)]
    return found


def test_a_step_is_asked_about_anew_with_the_other_value_in_all_of_its_texts():
    before = asked()
    move = gone_on(proposed(before, wants(before, service="web"), FORM, "me", NOW))
    new, step = request(move), move.session.step("restart")
    assert (new.command, new.rollback, new.title) == (
        "restart web nothing",
        "stop web",
        "Restart web",
    )
    assert new.replaces == before.approval_id(before.step("restart"))
    assert new.step_hash == step.digest(before.id) != before.step("restart").digest(before.id)


def test_the_request_says_who_changed_what():
    before = asked()
    change = request(
        gone_on(proposed(before, wants(before, service="web"), FORM, "me", NOW))
    ).change
    assert (change.by, change.reason, change.refused) == ("ann@example.com", "the other one", "")
    assert [(each.name, each.old, each.new) for each in change.values] == [
        ("service", "api", "web")
    ]
    assert change.before["run"] == "restart api nothing"


def test_also_who_sees_only_the_evidence_reads_what_was_changed():
    before = asked()
    new = request(gone_on(proposed(before, wants(before, service="web"), FORM, "me", NOW)))
    assert new.evidence[0] == (
        "ann@example.com changed service from api to web (the other one); "
        "before, it was: restart api nothing"
    )
    new = request(gone_on(proposed(before, wants(before, service="a b"), FORM, "me", NOW)))
    assert new.evidence[0].startswith("ann@example.com wanted service a b (the other one), which")


def test_other_steps_that_use_the_parameter_stay_as_they_are():
    before = asked()
    after = gone_on(proposed(before, wants(before, service="web"), FORM, "me", NOW)).session
    assert after.step("after") == before.step("after")
    assert after.params == before.params


def test_no_yes_that_was_given_before_holds_for_the_changed_step():
    before = asked()
    step = before.step("restart")
    about = {"approval_id": before.approval_id(step), "step_hash": step.digest(before.id)}
    yes = SIGNER.signed(
        Decision(answer=Answer.APPROVE, by="ann@example.com", at=NOW, channel="email"), **about
    )
    said = StepApproved.about(
        uuid4(),
        ticket_id=before.ticket_id,
        session_id=before.id,
        step_id="restart",
        decisions=(yes,),
        **about,
    )
    assert check_approval(before, said, SIGNER)
    after = gone_on(proposed(before, wants(before, service="web"), FORM, "me", NOW)).session
    assert after.run("restart").state is StepState.AWAITING_APPROVAL
    with pytest.raises(ForgedDecisionError):
        check_approval(after, said, SIGNER)


@pytest.mark.parametrize(
    ("values", "why"),
    [
        pytest.param({"service": "web; reboot"}, "pattern", id="not the pattern"),
        pytest.param({"text": "a\nb"}, "line break", id="a line break"),
        pytest.param({"text": "t" * 1001}, "longer", id="too long"),
        pytest.param({"host": "web-2"}, "cannot be changed", id="no parameter of it"),
        pytest.param({"service": "api"}, "as it was", id="the same"),
        pytest.param({}, "as it was", id="nothing"),
    ],
)
def test_what_does_not_fit_leaves_the_step_as_it_was_and_says_why(values, why):
    before = asked()
    move = gone_on(proposed(before, wants(before, **values), FORM, "me", NOW))
    new = request(move)
    assert move.session.step("restart") == before.step("restart")
    assert why in new.change.refused
    assert new.approval_id != before.approval_id(before.step("restart"))


@pytest.mark.parametrize("value", ["a'; reboot #", '"$(reboot)"', "`reboot`", "a && reboot"])
def test_a_value_is_one_argument_whatever_it_is(value):
    before = asked()
    made = gone_on(proposed(before, wants(before, text=value), FORM, "me", NOW)).session
    run = made.step("restart").run
    assert shlex.split(run) == ["restart", "api", value]


def test_whose_yes_would_not_count_changes_nothing():
    rule = ApprovalRule(required=1, reason="by name", who=("bob@example.com",))
    before = asked()
    step = before.step("restart").model_copy(update={"approval": rule})
    before = before.with_step(step)
    said = wants(before, service="web")
    against = objection_to(before, said)
    assert "bob@example.com" in against
    move = gone_on(proposed(before, said, FORM, "me", NOW, objection=against))
    assert move.session.step("restart").run == "restart api nothing"
    assert request(move).change.refused == against


def test_who_stands_in_for_somebody_changes_what_that_person_might():
    rule = ApprovalRule(required=1, reason="by name", who=("bob@example.com",))
    before = asked()
    before = before.with_step(before.step("restart").model_copy(update={"approval": rule}))
    word = Delegation(
        id=UUID(int=5),
        by="bob@example.com",
        channel="email",
        since=NOW - timedelta(hours=1),
        until=NOW + timedelta(hours=1),
        of="bob@example.com",
        to="ann@example.com",
    )
    signed = SIGNER.signed_standing(word)
    said = wants(before, delegation=signed, service="web")
    assert objection_to(before, said) == ""
    SIGNER.check_proposal(said.proposal, approval_id=said.approval_id, step_hash=said.step_hash)
    move = gone_on(proposed(before, said, FORM, "me", NOW, objection=objection_to(before, said)))
    assert request(move).change.by == "ann@example.com for bob@example.com"
    for wrong in (
        word,
        signed.model_copy(update={"to": "eve@example.com"}),
        signed.model_copy(update={"until": NOW + timedelta(days=9)}),
    ):
        forged = wants(before, delegation=wrong, service="web")
        with pytest.raises(ForgedDecisionError):
            SIGNER.check_proposal(
                forged.proposal, approval_id=forged.approval_id, step_hash=forged.step_hash
            )
    over = SIGNER.signed_standing(word.model_copy(update={"until": NOW - timedelta(minutes=1)}))
    assert objection_to(before, wants(before, delegation=over, service="web"))


def test_without_the_text_of_the_runbook_nothing_is_changed():
    before = asked()
    move = gone_on(proposed(before, wants(before, service="web"), None, "me", NOW))
    assert "cannot be read" in request(move).change.refused


def test_a_command_that_a_person_wrote_is_not_filled_anew():
    before = asked()
    before = before.with_step(before.step("restart").model_copy(update={"run": "echo mine"}))
    move = gone_on(proposed(before, wants(before, service="web"), FORM, "me", NOW))
    assert move.session.step("restart").run == "echo mine"
    assert "a person wrote" in request(move).change.refused


def test_a_second_change_builds_on_the_first():
    before = asked()
    first = gone_on(proposed(before, wants(before, service="web"), FORM, "me", NOW)).session
    second = gone_on(proposed(first, wants(first, text="now"), FORM, "me", NOW)).session
    assert second.step("restart").run == "restart web now"
    third = gone_on(proposed(second, wants(second, text="later"), FORM, "me", NOW)).session
    assert third.step("restart").run == "restart web later"
    assert second.run("restart").before is None


def test_of_two_changes_at_once_the_first_counts():
    before = asked()
    two = wants(before, service="web"), wants(before, service="db", by="bob@example.com")
    after = gone_on(proposed(before, two[0], FORM, "me", NOW)).session
    assert proposed(after, two[1], FORM, "me", NOW) is None


@pytest.mark.parametrize(
    "state", [state for state in StepState if state is not StepState.AWAITING_APPROVAL]
)
def test_a_step_that_waits_for_no_yes_is_not_changed(state):
    before = asked()
    said = wants(before, service="web")
    run = before.run("restart").model_copy(update={"state": state})
    assert proposed(before.with_run("restart", run), said, FORM, "me", NOW) is None


def test_a_change_that_the_policy_denies_has_the_step_asked_about_as_it_was():
    before = asked()
    move = proposed(before, wants(before, service="web"), FORM, "me", NOW)
    assert move.due == ("restart",)
    move = admit(move, {"restart": Deny("nobody restarts web")})
    assert move.session.step("restart") == before.step("restart")
    assert move.due == ("restart",)
    rule = before.step("restart").approval
    move = settle(admit(move, {"restart": Ask(rule)}))
    new = request(move)
    assert (new.command, new.change.refused) == ("restart api nothing", "nobody restarts web")
    assert move.session.run("restart").changed == {}


def test_what_is_denied_after_people_agreed_to_the_change_ends():
    before = asked()
    after = gone_on(proposed(before, wants(before, service="web"), FORM, "me", NOW))
    ready = after.session.run("restart").becomes(StepState.READY)
    after.session = after.session.with_run("restart", ready)
    move = admit(after, {"restart": Deny("not any more")})
    assert move.session.run("restart").state is StepState.FAILED


def test_what_a_dry_run_made_of_the_other_values_is_dropped():
    before = asked()
    before = before.with_step(before.step("restart").model_copy(update={"artifact": "ab" * 32}))
    move = proposed(before, wants(before, service="web"), FORM, "me", NOW)
    assert move.session.step("restart").artifact is None


# -- the texts of runbooks ----------------------------------------------------------------------


class Versions:
    def __init__(self, *texts):
        note = Note("test", NOW, "a test")
        parsed = [parsed_runbook(text, file="x.yaml") for text in texts]
        made = [Version.of(each, note, Origin.FILE) for each in parsed]
        self.kept = {each.ref: each for each in made}
        self.asked = 0

    async def these(self, refs):
        self.asked += 1
        return {ref: self.kept[ref] for ref in refs if ref in self.kept}


async def test_the_store_is_asked_once_for_a_text():
    versions = Versions(TEXT)
    forms = Forms(versions, MemorySessions())
    before = planned()
    for step in before.steps:
        assert await forms.changeable(before, step)
    assert versions.asked == 1


async def test_a_form_shows_the_values_that_people_gave_the_step():
    forms = Forms(Versions(TEXT), MemorySessions())
    before = asked()
    after = gone_on(proposed(before, wants(before, service="web"), FORM, "me", NOW)).session
    found = await forms.changeable(after, after.step("restart"))
    assert {field.name: field.value for field in found.fields} == {
        "service": "web",
        "text": "nothing",
    }


async def test_nothing_is_offered_without_the_text_or_when_it_was_asked_too_often():
    before = planned()
    assert (
        await Forms(Versions(), MemorySessions()).changeable(before, before.step("restart")) is None
    )
    tired = before.with_run("restart", Run(asked=ASKED_MOST))
    assert (
        await Forms(Versions(TEXT), MemorySessions()).changeable(tired, tired.step("restart"))
        is None
    )


async def test_nothing_is_offered_of_a_command_that_was_edited_for_another_try():
    again = planned(retry_of=uuid4())
    edited = again.step("restart").model_copy(update={"run": "echo mine"})
    forms = Forms(Versions(TEXT), MemorySessions())
    assert await forms.changeable(again, again.step("after"))
    assert await forms.changeable(again.with_step(edited), edited) is None


# -- what comes over the bus -----------------------------------------------------------------------


def going(before):
    sessions = MemorySessions(before)
    rule = before.step("restart").approval
    return sessions, engine(sessions, Target(), warden=OpenWarden(restart=Ask(rule)))


async def heeded(said, executor, sessions):
    forms = Forms(Versions(TEXT), sessions)
    await heed_change(said, executor, SIGNER, Rosters(), forms)


async def test_a_signed_proposal_is_heeded_once():
    before = asked()
    sessions, executor = going(before)
    said = wants(before, service="web")
    await heeded(said, executor, sessions)
    await heeded(said, executor, sessions)
    after = await sessions.load(before.id)
    assert after.step("restart").run == "restart web nothing"
    assert after.run("restart").asked == 2


@pytest.mark.parametrize(
    "forge",
    [
        pytest.param({"by": "eve@example.com"}, id="another name"),
        pytest.param({"values": {"service": "db"}}, id="another value"),
        pytest.param({"reason": "because"}, id="another reason"),
        pytest.param({"at": NOW + timedelta(hours=1)}, id="another time"),
        pytest.param({"channel": "terminal"}, id="another channel"),
        pytest.param({"signature": ""}, id="no signature"),
    ],
)
async def test_a_forged_proposal_changes_nothing(forge):
    before = asked()
    sessions, executor = going(before)
    said = wants(before, service="web")
    forged = said.model_copy(update={"proposal": said.proposal.model_copy(update=forge)})
    with pytest.raises(ForgedDecisionError):
        await heeded(forged, executor, sessions)
    assert await sessions.load(before.id) == before


async def test_a_proposal_for_another_step_changes_nothing():
    before = asked()
    sessions, executor = going(before)
    said = wants(before, service="web").model_copy(update={"step_id": "after"})
    await heeded(said, executor, sessions)
    assert await sessions.load(before.id) == before


@pytest.mark.parametrize("service", ["web", "not fit"])
def test_also_while_the_session_is_paused_people_are_asked_anew(service):
    before = asked().model_copy(update={"paused": "ann has it wait"})
    move = gone_on(proposed(before, wants(before, service=service), FORM, "me", NOW))
    assert request(move).change.by == "ann@example.com"
    assert not move.due
