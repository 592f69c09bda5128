"""Who sits at the terminal."""

import getpass


def person() -> str:
    """Their name, as far as the machine knows it."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A container's user may have no name.
        return "terminal"
