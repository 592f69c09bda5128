"""What people may change of a step, from the very text of the runbook that its plan was made of."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, Final, Protocol
from uuid import UUID

import structlog

from services.executor.session import Session
from shared.events import Changeable, RunbookRef, Step
from shared.runbook.changing import Form, UnfitChangeError, form_of, texts_with
from shared.runbook.library import assembled, parsed_runbook
from shared.runbook.runbook import Runbook
from shared.runbook.versions import Version
from shared.runbook.versions.version import reference
from shared.yamlsource import SourceError

log = structlog.get_logger(__name__)

#: Of runbooks and steps, so many are remembered; they never change.
REMEMBERED_MOST: Final = 10_000
#: People who asked so often about one step what else it could be have to say yes or no.
ASKED_MOST: Final = 10


class Versions(Protocol):
    """See ``shared.runbook.versions.MongoVersions``."""

    async def these(self, refs: Iterable[str]) -> dict[str, Version]: ...


class Sessions(Protocol):
    """See ``services.executor.store.MongoSessions``."""

    async def load(self, session_id: UUID) -> Session | None: ...


class Forms:
    """Reads each text of a runbook once, from the store that planners keep it in."""

    def __init__(self, versions: Versions, sessions: Sessions) -> None:
        self._versions = versions
        self._sessions = sessions
        self._runbooks: dict[str, Runbook | None] = {}
        self._forms: dict[tuple[str, str], Form | None] = {}

    async def of(self, session: Session, step_id: str) -> Form | None:
        """What may be changed of a step, whatever the values are; None if nothing.

        Raises:
            UnavailableError: the store does not answer.
        """
        key = _key(session.runbook), step_id
        if key not in self._forms:
            runbook = await self._runbook(session.runbook)
            if len(self._forms) >= REMEMBERED_MOST:
                self._forms.clear()
            self._forms[key] = form_of(runbook, step_id) if runbook else None
        return self._forms[key]

    async def known(self, session_id: UUID, step_id: str) -> Form | None:
        """The same of a session that is stored: the text that its plan was made of never changes.

        Raises:
            UnavailableError: see ``of``.
        """
        session = await self._sessions.load(session_id)
        return None if session is None else await self.of(session, step_id)

    async def changeable(self, session: Session, step: Step) -> Changeable | None:
        """What people may change of a step that they are asked about now.

        Raises:
            UnavailableError: see ``of``.
        """
        if step.undoes is not None or session.run(step.id).asked >= ASKED_MOST:
            return None
        form = await self.of(session, step.id)
        if form is None or session.alert is None:
            return None
        found = form.filled(params(session, step, form), session.alert)
        # A person may have written the command of a session that is tried again.
        return None if session.retry_of and not is_as_planned(step, found) else found

    async def _runbook(self, ref: RunbookRef) -> Runbook | None:
        key = _key(ref)
        if key not in self._runbooks:
            if len(self._runbooks) >= REMEMBERED_MOST:
                self._runbooks.clear()
            self._runbooks[key] = await self._read(ref)
        return self._runbooks[key]

    async def _read(self, ref: RunbookRef) -> Runbook | None:
        names = {ref.name: ref.version, **ref.includes}
        refs = {reference(name, version) for name, version in names.items()}
        found = await self._versions.these(refs)
        if len(found) < len(refs):
            return None
        # Reading one takes some milliseconds, in which other sessions go on.
        return await asyncio.to_thread(_put_together, ref.name, found)


class NoForms:
    """Where nothing may be changed."""

    async def changeable(self, session: Session, step: Step) -> Changeable | None:  # noqa: ARG002 see Forms
        return None


NO_FORMS: Final = NoForms()


def params(session: Session, step: Step, form: Form) -> dict[str, Any]:
    """The parameters of a session, as they are for one of its steps; None is one left out."""
    known: dict[str, Any] = {**session.params, **session.values}
    for name, value in session.run(step.id).changed.items():
        known[form.prefix + name] = value
    return known


def is_as_planned(step: Step, changeable: Changeable) -> bool:
    """Whether the step is what its runbook makes of these values."""
    try:
        return _same(step, texts_with(changeable, step.uses, {}))
    except UnfitChangeError:
        return False


def _same(step: Step, texts: Mapping[str, str]) -> bool:
    # A target may have been named by another name of it.
    acts = ("run", "check", "rollback")
    return all(getattr(step, name) == texts[name] for name in acts if name in texts)


def _put_together(name: str, versions: Mapping[str, Version]) -> Runbook | None:
    try:
        parsed = {one.name: parsed_runbook(one.text, file=one.ref) for one in versions.values()}
    except SourceError as error:
        # A newer Handrail may be stricter than what was stored.
        log.warning("runbook.unreadable", runbook=name, reason=str(error))
        return None
    return assembled(parsed).get(name)


def _key(ref: RunbookRef) -> str:
    return f"{ref.name}@{ref.seal}"
