"""The families of calls by the word after ``uses``: a new one is one file and one line here."""

from collections.abc import Mapping
from typing import Final

from shared.calls import ask, aws, http, kubernetes, terraform, wait
from shared.calls.call import Call, MalformedCallError, parsed

FAMILIES: Final[Mapping[str, tuple[type[Call], ...]]] = {
    "ask": ask.ACTIONS,
    "aws": aws.ACTIONS,
    "http": http.ACTIONS,
    "kubernetes": kubernetes.ACTIONS,
    "terraform": terraform.ACTIONS,
    "wait": wait.ACTIONS,
}
#: The families whose calls go to no target.
WITHOUT_TARGET: Final = frozenset({"ask", "wait"})


def parsed_as(uses: str, text: str) -> Call:
    """The call that a step's text is; ``uses`` names its family.

    Raises:
        MalformedCallError: there is no such family, or the text is none of its calls.
    """
    if uses not in FAMILIES:
        raise MalformedCallError(f"{uses} has no actions: {', '.join(FAMILIES)} have some")
    return parsed(FAMILIES[uses], text)
