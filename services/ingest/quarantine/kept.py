"""What is kept of a webhook that was not understood: enough to try it again, and no secret."""

import hashlib
import json
import re
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import NAMESPACE_URL, UUID, uuid5

from pydantic import AwareDatetime, BaseModel, ConfigDict

from services.ingest.cut import cut
from services.ingest.webhook import Webhook

#: Bytes of a body that are kept; what is larger can be looked at, but not be tried again.
BODY_KEPT: Final = 1024 * 1024

# Which header carries a secret is for each sender to choose, so that only those are kept that say
# what the body is.
_TELLING: Final = re.compile(
    r"content-(type|encoding)|user-agent|ce-[a-z0-9]+"
    r"|[a-z0-9-]+-(event|event-type|hook-resource|message-type|rawdelivery|delivery|request-id)"
)
_SECRET: Final = re.compile(
    r"auth|token|secret|key|signature|cookie|pass|credential|session|jwt|assertion"
)


class Quarantined(BaseModel):
    """One webhook that was not understood, and why.

    The same body that is sent again is kept once: ``at`` is when it came last, and ``times`` how
    often. ``size`` counts the bytes that came, ``kept`` those that are in ``body``, which is empty
    where many are listed.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: UUID
    source: str
    kind: str
    at: AwareDatetime
    first_at: AwareDatetime
    times: int = 1
    reason: str
    problems: tuple[str, ...] = ()
    headers: dict[str, str] = {}
    size: int
    kept: int
    body: bytes = b""

    @property
    def whole(self) -> bool:
        """Whether all of the body is there."""
        return self.kept == self.size

    def mentions(self, text: str) -> bool:
        """Whether a text is in the reason or the body, in any case, also as JSON escapes it."""
        said = "\n".join((self.reason, *self.problems, self.body.decode(errors="replace"))).lower()
        escaped = json.dumps(text)[1:-1]
        return text.lower() in said or escaped.lower() in said

    def webhook(self) -> Webhook:
        """The webhook as a parser takes it."""
        return Webhook(self.source, self.body, self.headers)


def quarantined(
    webhook: Webhook,
    *,
    kind: str,
    proofs: Collection[str],
    read: Collection[str] = (),
    reason: str,
    problems: Sequence[str],
    at: datetime,
) -> Quarantined:
    """What is kept; ``proofs`` names the headers that the source shows its secret in.

    ``read`` names headers that its body is understood with, besides the usual ones.
    """
    kept = webhook.body[:BODY_KEPT]
    digest = hashlib.sha256(webhook.body).hexdigest()
    return Quarantined(
        id=uuid5(NAMESPACE_URL, f"handrail:{webhook.source}:{digest}"),
        source=webhook.source,
        kind=kind,
        at=at,
        first_at=at,
        reason=reason,
        problems=tuple(problems),
        headers=telling(webhook.headers, proofs, read),
        size=len(webhook.body),
        kept=len(kept),
        body=kept,
    )


def telling(
    headers: Mapping[str, str], proofs: Collection[str], read: Collection[str] = ()
) -> dict[str, str]:
    """The headers that say what the body is, without any that might carry a secret."""
    return {
        name: cut(value)
        for name, value in headers.items()
        if (name in read or _TELLING.fullmatch(name))
        and not _SECRET.search(name)
        and name not in proofs
    }
