"""Who is meant at a moment: the people and rooms of a stage, those that were not told already."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog

from services.notifier.channels.directory import Directory
from services.notifier.links import Channel
from services.notifier.recipients import Recipient, Status
from services.notifier.routing.timing import Kind, Stage
from shared.config import Person
from shared.config.channels import SlackChannel, TelegramChannel
from shared.config.policy import people_in
from shared.config.routes import DEFAULT, EMAIL, Over, Whom
from shared.oncall.roster import Roster
from shared.policy.terms import is_on_call
from shared.policy.voters import Voters

log = structlog.get_logger(__name__)

#: Rooms with buttons, where people are known to Handrail.
_ANSWERABLE: Final = (SlackChannel, TelegramChannel)


@dataclass(frozen=True)
class Circle:
    """Whose yes counts, by the schedules as they are, for a question asked at a time.

    ``by_page`` is a question that has to be filled in: on the page, or in a modal of Slack.
    """

    voters: Voters
    roster: Roster
    asked_at: datetime
    now: datetime
    by_page: bool = False

    def admits(self, email: str) -> bool:
        """Whether this person's yes would count now, given by mail."""
        return not self.voters.objection(
            email, Channel.EMAIL, on_call=self.roster, since=self.asked_at, until=self.now
        )


@dataclass(frozen=True)
class Chooser:
    """Everybody in handrail.yaml, with teams and channels."""

    directory: Directory
    teams: Mapping[str, tuple[str, ...]]

    def chosen(
        self,
        stage: Stage,
        circle: Circle,
        *,
        route: str,
        told: Collection[Recipient] = (),
        answered: Collection[str] = (),
    ) -> tuple[Recipient, ...]:
        """Whom a stage tells who was not told in it; ``answered`` are people who need no reminder.

        Only those whose yes would count. Where a question would go to nobody, it goes to everybody
        whose yes counts, or to everybody: one who is not asked in vain is better than silence.
        """
        found = self._meant(stage, circle, is_default=route == DEFAULT.name)
        if stage.kind is Kind.ASK and not any(self._answerable(to, circle) for to in found):
            log.warning("route.nobody_found", route=route)
            found = (*self._anybody(circle), *found)
        before = {_who(one) for one in told}
        fresh = [one for one in found if _who(one) not in before]
        again = told if stage.kind is Kind.REMIND else ()
        due = [*fresh, *(one for one in again if one.status is Status.SENT)]
        waiting = [one for one in due if one.email.casefold() not in answered]
        return tuple(_each_once(_in_round(one, stage) for one in waiting))

    def reaches(self, told: Iterable[Recipient], circle: Circle) -> bool:
        """Whether somebody of them can answer, as far as is known."""
        return any(not to.is_lost and self._answerable(to, circle) for to in told)

    def instead(self, told: Collection[Recipient], circle: Circle) -> tuple[Recipient, ...]:
        """People whom no message reached, on each channel of their own that was not tried."""
        tried = {_who(one) for one in told}
        reached = {one.email.casefold() for one in told if not one.is_lost}
        lost = {one.email.casefold() for one in told if one.is_lost} - reached
        people = [one for one in self.directory.people if one.email.casefold() in lost]
        channels = (EMAIL, *self.directory.channels) if people else ()
        found = [
            self.directory.person(one, channel)
            for channel in dict.fromkeys(channels)
            if self.directory.room(channel) is None
            for one in people
        ]
        return tuple(
            to for to in found if to and _who(to) not in tried and self._answerable(to, circle)
        )

    def others(self, told: Collection[Recipient], circle: Circle) -> tuple[Recipient, ...]:
        """Everybody whose yes counts and who was not told: the last whom a question goes to."""
        tried = {_who(one) for one in told}
        return tuple(to for to in self._anybody(circle) if _who(to) not in tried)

    def people(self, words: Collection[str], circle: Circle) -> tuple[Person, ...]:
        """The people behind words of a route, at the moment; everybody where there are none."""
        if not words:
            return self.directory.people
        named = people_in(words, self.teams)
        on_call = [circle.roster.on_call(word, circle.now) for word in named if is_on_call(word)]
        if any(people is None for people in on_call):
            return self.directory.people
        addresses = {*named, *(person for people in on_call if people for person in people)}
        return tuple(one for one in self.directory.people if one.email.lower() in addresses)

    def told(self, to: Whom, over: Over, circle: Circle) -> tuple[Recipient, ...]:
        """Those whom words of a route mean, each once a channel; they are only told."""
        people = self.people(to, circle)
        found = (one for channel in over for one in self._on(channel, people))
        return tuple(_each_once(found))

    def _meant(self, stage: Stage, circle: Circle, *, is_default: bool) -> tuple[Recipient, ...]:
        people = self._may(self.people(stage.to, circle), circle)
        found = [to for channel in stage.over for to in self._on(channel, people)]
        if is_default and stage.kind is Kind.ASK:
            found += self.directory.asked()
        if found and not any(self._answerable(to, circle) for to in found):
            # In a room that only shows, nobody can answer.
            found += self._by_mail(people)
        return tuple(found)

    def _anybody(self, circle: Circle) -> tuple[Recipient, ...]:
        """Everybody whose yes counts, or everybody, or whoever sits at the terminal."""
        everybody = self.directory.people
        may = self._by_mail(self._may(everybody, circle))
        return may or self._by_mail(everybody) or (Recipient.at_terminal(),)

    def _may(self, people: Iterable[Person], circle: Circle) -> tuple[Person, ...]:
        return tuple(one for one in people if circle.admits(one.email))

    def _on(self, channel: str, people: Iterable[Person]) -> tuple[Recipient, ...]:
        room = self.directory.room(channel)
        if room is not None:
            return (room,)
        found = (self.directory.person(one, channel) for one in people)
        return tuple(to for to in found if to is not None)

    def _answerable(self, to: Recipient, circle: Circle) -> bool:
        if circle.by_page:
            modal = isinstance(self.directory.channels.get(to.via), SlackChannel)
            return modal or to.channel in {Channel.EMAIL, Channel.TERMINAL}
        return not to.is_room or isinstance(self.directory.channels.get(to.via), _ANSWERABLE)

    def _by_mail(self, people: Iterable[Person]) -> tuple[Recipient, ...]:
        return self._on(EMAIL, people)


def _who(to: Recipient) -> tuple[str, str]:
    return to.via, to.email.casefold()


def _in_round(to: Recipient, stage: Stage) -> Recipient:
    """Not told yet in this round; the first one has no name."""
    fresh = {"status": Status.QUEUED, "tries": 0, "at": None, "error": "", "reference": ""}
    name = "" if stage.kind is Kind.ASK else stage.key
    return to.model_copy(update={**fresh, "round": name})


def _each_once(recipients: Iterable[Recipient]) -> Iterable[Recipient]:
    return {_who(one): one for one in recipients}.values()
