"""Amazon SNS: messages signed by Amazon, and the confirmation of a subscription.

How a signature is checked: https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html.
Nothing is fetched but from Amazon's own hosts of the SNS service.
"""

import base64
import binascii
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final, Literal
from urllib.parse import urlsplit

import structlog
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from pydantic import BaseModel, ConfigDict, Field, ValidationError

log = structlog.get_logger(__name__)

_HOST: Final = re.compile(r"sns\.[a-z0-9-]{3,40}\.amazonaws\.com(\.cn)?")
_HASHES: Final = {"1": hashes.SHA1(), "2": hashes.SHA256()}  # noqa: S303 version 1 is SHA-1
_NOTIFICATION: Final = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
_CONFIRMATION: Final = (
    "Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type",
)  # fmt: skip
_CERTIFICATES_MOST: Final = 20

#: GETs a URL and gives the body; raises UnavailableError.
Fetch = Callable[[str], Awaitable[bytes]]


class Envelope(BaseModel):
    """What SNS posts, whatever is in it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    type: Literal["Notification", "SubscriptionConfirmation", "UnsubscribeConfirmation"] = Field(
        alias="Type"
    )
    topic: str = Field(alias="TopicArn")
    signature_version: Literal["1", "2"] = Field(alias="SignatureVersion")
    signature: str = Field(alias="Signature")
    certificate_url: str = Field(alias="SigningCertURL")
    subscribe_url: str = Field("", alias="SubscribeURL")


@dataclass
class Sns:
    """Checks messages of the topics that are listened to, and confirms subscriptions to them."""

    topics: tuple[str, ...]
    fetch: Fetch
    _certificates: dict[str, rsa.RSAPublicKey] = field(default_factory=dict)

    async def admits(self, body: bytes) -> bool:
        """Whether Amazon signed this message, and for one of the topics.

        Raises:
            UnavailableError: Amazon's certificate cannot be fetched just now.
        """
        try:
            envelope = Envelope.model_validate_json(body)
        except ValidationError:
            return False
        if envelope.topic not in self.topics or not amazons(envelope.certificate_url):
            return False
        key = await self._key(envelope.certificate_url)
        return key is not None and _signed(key, envelope, body)

    async def confirm(self, body: bytes) -> bool:
        """Confirm the subscription if an admitted message asks for that; whether it did.

        Raises:
            UnavailableError: Amazon does not answer; it asks again.
        """
        envelope = Envelope.model_validate_json(body)
        if envelope.type != "SubscriptionConfirmation":
            return False
        if amazons(envelope.subscribe_url):
            await self.fetch(envelope.subscribe_url)
            log.info("sns.confirmed", topic=envelope.topic)
        return True

    async def _key(self, url: str) -> rsa.RSAPublicKey | None:
        if url not in self._certificates:
            try:
                key = x509.load_pem_x509_certificate(await self.fetch(url)).public_key()
            except ValueError:
                return None
            if not isinstance(key, rsa.RSAPublicKey):
                return None
            if len(self._certificates) >= _CERTIFICATES_MOST:
                self._certificates.clear()
            self._certificates[url] = key
        return self._certificates[url]


def amazons(url: str) -> bool:
    """Whether a URL is one of the SNS service itself, over TLS, on its usual port."""
    try:
        parts = urlsplit(url)
        return (
            parts.scheme == "https"
            and parts.netloc == parts.hostname
            and _HOST.fullmatch(parts.hostname or "") is not None
        )
    except ValueError:
        return False


def _signed(key: rsa.RSAPublicKey, envelope: Envelope, body: bytes) -> bool:
    try:
        signature = base64.b64decode(envelope.signature, validate=True)
        key.verify(
            signature,
            _said(envelope, body),
            padding.PKCS1v15(),
            _HASHES[envelope.signature_version],
        )
    except (binascii.Error, InvalidSignature):
        return False
    return True


def _said(envelope: Envelope, body: bytes) -> bytes:
    """The text that is signed: names and values in Amazon's order, each on a line of its own."""
    names = _NOTIFICATION if envelope.type == "Notification" else _CONFIRMATION
    fields = _Fields.model_validate_json(body).model_dump(exclude_none=True)
    lines = [f"{name}\n{fields[name]}\n" for name in names if name in fields]
    return "".join(lines).encode()


class _Fields(BaseModel):
    model_config = ConfigDict(extra="ignore")

    Message: str | None = None
    MessageId: str | None = None
    Subject: str | None = None
    SubscribeURL: str | None = None
    Timestamp: str | None = None
    Token: str | None = None
    TopicArn: str | None = None
    Type: str | None = None
