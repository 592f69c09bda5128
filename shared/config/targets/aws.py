"""Accounts of Amazon Web Services, as targets."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from shared.config.targets.target import AnyTarget
from shared.secrets import SecretRef

RoleArn = Annotated[
    str, StringConstraints(pattern=r"^arn:aws[a-z-]*:iam::[0-9]{12}:role/[\w+=,.@/-]+$")
]


class AwsTarget(AnyTarget):
    """One region of an account; without keys, those that the machine or the pod itself has."""

    connector: Literal["aws"]
    region: Annotated[str, StringConstraints(pattern=r"^[a-z]{2}(-[a-z]+)+-[0-9]+$")]
    access_key_id: SecretRef | None = None
    secret_access_key: SecretRef | None = None
    session_token: SecretRef | None = None
    role_arn: Annotated[
        RoleArn | None, Field(description="A role that is taken with these keys.")
    ] = None
    external_id: Annotated[str | None, Field(description="Which the role's trust asks for.")] = None
    endpoint_url: Annotated[
        str | None,
        StringConstraints(pattern=r"^https?://[^\s/?#@]+/?$"),
        Field(description="Another endpoint for all services, such as one inside a network."),
    ] = None

    @model_validator(mode="after")
    def _whole_keys(self) -> "AwsTarget":
        if (self.access_key_id is None) != (self.secret_access_key is None):
            raise ValueError("access_key_id and secret_access_key go together")
        if self.session_token is not None and self.access_key_id is None:
            raise ValueError("session_token goes with access_key_id")
        if self.external_id is not None and self.role_arn is None:
            raise ValueError("external_id goes with role_arn")
        return self
