"""``handrail approvals change``: other values for a step, shown before they are sent."""

import asyncio
import sys
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from deploy.connection import Place
from deploy.decisions import NotDecidedError, look_at_change, send_change
from deploy.output import AsJson, say, show_json
from services.notifier.approval import Approval
from shared.events import ChangeableField


def change(
    approval_id: Annotated[str, typer.Argument(metavar="ID", help="Its id, or how it begins.")],
    *,
    set_: Annotated[
        list[str], typer.Option("--set", metavar="NAME=VALUE", help="A parameter's other value.")
    ],
    reason: Annotated[str, typer.Option(help="Why; it is kept with the change.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask once more.")] = False,
    as_json: AsJson = False,
) -> None:
    """Have a step asked about anew with other values; `show` says which there may be."""
    values = dict(_pair(one) for one in set_)
    place = Place.of()
    shown: dict[str, Any] = asyncio.run(look_at_change(place, approval_id, values))
    if not yes:
        _print(shown)
        if not sys.stdin.isatty():
            raise NotDecidedError("nobody is at the terminal to look at this: say --yes")
        typer.confirm("Ask about it with these values?", abort=True)
    sent = asyncio.run(
        send_change(place, approval_id, values, reason=reason, confirm=shown["confirm"])
    )
    if as_json:
        show_json({**sent, "change": {**shown, "outcome": "sent"}})
        return
    say(f"Sent: {shown['command'].strip()}")
    say("It is judged by the policy and asked about anew: that is no yes. See `approvals list`.")


def lines(approval: Approval) -> Iterator[tuple[str, str]]:
    """What people wanted of a step and may want of it, for a person to read."""
    change = approval.change
    if change is not None and change.refused:
        wanted = ", ".join(f"{each.name} {each.new}" for each in change.values)
        yield "not changed", f"{change.by} wanted {wanted}; refused: {change.refused}"
    elif change is not None:
        why = f" ({change.reason})" if change.reason else ""
        yield "changed by", f"{change.by}{why}"
        for each in change.values:
            yield f"  {each.name}", f"{each.old} -> {each.new}"
        for name, text in change.before.items():
            yield f"  {name} before", text
    if approval.proposal is not None:
        said = approval.proposal
        wanted = ", ".join(f"{name} {value}" for name, value in said.values.items())
        yield "replaced since", f"{said.by} wants other values: {wanted}"
    elif approval.changeable is not None:
        for field in approval.changeable.fields:
            yield f"--set {field.name}", _field(field)


def _field(field: ChangeableField) -> str:
    about = [field.value, field.about, field.type.value if not field.options else ""]
    about.append(f"one of {', '.join(field.options)}" if field.options else "")
    about.append(f"all of it matches {field.pattern}" if field.pattern else "")
    return "\n".join(filter(None, about))


def _print(shown: dict[str, Any]) -> None:
    for each in shown["differences"]:
        say(f"{each['title']}:")
        for line in each["lines"]:
            say(f"  {line}")


def _pair(written: str) -> tuple[str, str]:
    name, equals, value = written.partition("=")
    if not name or not equals:
        raise NotDecidedError(f"{written!r} is no value: write --set NAME=VALUE")
    return name, value
