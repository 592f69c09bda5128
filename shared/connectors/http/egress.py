"""Which addresses a request may go to.

A name is resolved once, its addresses are checked, and the connection is made to an address that
was checked: a name that leads elsewhere a moment later (DNS rebinding) changes nothing.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from shared.connectors.protocol import TargetUnreachableError
from shared.errors import PermanentError

Address = IPv4Address | IPv6Address
#: The addresses of a host's name, for a port.
Resolve = Callable[[str, int], Awaitable[list[str]]]

#: Metadata services of clouds that do not lie in link-local networks.
_METADATA: Final = frozenset(map(ip_address, ("fd00:ec2::254", "100.100.100.200", "168.63.129.16")))


class ForbiddenAddressError(PermanentError):
    """The host's name leads to an address that requests do not go to. Nothing was sent."""


async def checked_addresses(
    host: str, port: int, *, allow_private: bool, resolve: Resolve | None = None
) -> list[str]:
    """The addresses to connect to; one that stands for the host itself is taken as it is.

    Raises:
        ForbiddenAddressError: one of the addresses of the name is not allowed.
        TargetUnreachableError: the name has no address.
    """
    if (own := _address(host)) is not None:
        return [str(own)]
    try:
        found = await (resolve or _resolved)(host, port)
    except OSError as error:
        reason = f"the name {host} has no address: {error}"
        raise TargetUnreachableError(reason, may_have_started=False) from error
    for one in found:
        if not allow_private and (what := _forbidden(one)):
            raise ForbiddenAddressError(
                f"{host} leads to {one}, {what}: nothing is sent there. If it is meant, write "
                "`allow_private: true` for the target"
            )
    if not found:
        raise TargetUnreachableError(f"the name {host} has no address", may_have_started=False)
    return found


def _forbidden(written: str) -> str:
    """What speaks against an address; empty where nothing does."""
    address = _address(written)
    if address is None:
        return "which is no address"
    if isinstance(address, IPv6Address):
        address = address.ipv4_mapped or address.sixtofour or address
    if address.is_loopback or address.is_unspecified:
        return "which is this machine"
    if address.is_link_local or address in _METADATA:
        return "a link-local address or the metadata of a cloud"
    if address.is_multicast or address.is_reserved:
        return "which is no host"
    return ""


def _address(host: str) -> Address | None:
    try:
        return ip_address(host.partition("%")[0])
    except ValueError:
        return None


async def _resolved(host: str, port: int) -> list[str]:
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))
