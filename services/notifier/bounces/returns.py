"""Addresses that bounces come back to: each says, signed, to whom which mail was (VERP)."""

import hashlib
import hmac
import re
from base64 import b32decode, b32encode
from dataclasses import dataclass
from typing import Final, Self
from uuid import UUID

from services.notifier.links import BadLinkError
from services.notifier.recipients import Recipient

_PURPOSE: Final = b"handrail/bounce/1"
# Ten octets: with the id they fit the 64 that RFC 5321 gives the part before the @.
_MAC_OCTETS: Final = 10
_ID_OCTETS: Final = 16
_TOKEN: Final = re.compile(r"\+([a-z2-7]{42})@", re.IGNORECASE)


@dataclass(frozen=True)
class Returned:
    """What an address says: the question or the news that was told of, and a code of to whom."""

    document_id: UUID
    mac: bytes

    @classmethod
    def read(cls, address: str) -> Self:
        """What an address says.

        Raises:
            BadLinkError: it is none of ours.
        """
        found = _TOKEN.search(address)
        if found is None:
            raise BadLinkError("the address is not one that a bounce comes back to")
        octets = b32decode(found[1].upper() + "======")
        return cls(UUID(bytes=octets[:_ID_OCTETS]), octets[_ID_OCTETS:])


@dataclass(frozen=True)
class Returns:
    """Makes and checks the addresses: ``address`` with a code after a plus sign."""

    address: str
    link_key: bytes

    def sender_of(self, document_id: UUID, to: Recipient) -> str:
        """The envelope sender of the mail by which somebody is told of a question or of news.

        In lower case, and no matter in which case it comes back: some servers change it.
        """
        name, _, domain = self.address.partition("@")
        octets = document_id.bytes + self._mac(document_id, to)
        token = b32encode(octets).decode().rstrip("=").lower()
        return f"{name}+{token}@{domain}"

    def is_of(self, returned: Returned, to: Recipient) -> bool:
        """Whether it is the mail to this recipient that came back."""
        return hmac.compare_digest(returned.mac, self._mac(returned.document_id, to))

    def _mac(self, document_id: UUID, to: Recipient) -> bytes:
        key = hmac.new(self.link_key, _PURPOSE, hashlib.sha256).digest()
        said = document_id.bytes + to.key.casefold().encode("utf-8", "surrogatepass")
        return hmac.new(key, said, hashlib.sha256).digest()[:_MAC_OCTETS]
