"""``handrail token``: who may use the API, and what was done through it."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

import typer

from deploy.connection import Place, storing
from deploy.output import AsJson, add, ago, console, say, show_json, table, when
from deploy.person import person
from services.console.audit.entry import Deed, Entry, Outcome
from services.console.audit.store import MongoTrail
from services.console.tokens.store import MongoTokens
from services.console.tokens.token import Role, Token, Written, new_text
from shared.errors import SettingsError

app = typer.Typer(
    add_completion=False,
    help="Tokens of the API: who may use it, and what was done through it.",
    no_args_is_help=True,
)

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}")
_LASTS: Final = re.compile(r"([1-9]\d{0,4})(h|d)")
_UNITS: Final = {"h": timedelta(hours=1), "d": timedelta(days=1)}
_NEVER: Final = "never"

Name = Annotated[str, typer.Argument(help="Whose it is, or what for.")]


@dataclass(frozen=True)
class _Kept:
    """Where tokens are, and where it is written down what became of them."""

    tokens: MongoTokens
    trail: MongoTrail


@app.command("add")
def add_(
    name: Name,
    *,
    role: Annotated[
        Role, typer.Option(help="viewer reads, operator also checks targets, admin changes.")
    ] = Role.VIEWER,
    expires: Annotated[str, typer.Option(help="In so long, as 12h or 90d; or `never`.")] = "90d",
    as_json: AsJson = False,
) -> None:
    """Make a token, and print it this once: of what is kept nobody can make it again."""
    if not _NAME.fullmatch(name):
        raise SettingsError(f"{name!r} is no name: letters, digits, and . _ @ - after the first")
    now, text = _now(), new_text()
    token = _token(name, role, text, now, _until(expires, now))
    asyncio.run(_added(token))
    if as_json:
        show_json({**_told(token), "token": text})
        return
    print(text)
    ends = f"until {when(token.expires_at)}" if token.expires_at else "for good"
    typer.echo(f"{name} may use the API as {role} {ends}; this is shown once.", err=True)


@app.command("list")
def list_(*, as_json: AsJson = False) -> None:
    """Show each token: its role, who made it, when it was used last; never the token."""
    tokens = asyncio.run(_all())
    if as_json:
        show_json([_told(token) for token in tokens])
        return
    shown = table("name", "role", "state", "made", "last used", "id")
    for token in tokens:
        made = f"{ago(token.created_at)} by {token.created_by}"
        used = ago(token.used_at) if token.used_at else "never"
        add(shown, token.name, token.role, _state(token, _now()), made, used, token.id)
    if tokens:
        console().print(shown)
    else:
        say("There are no tokens: `handrail token add NAME` makes one.")


@app.command()
def revoke(name: Name) -> None:
    """Let a token in no more, from its next request on."""
    asyncio.run(_revoked(name))
    say(f"{name} may use the API no more")


@app.command()
def audit(
    *,
    about: Annotated[
        str | None, typer.Option(help="Only what was done to what has this name.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Show who changed what through the API, and made which tokens, the newest first."""
    entries = asyncio.run(_done(limit, about))
    if as_json:
        show_json([vars(entry) for entry in entries])
        return
    shown = table("when", "who", "did", "to", "outcome", "from", "detail")
    for entry in entries:
        outcome = "begun, its end was not seen" if entry.outcome is Outcome.BEGUN else entry.outcome
        told = (when(entry.at), entry.by, entry.deed, entry.about, outcome, entry.address)
        add(shown, *told, entry.detail)
    if entries:
        console().print(shown)
    else:
        say("Nothing was changed.")


def _token(name: str, role: Role, text: str, now: datetime, until: datetime | None) -> Token:
    written = Written.of(text)
    if written is None:
        raise AssertionError("a new token looks like a token")
    return Token(written.id, name, role, written.digest, now, person(), until)


def _until(expires: str, now: datetime) -> datetime | None:
    if expires == _NEVER:
        return None
    found = _LASTS.fullmatch(expires)
    if found is None:
        raise SettingsError(f"--expires: {expires!r}: write hours or days, as 12h or 90d, or never")
    return now + int(found[1]) * _UNITS[found[2]]


def _told(token: Token) -> dict[str, Any]:
    said = {name: value for name, value in vars(token).items() if name != "digest"}
    return {**said, "state": _state(token, _now())}


def _state(token: Token, now: datetime) -> str:
    if token.revoked_at is not None:
        return "revoked"
    if not token.counts(now):
        return "expired"
    return f"until {when(token.expires_at)}" if token.expires_at else "for good"


@asynccontextmanager
async def _kept() -> AsyncIterator[_Kept]:
    async with storing(Place.of()) as db:
        yield _Kept(MongoTokens(db), MongoTrail(db))


async def _added(token: Token) -> None:
    async with _kept() as kept:
        await kept.tokens.prepare()
        await kept.tokens.add(token)
        await kept.trail.add(_entry(Deed.TOKEN_ADDED, token.name, f"role {token.role}"))


async def _revoked(name: str) -> None:
    async with _kept() as kept:
        await kept.tokens.revoke(name, by=person(), now=_now())
        await kept.trail.add(_entry(Deed.TOKEN_REVOKED, name))


async def _all() -> list[Token]:
    async with _kept() as kept:
        return await kept.tokens.all()


async def _done(limit: int, about: str | None) -> list[Entry]:
    async with _kept() as kept:
        return await kept.trail.newest(limit, about=about)


def _entry(deed: Deed, name: str, detail: str = "") -> Entry:
    return Entry(_now(), person(), deed, name, detail=detail)


def _now() -> datetime:
    return datetime.now(UTC)
