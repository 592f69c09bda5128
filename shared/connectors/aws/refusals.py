"""What AWS's errors mean."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    NoCredentialsError,
    PartialCredentialsError,
    ProxyConnectionError,
    SSLError,
)

from shared.connectors.protocol import (
    LoginRefusedError,
    TargetUnreachableError,
    TargetUnusableError,
)
from shared.connectors.underway import CallRefusedError

_NOT_LET_IN: Final = frozenset(
    (
        *("AuthFailure", "ExpiredToken", "ExpiredTokenException", "IncompleteSignature"),
        *("InvalidAccessKeyId", "InvalidClientTokenId", "SignatureDoesNotMatch"),
        *("UnrecognizedClientException", "InvalidSignatureException"),
    )
)
_FORBIDDEN: Final = frozenset(
    ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "UnauthorizedAccess")
)
_SERVER_ERROR: Final = 500


class RefusedByAwsError(CallRefusedError):
    """AWS does not do it; ``code`` is its own word for why."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


@contextmanager
def told(*, writes: bool) -> Iterator[None]:
    """Tell errors of AWS in Handrail's words; ``writes`` when what was asked changes something.

    Raises:
        RefusedByAwsError: see there.
        LoginRefusedError: see there.
        TargetUnusableError: its certificate is not trusted.
        TargetUnreachableError: see there.
    """
    try:
        yield
    except ClientError as error:
        raise _refusal(error, writes=writes) from error
    except (NoCredentialsError, PartialCredentialsError) as error:
        raise LoginRefusedError(f"there are no keys for AWS: {error}") from error
    except SSLError as error:
        raise TargetUnusableError(f"the certificate of AWS is not trusted: {error}") from error
    except (EndpointConnectionError, ConnectTimeoutError, ProxyConnectionError) as error:
        raise _unreachable(error, may_have_started=False) from error
    except HTTPClientError as error:
        raise _unreachable(error, may_have_started=writes) from error
    except BotoCoreError as error:
        raise RefusedByAwsError(f"it cannot be asked of AWS: {error}", "") from error


def _refusal(error: ClientError, *, writes: bool) -> Exception:
    said: Any = error.response
    code, message = said["Error"].get("Code", ""), said["Error"].get("Message", "")
    status = said.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in _NOT_LET_IN:
        return LoginRefusedError(f"AWS does not accept the keys: {message}")
    if code in _FORBIDDEN:
        return RefusedByAwsError(f"AWS forbids it: {message}", code)
    if "Throttl" in code or code in ("RequestLimitExceeded", "TooManyRequestsException"):
        return _unreachable(error, may_have_started=False)
    if status >= _SERVER_ERROR:
        return _unreachable(error, may_have_started=writes)
    return RefusedByAwsError(f"AWS refuses it ({code}): {message}", code)


def _unreachable(error: Exception, *, may_have_started: bool) -> Exception:
    return TargetUnreachableError(
        f"AWS does not answer: {error}", may_have_started=may_have_started
    )
