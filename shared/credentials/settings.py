"""How credentials are opened, and where Vault is: what the environment says."""

from pathlib import Path
from typing import Annotated

from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.credentials.vault import Login
from shared.errors import SettingsError
from shared.settings import PREFIX, SECRET_KEY_LENGTH

_Key = Annotated[SecretStr, Field(min_length=SECRET_KEY_LENGTH)]


class CredentialSettings(BaseSettings):
    """For a service that reads secrets by reference, beside its other settings.

    ``secret_key_previous`` opens what was encrypted before the secret was changed.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore")

    secret_key: _Key | None = None
    secret_key_previous: _Key | None = None
    vault_addr: str | None = None
    vault_token: SecretStr | None = Field(
        None, validation_alias=AliasChoices("HANDRAIL_VAULT_TOKEN", "VAULT_TOKEN", "vault_token")
    )
    vault_role_id: str | None = None
    vault_secret_id: SecretStr | None = None
    vault_namespace: str | None = None
    vault_ca: Path | None = None

    def keys(self) -> list[SecretStr]:
        """The secrets that credentials may be encrypted under, that for new ones first."""
        return [key for key in (self.secret_key, self.secret_key_previous) if key is not None]

    def vault(self) -> Login | None:
        """How Vault is reached, where it is named.

        Raises:
            SettingsError: it is named, and nothing says as whom.
        """
        if self.vault_addr is None:
            return None
        approle = self.vault_role_id is not None and self.vault_secret_id is not None
        if self.vault_token is None and not approle:
            raise SettingsError(
                "HANDRAIL_VAULT_TOKEN: is not set, nor HANDRAIL_VAULT_ROLE_ID and "
                "HANDRAIL_VAULT_SECRET_ID: HANDRAIL_VAULT_ADDR needs one of them"
            )
        return Login(
            address=self.vault_addr,
            token=self.vault_token,
            role_id=self.vault_role_id,
            secret_id=self.vault_secret_id,
            namespace=self.vault_namespace,
            ca=self.vault_ca,
        )
