"""What lies in the store encrypted: credentials, bound to their names, and saved plans."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from functools import cached_property

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from pydantic import SecretStr

from shared.errors import SettingsError
from shared.signing import Signer


class SealedByOtherKeyError(SettingsError):
    """A credential was encrypted under a key that is not known here."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"credential {name}: was encrypted under another HANDRAIL_SECRET_KEY; set "
            "HANDRAIL_SECRET_KEY_PREVIOUS to that one and run `handrail secret rekey`"
        )


def under(secrets: Sequence[SecretStr]) -> MultiFernet:
    """What encrypts with Fernet under a key derived from the first secret, and opens with any.

    Raises:
        ValueError: there is none.
    """
    return MultiFernet([Fernet(urlsafe_b64encode(Signer(each).sealing_key())) for each in secrets])


class Sealer:
    """Encrypts with Fernet under a key derived from the first secret; opens with any of them.

    Without any it is of use only where nothing is encrypted or opened.
    """

    def __init__(self, secrets: Sequence[SecretStr]) -> None:
        self._secrets = secrets

    @cached_property
    def _fernet(self) -> MultiFernet:
        return under(self._secrets)

    def sealed(self, name: str, value: SecretStr) -> bytes:
        """The value, of which nothing shows but about how long it is."""
        text = json.dumps({"name": name, "value": value.get_secret_value()})
        return self._fernet.encrypt(text.encode())

    def opened(self, name: str, sealed: bytes) -> SecretStr:
        """The value again.

        Raises:
            SealedByOtherKeyError: no key fits, or it was put there under another name.
        """
        try:
            kept = json.loads(self._fernet.decrypt(sealed))
        except InvalidToken:
            raise SealedByOtherKeyError(name) from None
        if kept["name"] != name:
            raise SealedByOtherKeyError(name)
        return SecretStr(kept["value"])

    def resealed(self, sealed: bytes) -> bytes | None:
        """The same under the first key; None where no key fits."""
        try:
            return self._fernet.rotate(sealed)
        except InvalidToken:
            return None
