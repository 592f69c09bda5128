"""Which alerts are one problem, by the rules of a source."""

from datetime import UTC, datetime

import pytest

from services.ingest.identity import Identity, identified
from services.ingest.normal import normalised
from services.ingest.ruling import Ruling
from services.ingest.sources.alertmanager import parse
from services.ingest.store import MongoTickets
from services.ingest.ticket import collapsed, fingerprint, variant
from services.ingest.webhook import Webhook
from shared.config import Config
from shared.config.identity import IdentityRule
from shared.events import AlertStatus
from tests.ingest.payloads import body, fired, over

NOW = datetime(2026, 3, 1, 10, tzinfo=UTC)


def alert(one):
    (parsed,) = parse(Webhook("am", body(one)))
    return parsed


def rule(**said):
    return IdentityRule(**said)


def prints(rules, *alerts):
    return [identified(rules, alert(one)).alert.fingerprint for one in alerts]


JOB = rule(labels=("job",))
NO_INSTANCE = rule(without=("instance",))
BY_JOB = rule(by=("labels.job",))


@pytest.mark.parametrize(
    ("said", "one", "other", "same"),
    [
        (JOB, fired(), fired(instance="b"), True),
        (JOB, fired(), fired(job="api"), False),
        (JOB, fired(), fired("Slow"), False),
        (NO_INSTANCE, fired(), fired(instance="b"), True),
        (NO_INSTANCE, fired(), fired(severity="warning"), True),
        (NO_INSTANCE, fired(), fired(zone="a"), False),
        (NO_INSTANCE, fired(), fired("Slow"), False),
        (BY_JOB, fired(), fired("Slow", instance="b"), True),
        (BY_JOB, fired(), fired(job="api"), False),
        (rule(labels=("severity",)), fired(), fired(severity="warning"), False),
        (rule(labels=("job", "zone")), fired(zone="a"), fired(zone="b"), False),
        (rule(by=("has(labels.zone) ? labels.zone : labels.job",)), fired(), fired("Slow"), True),
        (rule(by=("labels.size() > 3",)), fired(zone="a"), fired("Slow", rack="r"), True),
        (rule(by=("labels.size() > 4",)), fired(), fired(zone="a"), False),
        (rule(by=("resource",)), fired(), fired(job="api"), True),
        (rule(by=("labels.job", "name")), fired(), fired("Slow"), False),
    ],
)
def test_a_rule_says_which_alerts_are_one_problem(said, one, other, same):
    first, second = prints([said], one, other)
    assert (first == second) is same


@pytest.mark.parametrize(
    "said",
    [JOB, NO_INSTANCE, BY_JOB, rule(labels=("none",)), rule(when='name == "No"', labels=("job",))],
    ids=["labels", "without", "by", "nothing found", "not applying"],
)
def test_firing_and_resolved_are_the_same_part_of_the_same_problem(said):
    firing, resolved = (identified([said], alert(one)).alert for one in (fired(), over()))
    assert firing.fingerprint == resolved.fingerprint
    assert variant(firing) == variant(resolved)


def test_a_problem_made_of_several_is_gone_when_each_of_them_is():
    def said(*ones):
        changed = (identified([JOB], alert(one)).alert for one in ones)
        (one,) = collapsed(map(Ruling, changed))
        return len(one.firing), len(one.over)

    a, b = {"instance": "a"}, {"instance": "b"}
    assert said(fired(**a), fired(**b)) == (2, 0)
    assert said(fired(**a), fired(**b), over(**a)) == (1, 1)
    assert said(fired(**a), fired(**b), over(**a), over(**b)) == (0, 2)
    assert said(fired(**a), fired(**a, severity="warning"), over(**a)) == (1, 1)


def test_problems_of_a_source_that_keeps_track_itself_stay_apart_as_parts():
    parts = [
        identified(
            [JOB],
            normalised(
                "pd",
                name="Down",
                status=AlertStatus.FIRING,
                identity={"id": id_},
                labels={"job": "web"},
                variant="",
            ),
        ).alert
        for id_ in ("P1", "P2")
    ]
    assert parts[0].fingerprint == parts[1].fingerprint
    assert variant(parts[0]) != variant(parts[1])


def test_the_fingerprint_is_made_as_any_other():
    found = identified([JOB], alert(fired())).alert.fingerprint
    assert found == fingerprint("am", "TargetDown", {"job": "web"})


@pytest.mark.parametrize(
    ("said", "missing"),
    [
        (rule(labels=("pod", "node")), "found no label pod or node"),
        (rule(by=("labels.pod", "labels['node']")), "found no value of labels.pod or"),
        (rule(by=("int(labels.job)",)), "found no value of int(labels.job)"),
        (rule(without=("instance", "job")), "found no label besides instance and job"),
    ],
)
def test_where_nothing_is_found_the_source_decides_and_that_is_said(said, missing):
    own = alert(fired())
    found = identified([said], own)
    assert found.alert is own
    assert missing in found.because
    assert "the source's own fingerprint" in found.because


def test_an_empty_label_is_none():
    both = rule(labels=("pod", "job"))
    assert len(set(prints([both], fired(), fired(pod="")))) == 1
    assert "found no" in identified([rule(labels=("pod",))], alert(fired(pod=""))).because


def test_the_first_rule_that_applies_decides():
    rules = [rule(when='labels.job == "web"', labels=("job",)), rule(labels=("zone",))]
    web, other = (
        identified(rules, alert(one)) for one in (fired(zone="a"), fired(job="api", zone="a"))
    )
    assert web.because == "by rule 1 of sources.am.fingerprint: job, name"
    assert other.because == "by rule 2 of sources.am.fingerprint: name, zone"
    assert web.by == {"name": "TargetDown", "job": "web"}


def test_a_condition_on_what_is_missing_does_not_hold():
    own = alert(fired())
    found = identified([rule(when='labels.zone == "a"', labels=("job",))], own)
    assert (found.alert, found.because) == (own, "")
    assert found.alert is own


def test_the_rules_are_those_of_the_alerts_own_source():
    bearer = {"env": "A"}
    config = Config.model_validate(
        {"sources": {"am": {"bearer": bearer, "fingerprint": {"labels": "job"}}}}
    )
    identity = Identity.of(config)
    mine, others = alert(fired()), alert(fired()).model_copy(update={"source": "other"})
    assert identity.identified(mine).alert.fingerprint != mine.fingerprint
    assert identity.identified(others).alert is others


async def test_one_ticket_of_several_problems_ends_with_the_last_of_them(db):
    tickets = MongoTickets(db)
    await tickets.prepare()

    async def take(*ones):
        changed = [Ruling(identified([JOB], alert(one)).alert) for one in ones]
        (recorded,) = await tickets.record(collapsed(changed), NOW)
        return recorded.decision, recorded.ticket_id

    a, b = {"instance": "a"}, {"instance": "b"}
    taken = [await take(one) for one in (fired(**a), fired(**b), over(**a), over(**b))]
    assert [decision for decision, _ in taken] == ["opened", "repeated", "ended", "resolved"]
    assert len({ticket_id for _, ticket_id in taken}) == 1
