"""Kubernetes clusters, as targets."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from shared.config.targets.target import AnyTarget
from shared.secrets import SecretRef

HttpsUrl = Annotated[str, StringConstraints(pattern=r"^https://[^\s/?#@]+(/[^\s?#]*)?$")]


class KubernetesTarget(AnyTarget):
    """A cluster: a kubeconfig, or a server with a token, or the cluster that Handrail runs in."""

    connector: Literal["kubernetes"]
    kubeconfig: SecretRef | None = None
    context: Annotated[
        str | None, Field(description="Of the kubeconfig; its current one, where it is not said.")
    ] = None
    server: HttpsUrl | None = None
    ca: Annotated[
        Path | None, Field(description="Certificates in PEM that the server's is checked against.")
    ] = None
    token: SecretRef | None = None
    in_cluster: bool = False
    namespaces: Annotated[
        tuple[str, ...] | None,
        Field(min_length=1, description="Only these; then nodes are out of reach as well."),
    ] = None

    @model_validator(mode="after")
    def _one_way_in(self) -> "KubernetesTarget":
        ways = (self.kubeconfig is not None, self.server is not None, self.in_cluster)
        if sum(ways) != 1:
            raise ValueError("say one: kubeconfig, server, or in_cluster: true")
        if (self.server is None) != (self.token is None):
            raise ValueError("server and token go together")
        if self.context is not None and self.kubeconfig is None:
            raise ValueError("context is one of a kubeconfig: say kubeconfig too")
        if self.ca is not None and self.server is None:
            raise ValueError("ca goes with server; a kubeconfig has its own")
        return self
