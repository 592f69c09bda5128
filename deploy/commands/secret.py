"""``handrail secret``: credentials that are kept encrypted, and never shown again."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import typer
from pydantic import SecretStr, TypeAdapter, ValidationError

from deploy.connection import Place, storing
from deploy.home import Home
from deploy.output import AsJson, add, ago, console, say, show_json, table
from deploy.person import person
from services.executor.admission.store import MongoArtifacts
from shared.config import Config, load_config
from shared.credentials.sealing import Sealer, under
from shared.credentials.store import MongoCredentials
from shared.errors import HandrailError, SettingsError
from shared.secrets import CredentialName, SecretRef

app = typer.Typer(
    add_completion=False,
    help="Credentials by name: kept encrypted, named in handrail.yaml, never shown.",
    no_args_is_help=True,
)

Name = Annotated[str, typer.Argument(help="As in `{credential: NAME}`.")]
_NAME: Final[TypeAdapter[str]] = TypeAdapter(CredentialName)


@app.command("set")
def set_(name: Name) -> None:
    """Keep a new credential; its value comes from standard input, or is asked for."""
    asyncio.run(_create(_named(name), _value(name)))
    say(f"credential {name} is kept: `{{credential: {name}}}` in handrail.yaml")


@app.command()
def rotate(name: Name) -> None:
    """Replace a value; services use the new one within seconds, and go on masking the old one."""
    asyncio.run(_rotate(_named(name), _value(name)))
    say(f"credential {name} has its new value")


@app.command()
def remove(name: Name) -> None:
    """Have a credential no more; targets that name it cannot be reached then."""
    asyncio.run(_remove(_named(name)))
    say(f"credential {name} is gone")


@app.command()
def rekey(*, as_json: AsJson = False) -> None:
    """Encrypt all anew under HANDRAIL_SECRET_KEY, from under HANDRAIL_SECRET_KEY_PREVIOUS."""
    (count, closed), (plans, plans_closed) = asyncio.run(_rekey())
    if as_json:
        show_json(
            {
                "rekeyed": count,
                "not_opened": closed,
                "plans": plans,
                "plans_not_opened": plans_closed,
            }
        )
    else:
        say(f"{count} credentials and {plans} saved plans are under HANDRAIL_SECRET_KEY now")
        if plans_closed:
            say(f"no key opens {plans_closed} saved plans: steps that wait for them will fail")
    if closed:
        raise HandrailError(
            f"no key opens {', '.join(closed)}: set HANDRAIL_SECRET_KEY_PREVIOUS to the secret of "
            "that time, or set them anew"
        )


@app.command("list")
def list_(*, as_json: AsJson = False) -> None:
    """Show each credential: where it is, and who made, rotated and used it when; never what."""
    rows = [*_in_file(_config()), *asyncio.run(_kept(with_deeds=as_json))]
    if as_json:
        show_json(rows)
        return
    shown = table("name", "kind", "created", "rotated", "last used")
    for row in rows:
        told = (_when(row, "created"), _when(row, "rotated"), _when(row, "used"))
        add(shown, row["name"], row["kind"], *told)
    console().print(shown)


def _when(row: dict[str, Any], what: str) -> str:
    at = row.get(f"{what}_at")
    return f"{ago(at)} by {row[f'{what}_by']}" if at else ""


def _in_file(config: Config) -> list[dict[str, Any]]:
    return [
        {"name": name, "kind": _kind(ref), "where": str(ref)}
        for name, ref in sorted(config.credentials.items())
    ]


def _kind(ref: SecretRef) -> str:
    return next(kind for kind in ("env", "file", "vault") if getattr(ref, kind) is not None)


async def _kept(*, with_deeds: bool) -> list[dict[str, Any]]:
    place = Place.of()
    async with storing(place) as db:
        # Nothing is opened for it, so that no key is needed.
        store = MongoCredentials(db, Sealer([]))
        rows = [{"kind": "stored", **vars(each)} for each in await store.all()]
        if with_deeds:
            for row in rows:
                row["audit"] = [vars(deed) for deed in await store.deeds(row["name"])]
    return rows


async def _create(name: str, value: SecretStr) -> None:
    async with _store() as store:
        await store.prepare()
        await store.create(name, value, by=person(), now=_now())


async def _rotate(name: str, value: SecretStr) -> None:
    async with _store() as store:
        await store.rotate(name, value, by=person(), now=_now())


async def _remove(name: str) -> None:
    async with _store() as store:
        await store.remove(name, by=person(), now=_now())


async def _rekey() -> tuple[tuple[int, list[str]], tuple[int, int]]:
    """How many credentials and saved plans, and which no key opens."""
    keys = _keys()
    async with storing(Place.of()) as db:
        credentials = await MongoCredentials(db, Sealer(keys)).rekey(by=person(), now=_now())
        return credentials, await MongoArtifacts(db, under(keys)).rekey()


@asynccontextmanager
async def _store() -> AsyncIterator[MongoCredentials]:
    keys = _keys()
    async with storing(Place.of()) as db:
        yield MongoCredentials(db, Sealer(keys))


def _keys() -> list[SecretStr]:
    """The secrets that things may be encrypted under, that for new ones first."""
    secret = Place.of().home.known_secret_key(os.environ)
    if secret is None:
        raise SettingsError("HANDRAIL_SECRET_KEY: is not set; credentials are encrypted under it")
    previous = os.environ.get("HANDRAIL_SECRET_KEY_PREVIOUS")
    return [SecretStr(key) for key in (secret, previous) if key]


def _named(name: str) -> str:
    try:
        return _NAME.validate_python(name)
    except ValidationError:
        raise SettingsError(
            f"{name!r} is no name of a credential: letters, digits, and . _ - after the first"
        ) from None


def _value(name: str) -> SecretStr:
    """The value, less its last line break; it is never an argument, which others could see."""
    if sys.stdin.isatty():
        value = typer.prompt(f"value of {name}", hide_input=True, confirmation_prompt=True)
    else:
        try:
            value = sys.stdin.read().removesuffix("\n").removesuffix("\r")
        except UnicodeDecodeError:
            raise SettingsError("standard input: the value is not UTF-8 text") from None
    if not value:
        raise SettingsError("standard input: there is no value in it")
    return SecretStr(value)


def _config() -> Config:
    return load_config(Home.of(os.environ).config(os.environ))


def _now() -> datetime:
    return datetime.now(UTC)
