"""Bodies that a source has signed with HMAC.

Documented at, for GitHub: https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries;
PagerDuty: https://developer.pagerduty.com/docs/verifying-webhook-signatures;
Sentry: https://docs.sentry.io/organization/integrations/integration-platform/webhooks/;
Grafana: https://grafana.com/docs/grafana/latest/alerting/configure-notifications/ (webhook, HMAC).
"""

import base64
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from shared.config import HmacAuth, SignatureStyle


@dataclass(frozen=True)
class Scheme:
    """Where a signature stands and how it is written; one of several, with commas, will do."""

    header: str
    algorithm: str = "sha256"
    encoding: str = "hex"
    prefix: str = ""


STYLES: Final = {
    SignatureStyle.GITHUB: Scheme("x-hub-signature-256", prefix="sha256="),
    SignatureStyle.PAGERDUTY: Scheme("x-pagerduty-signature", prefix="v1="),
    SignatureStyle.SENTRY: Scheme("sentry-hook-signature"),
    SignatureStyle.GRAFANA: Scheme("x-grafana-alerting-signature"),
}


@dataclass(frozen=True)
class Signature:
    """HMAC over the body, with any one of the secrets."""

    scheme: Scheme
    secrets: tuple[bytes, ...]

    def admits(self, headers: Mapping[str, str], body: bytes) -> bool:
        """Whether a signature in the header is one over exactly this body."""
        said = [part.strip() for part in headers.get(self.scheme.header, "").split(",")]
        expected = [self._expected(secret, body) for secret in self.secrets]
        # All are compared, so that the time tells nothing about which secret is in use.
        return True in [_same(one, other) for one in said for other in expected]

    def _expected(self, secret: bytes, body: bytes) -> str:
        digest = hmac.new(secret, body, self.scheme.algorithm).digest()
        plain = digest.hex() if self.scheme.encoding == "hex" else base64.b64encode(digest).decode()
        return self.scheme.prefix + plain


def scheme_of(config: HmacAuth) -> Scheme:
    """The scheme that the configuration names or describes."""
    if config.style is not SignatureStyle.CUSTOM:
        return STYLES[config.style]
    return Scheme(
        (config.header or "").lower(),
        algorithm=config.algorithm,
        encoding=config.encoding,
        prefix=config.prefix,
    )


def _same(said: str, expected: str) -> bool:
    return hmac.compare_digest(said.encode(errors="replace"), expected.encode())
