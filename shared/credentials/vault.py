"""Secrets in HashiCorp Vault: its key-value engine, version 2, by a token or an AppRole."""

import asyncio
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import hvac
from hvac.exceptions import Forbidden, InvalidPath, InvalidRequest, Unauthorized, VaultError
from pydantic import SecretStr
from requests.exceptions import RequestException

from shared.errors import UnavailableError
from shared.secrets import SecretMissingError, VaultPlace

#: What has no lease is asked for again after this.
FRESH: Final = timedelta(minutes=1)
_TIMEOUT: Final = timedelta(seconds=10)
#: A token is renewed when less than this part of its time is left.
_RENEW_AT: Final = 0.5


@dataclass(frozen=True)
class Login:
    """How Vault is reached, and as whom: by a token, or by an AppRole's two IDs."""

    address: str
    token: SecretStr | None = None
    role_id: str | None = None
    secret_id: SecretStr | None = None
    namespace: str | None = None
    ca: Path | None = None


@dataclass(frozen=True)
class Leased:
    """A value and how long it may be kept; ``lease_id`` where it can be renewed."""

    value: SecretStr
    until: datetime
    lease_id: str = ""


class Vault:
    """One Vault; its client blocks, so that each request is made in a thread, one at a time."""

    def __init__(self, login: Login) -> None:
        self._login = login
        self._client: hvac.Client | None = None
        self._token_until: datetime | None = None
        self._token_from: datetime | None = None
        self._lock = threading.Lock()

    async def read(self, place: VaultPlace, now: datetime) -> Leased:
        """A secret as it is now.

        Raises:
            SecretMissingError: there is none, or it may not be read.
            UnavailableError: Vault does not answer, or is sealed.
        """
        return await asyncio.to_thread(self._guarded, place, now, "")

    async def renew(self, place: VaultPlace, lease: Leased, now: datetime) -> Leased:
        """The same value for longer, or the secret read anew where its lease is not renewed.

        Raises:
            SecretMissingError: see ``read``.
            UnavailableError: see ``read``.
        """
        return await asyncio.to_thread(self._guarded, place, now, lease.lease_id, lease)

    def _guarded(
        self, place: VaultPlace, now: datetime, lease_id: str, lease: Leased | None = None
    ) -> Leased:
        try:
            with self._lock:
                client = self._logged_in(now)
                if lease is not None and lease_id and (longer := _renewed(client, lease, now)):
                    return longer
                return _read(client, place, now)
        except (Forbidden, Unauthorized):
            self._client = None
            raise SecretMissingError(
                f"vault {place}: Vault does not let Handrail read it"
            ) from None
        except InvalidPath:
            raise SecretMissingError(f"vault {place}: there is no such secret") from None
        except (VaultError, RequestException) as error:
            # Its text may have what was sent.
            told = f"Vault does not answer at {self._login.address} ({type(error).__name__})"
            raise UnavailableError(told) from None

    def _logged_in(self, now: datetime) -> hvac.Client:
        if self._client is None or (self._token_until is not None and now >= self._token_until):
            self._log_in(now)
        elif self._is_due(now):
            answer = self._client.auth.token.renew_self()
            self._lasts(answer["auth"]["lease_duration"], now)
        if self._client is None:
            raise UnavailableError(f"Vault does not let Handrail in at {self._login.address}")
        return self._client

    def _log_in(self, now: datetime) -> None:
        login = self._login
        client = hvac.Client(
            url=login.address,
            namespace=login.namespace,
            timeout=int(_TIMEOUT.total_seconds()),
            verify=str(login.ca) if login.ca else True,
        )
        if login.token is not None:
            client.token = login.token.get_secret_value()
            told = client.auth.token.lookup_self()["data"]
            self._lasts(told.get("ttl", 0) if told.get("renewable") else 0, now)
        elif login.role_id is not None and login.secret_id is not None:
            try:
                answer = client.auth.approle.login(
                    role_id=login.role_id, secret_id=login.secret_id.get_secret_value()
                )
            except InvalidRequest:
                raise Forbidden("the AppRole's IDs are refused") from None
            self._lasts(answer["auth"]["lease_duration"], now)
        self._client = client

    def _lasts(self, seconds: int, now: datetime) -> None:
        self._token_from = now
        self._token_until = now + timedelta(seconds=seconds) if seconds else None

    def _is_due(self, now: datetime) -> bool:
        if self._token_until is None or self._token_from is None:
            return False
        left = (self._token_until - now) / (self._token_until - self._token_from)
        return left < _RENEW_AT


def _read(client: hvac.Client, place: VaultPlace, now: datetime) -> Leased:
    answer: dict[str, Any] = client.secrets.kv.v2.read_secret_version(
        path=place.path, mount_point=place.mount, raise_on_deleted_version=True
    )
    value = answer["data"]["data"].get(place.key)
    if not isinstance(value, str) or not value:
        raise SecretMissingError(f"vault {place}: the secret has no text under this key")
    lasts = timedelta(seconds=answer.get("lease_duration") or 0) or FRESH
    return Leased(SecretStr(value), now + lasts, answer.get("lease_id") or "")


def _renewed(client: hvac.Client, lease: Leased, now: datetime) -> Leased | None:
    try:
        answer = client.sys.renew_lease(lease_id=lease.lease_id)  # type: ignore[no-untyped-call]
    except InvalidRequest:
        return None
    return Leased(lease.value, now + timedelta(seconds=answer["lease_duration"]), lease.lease_id)
