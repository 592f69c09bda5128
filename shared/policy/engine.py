"""What a policy says of a step: a pure decision over the policy and the facts.

What is not known never loosens. A condition that cannot be worked out counts as holding where that
is stricter than what the rest of the policy says, and as not holding where it is not.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import cached_property, lru_cache
from typing import Any, Final

import cel

from shared.config.policy import Deny, Rule, people_in, seats_of
from shared.events import FoundBy
from shared.lifecycle import Effect, Risk
from shared.policy.facts import Facts, said_by
from shared.policy.policy import Policy
from shared.policy.ruling import Considered, Ruling, stricter
from shared.policy.terms import Author, Met, Mode, Outcome, strictest
from shared.runbook.conditions import answer

#: How many people a step asks that no rule is about.
DEFAULTS: Final[dict[Risk, tuple[int, str]]] = {
    Risk.LOW: (0, "low risk: it runs without asking"),
    Risk.MEDIUM: (1, "medium risk: one person has to agree"),
    Risk.HIGH: (1, "high risk: one person has to agree"),
    Risk.CRITICAL: (2, "critical risk: two different people have to agree"),
}
_SPACES: Final = re.compile(r"\s+")


def decide(policy: Policy, facts: Facts) -> Ruling:
    """Judge one step; asks nobody and always has an answer.

    In this order: the stop, what is denied, lost trust, the caps, the rules, and the default of the
    step's risk. A command that the reasoner wrote is asked for in any case, and so is a change by a
    runbook that no rule names for the alert: what a search finds is a guess.
    """
    asked = _Asked(policy, facts)
    ruling = asked.forbidden() or asked.least(asked.by_rules(policy.config.rules))
    return replace(ruling, mode=asked.mode(ruling.mode), trace=tuple(asked.trace))


def trusted(policy: Policy, facts: Facts) -> bool | None:
    """Whether this text of the runbook has earned its trust; None where that is not known."""
    history, earned = facts.history, policy.config.trust.after
    if history.runs is None or history.rate is None or history.failed_in_a_row is None:
        return None
    return (
        history.runs >= earned.runs
        and history.rate >= earned.rate
        and history.failed_in_a_row < policy.config.trust.lost_after
    )


@dataclass
class _Asked:
    """One policy being asked about one step; ``trace`` grows on the way."""

    policy: Policy
    facts: Facts
    trace: list[Considered] = field(default_factory=list)

    @cached_property
    def _words(self) -> cel.Context:
        """The facts in CEL's own words: turning them into these costs more than asking does."""
        earned = trusted(self.policy, self.facts)
        words = said_by(self.facts, zone=self.policy.zone, trusted=earned)
        return cel.Context(variables=words)

    def forbidden(self) -> Ruling | None:
        """Why it never runs, whatever the rules say."""
        return next(self._reasons_against(), None)

    def _reasons_against(self) -> Iterator[Ruling]:
        if self.facts.stopped is not None:
            why = f"Handrail is stopped: {self.facts.stopped}"
            yield self._denied("stop", why, Met.YES)
        for deny in self.policy.config.deny:
            met, why = self._deny(deny)
            if met is Met.NO:
                self._note(f"deny {deny.name}", met, why)
            else:
                yield self._denied(f"deny {deny.name}", deny.reason, met, why)
        yield from self._lost_trust()
        yield from self._over_caps()

    def _deny(self, deny: Deny) -> tuple[Met, str]:
        if deny.when is not None:
            return self._ask(deny.when)
        step, pattern = self.facts.step, deny.command or ""
        if step.command is None:
            return Met.UNKNOWN, "the command is not known"
        found = next(filter(None, (_found(pattern, c) for c in (step.command, *step.others))), None)
        return (Met.YES, f"it runs {found!r}") if found else (Met.NO, f"nothing like {pattern}")

    def _lost_trust(self) -> Iterator[Ruling]:
        failed, most = self.facts.history.failed_in_a_row, self.policy.config.trust.lost_after
        name = self.facts.runbook.name
        if failed is None:
            why = f"how often the runbook {name} failed of late is not known"
            yield self._denied("trust", why, Met.UNKNOWN)
        elif failed >= most:
            why = f"the runbook {name} is off: it failed {failed} times in a row (of {most})"
            yield self._denied("trust", why, Met.YES)
        else:
            self._note("trust", Met.NO, f"{failed} failures in a row, off from {most} on")

    def _over_caps(self) -> Iterator[Ruling]:
        caps, history = self.policy.config.caps, self.facts.history
        if self.facts.step.effect is not Effect.READ_ONLY:
            where = f"changes on {self.facts.target.name}"
            yield from self._over(caps.per_target_per_hour, history.on_target_last_hour, where)
        plans = f"plans from {self.facts.runbook.name}"
        yield from self._over(caps.per_runbook_per_hour, history.runbook_last_hour, plans)

    def _over(self, most: int | None, count: int | None, what: str) -> Iterator[Ruling]:
        if most is None:
            return
        if count is None:
            yield self._denied("caps", f"how many {what} there were is not known", Met.UNKNOWN)
        elif count >= most:
            why = f"there were {count} {what} in the last hour, and {most} are allowed"
            yield self._denied("caps", why, Met.YES)
        else:
            self._note("caps", Met.NO, f"{count} {what} in the last hour, {most} are allowed")

    def by_rules(self, rules: tuple[Rule, ...]) -> Ruling:
        """What the first rule says whose condition holds, or the default."""
        for position, rule in enumerate(rules):
            met, why = self._ask(rule.when)
            self._note(rule.name, met, why)
            if met is Met.YES:
                return self._ruled(rule)
            if met is Met.UNKNOWN:
                return self._unclear(rule, self.by_rules(rules[position + 1 :]))
        return self._default()

    def _unclear(self, rule: Rule, rest: Ruling) -> Ruling:
        held = self._ruled(rule)
        ruling = stricter(rest, held)
        word = "holding" if held.strictness > rest.strictness else "not holding"
        why = f"its condition cannot be worked out, so it counts as {word}: that is stricter"
        if held.strictness == rest.strictness:
            why = "its condition cannot be worked out: what is stricter in it counts"
        self._note(rule.name, Met.UNKNOWN, why)
        return ruling

    def _ruled(self, rule: Rule) -> Ruling:
        said: dict[str, Any] = {"rule": rule.name, "mode": rule.mode}
        if rule.deny is not None:
            return Ruling(Outcome.DENY, reason=rule.deny, **said)
        if rule.asks is None:
            why = f"the rule {rule.name} lets it run{self._lowered(0)}"
            return Ruling(Outcome.AUTO, reason=why, **said)
        who = people_in((*rule.from_, *rule.from_each), self.policy.teams)
        of = f" of {', '.join(rule.from_)}" if rule.from_ else ""
        each = f", of each one: {', '.join(rule.from_each)}" if rule.from_each else ""
        asks = f"{people(rule.asks)}{of}{each}{self._lowered(rule.asks)}"
        return Ruling(
            Outcome.REQUIRE,
            reason=f"the rule {rule.name} asks {asks}",
            required=rule.asks,
            who=who,
            seats=seats_of(rule, self.policy.teams),
            on_no=rule.on_no,
            not_requester=rule.not_requester,
            expires=rule.expires,
            on_expiry=rule.on_expiry,
            **said,
        )

    def _lowered(self, required: int) -> str:
        """Told wherever a rule asks fewer people than the risk would: it may not be meant."""
        risk = self.facts.step.risk or Risk.CRITICAL
        usual, _ = DEFAULTS[risk]
        return f", where {risk} risk alone would ask {usual}" if required < usual else ""

    def _default(self) -> Ruling:
        risk = self.facts.step.risk
        required, why = DEFAULTS[risk or Risk.CRITICAL]
        if risk is None:
            why = f"its risk is not known, so as for {why}"
        self._note("default", Met.YES, why)
        return Ruling(_asking(required), "default", why, required)

    def least(self, ruling: Ruling) -> Ruling:
        """At least one person, where nothing may run without asking."""
        for least, why in self._floors():
            if ruling.outcome is not Outcome.DENY and ruling.required < least:
                self._note("least", Met.YES, why)
                ruling = replace(ruling, outcome=_asking(least), required=least, reason=why)
        return ruling

    def _floors(self) -> Iterator[tuple[int, str]]:
        if self.facts.runbook.proposed_by is not Author.PERSON:
            yield 1, "the reasoner wrote this command: a person has to agree, whatever a rule says"
        changes = self.facts.step.effect is not Effect.READ_ONLY
        if changes and self.facts.runbook.found_by is FoundBy.SEARCH:
            yield 1, "the search found this runbook: a person has to agree to what it changes"
        if self.policy.least:
            yield self.policy.least, self.policy.least_because

    def mode(self, ruled: Mode) -> Mode:
        """What is done with the plan: the least of all that is said."""
        modes, found = self.policy.config.modes, ruled
        if source := modes.sources.get(self.facts.ticket.source):
            self._note("modes", Met.YES, f"source {self.facts.ticket.source}: {source}")
            found = strictest(found, source)
        for pattern, mode in modes.runbooks.items():
            if fnmatchcase(self.facts.runbook.name, pattern):
                self._note("modes", Met.YES, f"runbook {pattern}: {mode}")
                found = strictest(found, mode)
        return found

    def _ask(self, condition: str | None) -> tuple[Met, str]:
        if condition is None:
            return Met.YES, "it is for every step"
        told = answer(condition, self._words)
        if told.problem:
            return Met.UNKNOWN, f"{condition}: {told.problem}"
        return (Met.YES if told.holds else Met.NO), condition

    def _denied(self, name: str, reason: str, met: Met, why: str = "") -> Ruling:
        self._note(name, met, why or reason)
        if met is Met.UNKNOWN and why:
            reason = f"{reason} (whether that is so is not known: {why})"
        return Ruling(Outcome.DENY, name, reason)

    def _note(self, name: str, met: Met, why: str) -> None:
        self.trace.append(Considered(name, met, why))


def people(count: int) -> str:
    """So many different people, in words."""
    words = ("nobody", "one person", "two different people")
    return words[count] if count < len(words) else f"{count} different people"


def _asking(required: int) -> Outcome:
    return Outcome.REQUIRE if required else Outcome.AUTO


def _found(pattern: str, command: str) -> str | None:
    found = _compiled(pattern).search(_SPACES.sub(" ", command))
    return found[0] if found else None


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)
