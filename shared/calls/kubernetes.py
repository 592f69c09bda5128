"""Kubernetes: rollouts, scale, pods, nodes, patches, jobs, and looks at what is there.

The cluster, who asks, and in which namespaces that is allowed belong to the target.
"""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, ClassVar, Final

import jmespath
from jmespath.exceptions import JMESPathError
from pydantic import (
    AfterValidator,
    Field,
    JsonValue,
    StringConstraints,
    field_serializer,
    model_validator,
)

from shared.calls.call import Call, Reads
from shared.durations import PositiveDuration, spoken
from shared.lifecycle import Effect

_LABEL: Final = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"

#: RFC 1123 labels and subdomains, as the API server demands them.
Namespace = Annotated[str, StringConstraints(pattern=f"^{_LABEL}$")]
Name = Annotated[str, StringConstraints(pattern=rf"^{_LABEL}(\.{_LABEL})*$", max_length=253)]
#: Some kinds (roles, and much of what is defined by resource definitions) have freer names.
AnyName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9]([-A-Za-z0-9_.:@]{0,251}[A-Za-z0-9])?$")
]
Selector = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_./=!, ()-]{1,500}$")]
ApiVersion = Annotated[str, StringConstraints(pattern=r"^([a-z0-9.-]+/)?v[0-9][a-z0-9]*$")]
KindName = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Za-z0-9]{0,62}$")]


def _expression(path: str) -> str:
    try:
        jmespath.compile(path)
    except JMESPathError as error:
        raise ValueError(f"is no JMESPath: {str(error).splitlines()[0]}") from None
    return path


class Workload(StrEnum):
    """What has pods of its own and rolls changes out."""

    DEPLOYMENT = "deployment"
    STATEFUL_SET = "statefulset"
    DAEMON_SET = "daemonset"


class Scalable(StrEnum):
    """What has a number of replicas."""

    DEPLOYMENT = "deployment"
    STATEFUL_SET = "statefulset"
    REPLICA_SET = "replicaset"


class _Namespaced(Call):
    """Something in a namespace."""

    namespace: Namespace


class _Rollout(_Namespaced):
    """A workload whose rollout is waited for."""

    kind: Annotated[Workload, Reads.LITERAL] = Workload.DEPLOYMENT
    name: Name


class RolloutRestart(_Rollout):
    """Make all pods anew, a few at a time, and wait until the new ones are ready.

    A second time with the same key changes nothing: the key stands in the template of the pods.
    """

    action: ClassVar = "rollout_restart"
    effect: ClassVar = Effect.IDEMPOTENT
    has_dry_run: ClassVar = True

    wait: Annotated[bool, Reads.LITERAL] = True


class RolloutUndo(_Rollout):
    """Go back to an earlier revision, and wait until its pods are ready."""

    action: ClassVar = "rollout_undo"
    has_dry_run: ClassVar = True

    revision: int | None = Field(None, ge=1, description="The one before, where it is not said.")
    wait: Annotated[bool, Reads.LITERAL] = True


class RolloutStatus(_Rollout):
    """Wait until a rollout is through; as a check, say whether it is."""

    action: ClassVar = "rollout_status"
    effect: ClassVar = Effect.READ_ONLY


class Scale(_Namespaced):
    """Set the number of replicas, and wait until so many are ready."""

    action: ClassVar = "scale"
    effect: ClassVar = Effect.IDEMPOTENT
    has_dry_run: ClassVar = True

    kind: Annotated[Scalable, Reads.LITERAL] = Scalable.DEPLOYMENT
    name: Name
    replicas: int = Field(ge=0, le=10_000)
    wait: Annotated[bool, Reads.LITERAL] = True


class DeletePod(_Namespaced):
    """Delete one pod, and wait until it is gone; what owns it makes another."""

    action: ClassVar = "delete_pod"
    has_dry_run: ClassVar = True

    name: Name
    grace: int | None = Field(None, ge=0, le=3600, description="Seconds; the pod's own, else.")


class DeleteJob(_Namespaced):
    """Delete a job with its pods; one that is not there is deleted already."""

    action: ClassVar = "delete_job"
    effect: ClassVar = Effect.IDEMPOTENT
    has_dry_run: ClassVar = True

    name: Name


class Cordon(Call):
    """Put no more pods on a node."""

    action: ClassVar = "cordon"
    effect: ClassVar = Effect.IDEMPOTENT
    has_dry_run: ClassVar = True

    node: Name


class Uncordon(Call):
    """Let a node have pods again."""

    action: ClassVar = "uncordon"
    effect: ClassVar = Effect.IDEMPOTENT
    has_dry_run: ClassVar = True

    node: Name


class Drain(Call):
    """Cordon a node and evict its pods, as far and as soon as disruption budgets let them go."""

    action: ClassVar = "drain"
    effect: ClassVar = Effect.IDEMPOTENT
    has_dry_run: ClassVar = True

    node: Name
    grace: int | None = Field(None, ge=0, le=3600, description="Seconds; each pod's own, else.")
    unmanaged: Annotated[bool, Reads.LITERAL] = Field(
        default=False, description="Also pods that nothing makes again."
    )
    lose_local_data: Annotated[bool, Reads.LITERAL] = Field(
        default=False, description="Also pods with an emptyDir, which is lost."
    )


class Patch(Call):
    """Apply a part of an object on the server, as field manager ``handrail``."""

    action: ClassVar = "patch"
    effect: ClassVar = Effect.IDEMPOTENT
    has_dry_run: ClassVar = True

    api_version: Annotated[ApiVersion, Reads.LITERAL]
    kind: Annotated[KindName, Reads.LITERAL]
    name: AnyName
    namespace: Namespace | None = None
    patch: dict[str, JsonValue] = Field(min_length=1, description="Such as `spec: {replicas: 3}`.")
    force: Annotated[bool, Reads.LITERAL] = Field(
        default=False, description="Also fields that others manage."
    )

    @model_validator(mode="after")
    def _is_no_other_object(self) -> "Patch":
        if {"apiVersion", "kind", "status"} & self.patch.keys():
            raise ValueError("a patch has no apiVersion, kind or status of its own")
        meta = self.patch.get("metadata", {})
        if not isinstance(meta, dict) or meta.keys() - {"labels", "annotations"}:
            raise ValueError("of metadata, a patch has labels and annotations only")
        return self


class Exec(_Namespaced):
    """Run a program in a container; there is no shell unless it is one.

    The API has no way to find such a run again, or to end it.
    """

    action: ClassVar = "exec"
    may_only_look: ClassVar = True

    pod: Name
    container: Name | None = None
    command: Annotated[tuple[str, ...], Reads.ARGUMENTS] = Field(min_length=1, max_length=100)


class Logs(_Namespaced):
    """Read what a container wrote last."""

    action: ClassVar = "logs"
    effect: ClassVar = Effect.READ_ONLY

    pod: Name | None = None
    selector: Selector | None = Field(
        None, description="Labels, where the pod's name is not known."
    )
    container: Name | None = None
    tail: int = Field(200, ge=1, le=10_000, description="Lines, of each pod.")
    since: PositiveDuration | None = None
    previous: Annotated[bool, Reads.LITERAL] = Field(
        default=False, description="Of the container before this one, which ended."
    )

    @model_validator(mode="after")
    def _one_way_to_find_it(self) -> "Logs":
        if (self.pod is None) == (self.selector is None):
            raise ValueError("say which: pod or selector")
        return self

    @field_serializer("since")
    def _written(self, span: timedelta | None) -> str | None:
        return None if span is None else spoken(span)


class Job(_Namespaced):
    """Run a job to its end: one of a cron job's now, or one from a template; gives its log.

    Its name derives from the step's key, so that the API server refuses a second one.
    """

    action: ClassVar = "job"
    effect: ClassVar = Effect.IDEMPOTENT
    has_dry_run: ClassVar = True

    name: Annotated[str, StringConstraints(pattern=f"^{_LABEL}$", max_length=40)] = "handrail"
    cron_job: Name | None = None
    spec: Annotated[dict[str, JsonValue] | None, Reads.LITERAL] = Field(
        None, description="As the spec of a Job: `template: {spec: {containers: […]}}`."
    )

    @model_validator(mode="after")
    def _one_origin(self) -> "Job":
        if (self.cron_job is None) == (self.spec is None):
            raise ValueError("say what to run: cron_job or spec")
        return self


class Get(Call):
    """Look at an object, or at those with certain labels; as a check, see what ``expect`` says."""

    action: ClassVar = "get"
    effect: ClassVar = Effect.READ_ONLY

    api_version: Annotated[ApiVersion, Reads.LITERAL] = "v1"
    kind: Annotated[KindName, Reads.LITERAL]
    name: AnyName | None = None
    namespace: Namespace | None = None
    selector: Selector | None = None
    show: Annotated[str | None, Reads.LITERAL, AfterValidator(_expression)] = Field(
        None, description="JMESPath: only this is shown."
    )
    expect: Annotated[str | None, Reads.LITERAL, AfterValidator(_expression)] = Field(
        None, description="JMESPath that has to be true, such as `status.phase == 'Running'`."
    )
    given: dict[str, JsonValue] = Field(
        {}, description="Values that `show` and `expect` see as `given.NAME`."
    )

    @model_validator(mode="after")
    def _sensible(self) -> "Get":
        if self.kind == "Secret":
            raise ValueError("secrets are not read: what is read here is shown to people")
        if self.name is not None and self.selector is not None:
            raise ValueError("say name or selector, not both")
        return self


ACTIONS: Final[tuple[type[Call], ...]] = (
    *(
        RolloutRestart,
        RolloutUndo,
        RolloutStatus,
        Scale,
        DeletePod,
        DeleteJob,
        Cordon,
        Uncordon,
        Drain,
    ),
    *(Patch, Exec, Logs, Job, Get),
)
