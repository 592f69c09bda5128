"""``handrail approvals delegate|allow|…``: who answers for whom, and what runs without asking."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

import typer

from deploy.moments import ahead
from deploy.output import AsJson, add, ago, console, say, show_json, table, when
from deploy.standing import Known, Limits, Standings, standings
from shared.events import Delegation, Window
from shared.lifecycle import Risk

T = TypeVar("T")

Span = Annotated[
    datetime | None,
    typer.Option("--for", parser=ahead, metavar="SPAN", help="So long: 30m, 8h, 7d."),
]
Until = Annotated[
    datetime | None,
    typer.Option("--until", parser=ahead, metavar="TIME", help="Until then: 2026-03-01T10:00."),
]
Reason = Annotated[str, typer.Option(help="Why; it is kept.")]
Past = Annotated[bool, typer.Option("--past", help="Also those that are over.")]


def delegate(
    *,
    to: Annotated[str, typer.Option("--to", metavar="ADDRESS", help="Who answers instead.")],
    of: Annotated[
        str | None,
        typer.Option("--from", metavar="ADDRESS", help="For whom; else for whoever sits here."),
    ] = None,
    span: Span = None,
    until: Until = None,
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Have somebody else answer for you while you are away: their yes counts as yours."""
    ends = _end(span, until)
    word = _with(lambda said: said.hand_over(of=of, to=to, until=ends, reason=reason))
    if as_json:
        show_json(word.model_dump(mode="json", exclude={"signature"}))
        return
    say(f"{word.to} answers for {word.of} until {when(word.until)}.")
    say(f"End it earlier with: handrail approvals end {word.mark}", style="dim")


def allow(
    runbook: Annotated[str, typer.Argument(help="Its name; its text as it is now is meant.")],
    *,
    span: Span = None,
    until: Until = None,
    risk: Annotated[Risk, typer.Option(help="Steps up to this risk.")] = Risk.MEDIUM,
    target: Annotated[str | None, typer.Option(help="On this target only.")] = None,
    times: Annotated[
        int | None, typer.Option("--times", min=1, help="For so many steps; else for all.")
    ] = None,
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Say yes in advance to the steps of a runbook, for a while; it is one person's yes."""
    limits = Limits(risk, _end(span, until), target, times, reason)
    word = _with(lambda said: said.allow(runbook, limits))
    if as_json:
        show_json(word.model_dump(mode="json", exclude={"signature"}))
        return
    say(f"{word.runbook}: {_limits(word)} have your yes until {when(word.until)}.")
    say(f"End it earlier with: handrail approvals end {word.mark}", style="dim")


def delegations(*, past: Past = False, as_json: AsJson = False) -> None:
    """Show who answers for whom."""
    found = [one for one in _known(past=past) if isinstance(one.word, Delegation)]
    if as_json:
        show_json([_fields(one) for one in found])
        return
    shown = table("id", "for", "answers", "until", "said by", "reason", "state")
    for one in found:
        word = one.word
        if isinstance(word, Delegation):
            by = f"{word.by} ({word.channel})"
            cells = (word.of, word.to, when(word.until), by, word.reason, _state(one))
            add(shown, word.mark, *cells)
    _print(shown, found, "Nobody answers for anybody else.")


def windows(*, past: Past = False, as_json: AsJson = False) -> None:
    """Show what runs without asking, by whose yes, and how often it did."""
    found = [one for one in _known(past=past) if isinstance(one.word, Window)]
    if as_json:
        show_json([_fields(one) for one in found])
        return
    shown = table("id", "runbook", "steps", "yes of", "until", "used", "reason", "state")
    for one in found:
        word = one.word
        if isinstance(word, Window):
            used = str(one.kept.used) + (f" of {word.times}" if word.times else "")
            by = f"{word.by} ({word.channel})"
            cells = (word.runbook, _limits(word), by, when(word.until), used, word.reason)
            add(shown, word.mark, *cells, _state(one))
    _print(shown, found, "Nothing is allowed in advance.")


def end(
    word_id: Annotated[str, typer.Argument(metavar="ID", help="Its id, or how it begins.")],
    *,
    as_json: AsJson = False,
) -> None:
    """End a delegation or a window: from now on everybody is asked again."""
    word = _with(lambda said: said.end(word_id))
    if as_json:
        show_json(word.model_dump(mode="json", exclude={"signature"}))
    elif isinstance(word, Delegation):
        say(f"{word.to} does not answer for {word.of} any more.")
    elif isinstance(word, Window):
        say(f"Steps of {word.runbook} are asked for again.")


def _with(work: Callable[[Standings], Awaitable[T]]) -> T:
    async def run() -> T:
        async with standings() as said:
            return await work(said)

    return asyncio.run(run())


def _known(*, past: bool) -> list[Known]:
    now = datetime.now(UTC)
    found = _with(lambda said: said.known())
    return [one for one in found if past or one.holds_at(now) or not one.believed]


def _end(span: datetime | None, until: datetime | None) -> datetime:
    if (span is None) == (until is None):
        raise typer.BadParameter("say how long: either --for 8h or --until 2026-03-01T10:00")
    return span or until or datetime.now(UTC)


def _limits(word: Window) -> str:
    on = f" on {word.target}" if word.target else ""
    return f"steps up to {word.risk} risk{on}"


def _state(one: Known) -> str:
    now = datetime.now(UTC)
    if not one.believed:
        return "not signed by this installation: it does not count"
    if one.word.ended_at is not None:
        return f"ended by {one.word.ended_by}"
    if one.holds_at(now):
        return f"ends {ago(one.word.until)}"
    return "over" if now >= one.word.until else "used up"


def _fields(one: Known) -> dict[str, Any]:
    return {
        **one.word.model_dump(mode="json", exclude={"signature"}),
        "used": one.kept.used,
        "uses": [{"step": each["key"], "at": each["at"]} for each in one.kept.uses],
        "holds": one.holds_at(datetime.now(UTC)),
        "signed": one.believed,
    }


def _print(shown: Any, found: list[Known], nothing: str) -> None:
    if found:
        console().print(shown)
    else:
        say(nothing)
