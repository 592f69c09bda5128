"""Whether a webhook comes from the source that it names."""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Protocol

from services.ingest.auth import Basic, Bearer, HeaderToken
from services.ingest.signature import Signature, scheme_of
from services.ingest.sns import Fetch, Sns
from shared.config import SourceConfig


class Key(Protocol):
    """A secret that is sent along in a header, whose ``name`` is in lower case."""

    @property
    def name(self) -> str: ...

    @property
    def challenge(self) -> str: ...

    def admits(self, headers: Mapping[str, str]) -> bool: ...


class Stranger(Exception):  # noqa: N818 it is an answer, not a failure
    """A webhook that does not come from its source; ``status`` is 401 or 403."""

    def __init__(self, status: int, reason: str, challenge: str = "") -> None:
        super().__init__(reason)
        self.status = status
        self.challenge = challenge


@dataclass(frozen=True)
class Door:
    """What a source has to show: one of the keys before its body is read, or a signature after."""

    keys: tuple[Key, ...] = ()
    signature: Signature | None = None
    sns: Sns | None = None
    networks: tuple[IPv4Network | IPv6Network, ...] = ()

    @property
    def proofs(self) -> frozenset[str]:
        """The headers, in lower case, that what is asked for is in."""
        signed = {self.signature.scheme.header.lower()} if self.signature else set()
        return frozenset({key.name for key in self.keys} | signed)

    def knock(self, headers: Mapping[str, str], client: str) -> None:
        """Raise unless what is known before the body is read lets the sender in.

        Raises:
            Stranger: it does not.
        """
        if self.networks and not _inside(client, self.networks):
            raise Stranger(403, "this address is not under `allow_from` of the source")
        # All are tried, so that the time tells nothing about which one is in use.
        if self.keys and True not in [key.admits(headers) for key in self.keys]:
            reason = "the secret in the headers is missing or does not match the source's"
            raise Stranger(401, reason, self.keys[0].challenge)

    async def check(self, headers: Mapping[str, str], body: bytes) -> None:
        """Raise unless the body carries the signature that is asked for, if one is.

        Raises:
            Stranger: it does not.
            UnavailableError: what the check needs cannot be had just now.
        """
        if self.signature is not None and not self.signature.admits(headers, body):
            name = self.signature.scheme.header
            raise Stranger(401, f"the signature in {name} is missing or is not over this body")
        if self.sns is not None and not await self.sns.admits(body):
            raise Stranger(401, "this is no message of a known topic with Amazon's signature")


def door(config: SourceConfig, fetch: Fetch) -> Door:
    """What a source has to show, by its configuration.

    Raises:
        SettingsError: a secret is not where the configuration says.
    """
    secrets = tuple(reference.read().get_secret_value() for reference in config.secrets())
    networks = config.allow_from
    if config.hmac is not None:
        signature = Signature(scheme_of(config.hmac), tuple(s.encode() for s in secrets))
        return Door(signature=signature, networks=networks)
    if config.sns is not None:
        return Door(sns=Sns(config.sns.topics, fetch), networks=networks)
    return Door(keys=tuple(_key(config, secret) for secret in secrets), networks=networks)


def _key(config: SourceConfig, secret: str) -> Key:
    if config.basic is not None:
        return Basic(config.basic.username, secret)
    if config.header is not None:
        return HeaderToken(config.header.name.lower(), secret)
    return Bearer(secret)


def _inside(client: str, networks: tuple[IPv4Network | IPv6Network, ...]) -> bool:
    try:
        address = ip_address(client)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return any((mapped or address) in network for network in networks)
