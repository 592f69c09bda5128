"""For how long something is kept, as a setting says it."""

import re
from datetime import timedelta
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field

_DAYS: Final = re.compile(r"([0-9]{1,5})d")
# MongoDB counts the seconds until a document expires in 31 bits.
_LONGEST: Final = timedelta(days=20_000)


def _days(written: Any) -> Any:
    found = _DAYS.fullmatch(written) if isinstance(written, str) else None
    return timedelta(days=int(found[1])) if found else written


#: A number of days, such as ``30d``, or a duration of ISO 8601, such as ``PT12H``.
Retention = Annotated[
    timedelta, BeforeValidator(_days), Field(ge=timedelta(seconds=1), le=_LONGEST)
]
