"""Delivery status notifications (RFC 3464): what a mail server says of a mail that it took."""

from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import Message
from typing import Final

from services.notifier.bounces.returns import Returned
from services.notifier.links import BadLinkError
from services.notifier.text import one_line
from shared.errors import PermanentError

_LENGTH: Final = 300
#: Where servers write to whom a notification was delivered; `To` alone is not always it.
_DELIVERED_TO: Final = ("To", "Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To")


class NoBounceError(PermanentError):
    """The message does not say that a mail was not delivered for good; there is nothing to do."""


@dataclass(frozen=True)
class Bounce:
    """A mail that came back for good; ``why`` is what the server says, in one line."""

    returned: Returned
    why: str


def bounce_in(raw: bytes, *, to: str = "") -> Bounce:
    """What a notification says.

    Args:
        raw: the message as it came.
        to: the address that it was delivered to, where that is known better than by its headers.

    Raises:
        NoBounceError: it is another message, or one that says `delayed` or `delivered`.
        BadLinkError: it came to an address that is none of ours.
    """
    message = message_from_bytes(raw, policy=policy.compat32)
    why = _failure(message)
    addresses = (
        [to] if to else [str(v) for name in _DELIVERED_TO for v in message.get_all(name, ())]
    )
    for address in addresses:
        try:
            return Bounce(Returned.read(address), why)
        except BadLinkError:
            continue
    raise BadLinkError("the message came to no address that a bounce comes back to")


def _failure(message: Message) -> str:
    parts = message.get_payload()
    reports = message.get_content_type() == "multipart/report" and isinstance(parts, list)
    if not reports or not isinstance(parts, list):
        raise NoBounceError("it is no report (multipart/report)")
    # Only what the server itself says: the mail that came back is among the parts, and anybody's.
    for part in parts:
        if isinstance(part, Message) and part.get_content_type() == "message/delivery-status":
            return _said(part)
    raise NoBounceError("it has no delivery status (message/delivery-status)")


def _said(part: Message) -> str:
    actions = []
    for fields in _groups(part):
        action = str(fields.get("Action", "")).strip().lower()
        if action == "failed":
            said = (str(fields.get(name, "")) for name in ("Status", "Diagnostic-Code"))
            told = one_line(" ".join(filter(None, said)))[:_LENGTH]
            return f"came back: {told or 'the server says no more'}"
        actions.append(one_line(action)[:_LENGTH])
    raise NoBounceError(f"it says: {', '.join(filter(None, actions)) or 'nothing of a recipient'}")


def _groups(part: Message) -> Iterator[Message]:
    """The fields of each recipient; those of the message come first and have no action."""
    groups = part.get_payload()
    if isinstance(groups, list):
        yield from (group for group in groups if isinstance(group, Message) and "Action" in group)
