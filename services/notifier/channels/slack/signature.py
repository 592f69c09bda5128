"""Slack's signature over each request (https://docs.slack.dev/authentication/verifying-requests)."""

import hashlib
import hmac
import re
from datetime import datetime, timedelta
from typing import Final

from pydantic import SecretStr

#: What is older was recorded by somebody and sent again.
AGE: Final = timedelta(minutes=5)
_TIMESTAMP: Final = re.compile(r"[0-9]{1,12}")


def signed(
    body: bytes, *, timestamp: str, signature: str, secret: SecretStr, now: datetime
) -> bool:
    """Whether Slack signed exactly these octets, and not long ago."""
    if not _TIMESTAMP.fullmatch(timestamp):
        return False
    if abs(now.timestamp() - int(timestamp)) > AGE.total_seconds():
        return False
    return hmac.compare_digest(
        signature_of(body, timestamp=timestamp, secret=secret).encode(),
        signature.encode("utf-8", "surrogatepass"),
    )


def signature_of(body: bytes, *, timestamp: str, secret: SecretStr) -> str:
    """The signature, version 0."""
    message = b"v0:" + timestamp.encode() + b":" + body
    return "v0=" + hmac.new(secret.get_secret_value().encode(), message, hashlib.sha256).hexdigest()
