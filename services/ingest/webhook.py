"""A webhook as it came off the wire."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from shared.events import Alert


@dataclass(frozen=True)
class Webhook:
    """``source`` is its name in handrail.yaml; ``headers`` have names in lower case."""

    source: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


#: Turns a webhook into alerts; raises a pydantic ValidationError when it is none of its kind.
Parse = Callable[[Webhook], tuple[Alert, ...]]
