"""How Handrail is run: the command, the local stack, the demo."""

from time import monotonic
from typing import Final

#: When this process began, in seconds of the monotonic clock, to tell how long a start took.
BEGAN: Final = monotonic()
