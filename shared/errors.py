"""The one root of Handrail's errors, and the kinds that the bus tells apart."""


class HandrailError(Exception):
    """Something Handrail can name went wrong."""


class PermanentError(HandrailError):
    """Trying again cannot help: the message goes to the dead letters at once."""


class UnavailableError(HandrailError):
    """A server that is needed does not answer: trying again later helps, however often it fails."""


class SettingsError(HandrailError):
    """A setting is missing or wrong; its text is one line that names it."""
