"""Which commands can be sent to a target as they are."""

from shared.errors import PermanentError


class UnsendableCommandError(PermanentError):
    """The command holds something that no shell takes; its text says what."""


def sendable(command: str) -> bytes:
    """The bytes of a command, which arrive as they are.

    Raises:
        UnsendableCommandError: it has a NUL character, or half a surrogate pair.
    """
    if "\0" in command:
        where = command.index("\0")
        raise UnsendableCommandError(f"character {where} of the command is NUL: take it out")
    try:
        return command.encode()
    except UnicodeEncodeError as error:
        raise UnsendableCommandError(
            f"character {error.start} of the command is no Unicode character: take it out"
        ) from error
