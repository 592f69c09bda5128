"""Amazon Web Services: instances, groups of them, services, databases, functions and commands.

The account, the region and who asks belong to the target.
"""

from typing import Annotated, ClassVar, Final

from pydantic import Field, JsonValue, StringConstraints, model_validator

from shared.calls.call import Call, Reads
from shared.lifecycle import Effect

InstanceId = Annotated[str, StringConstraints(pattern=r"^i-[0-9a-f]{8,17}$")]
#: Instances that Systems Manager knows: EC2 and others (mi-).
ManagedId = Annotated[str, StringConstraints(pattern=r"^m?i-[0-9a-f]{8,17}$")]
GroupName = Annotated[str, StringConstraints(pattern=r"^[^\s:][^:\n\r]{0,254}$")]
#: A name or an ARN.
Resource = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_:/.$-]{1,512}$")]
DocumentName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_:/.-]{3,200}$")]
ParameterName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,100}$")]

Instances = Annotated[tuple[InstanceId, ...], Field(min_length=1, max_length=50)]
Count = Annotated[int, Field(ge=0, le=10_000)]


class _Ec2(Call):
    """Something about instances of EC2."""

    has_dry_run: ClassVar = True

    instances: Instances


class Ec2Reboot(_Ec2):
    """Reboot instances; EC2 does not say when they are up again: check that they serve."""

    action: ClassVar = "ec2_reboot"


class Ec2Start(_Ec2):
    """Start instances, and wait until they run."""

    action: ClassVar = "ec2_start"
    effect: ClassVar = Effect.IDEMPOTENT


class Ec2Stop(_Ec2):
    """Stop instances, and wait until they have stopped."""

    action: ClassVar = "ec2_stop"
    effect: ClassVar = Effect.IDEMPOTENT

    force: Annotated[bool, Reads.LITERAL] = Field(
        default=False, description="Without letting the system write to its disks."
    )


class AsgSetDesired(Call):
    """Set how many instances a group has, and wait until so many are in service."""

    action: ClassVar = "asg_set_desired"
    effect: ClassVar = Effect.IDEMPOTENT
    has_dry_run: ClassVar = True

    group: GroupName
    desired: Count


class AsgInstanceRefresh(Call):
    """Replace all instances of a group, a few at a time, and wait for the end.

    One that is under way is joined: a group has one at a time.
    """

    action: ClassVar = "asg_instance_refresh"
    has_dry_run: ClassVar = True

    group: GroupName
    min_healthy: int = Field(90, ge=0, le=100, description="Percent that stay in service.")


class _Ecs(Call):
    """Something about a service of ECS."""

    has_dry_run: ClassVar = True

    cluster: Resource
    service: Resource


class EcsForceDeployment(_Ecs):
    """Make all tasks of a service anew, and wait until the deployment is complete."""

    action: ClassVar = "ecs_force_deployment"


class EcsSetDesired(_Ecs):
    """Set how many tasks a service has, and wait until so many run."""

    action: ClassVar = "ecs_set_desired"
    effect: ClassVar = Effect.IDEMPOTENT

    desired: Count


class RdsReboot(Call):
    """Reboot a database, and wait until it is available."""

    action: ClassVar = "rds_reboot"
    has_dry_run: ClassVar = True

    database: Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9-]{0,62}$")]
    failover: Annotated[bool, Reads.LITERAL] = Field(
        default=False, description="By going over to the other zone."
    )


class LambdaInvoke(Call):
    """Call a function and wait for its answer; its client context has the key of the step."""

    action: ClassVar = "lambda_invoke"
    may_only_look: ClassVar = True
    has_dry_run: ClassVar = True

    function: Resource
    qualifier: Resource | None = None
    payload: JsonValue = None


class SsmCommand(Call):
    """Run commands on instances through Systems Manager, and wait for their end.

    The commands are for a shell; another document takes its own parameters instead.
    """

    action: ClassVar = "ssm_command"
    may_only_look: ClassVar = True
    has_dry_run: ClassVar = True

    instances: Annotated[tuple[ManagedId, ...], Field(min_length=1, max_length=50)]
    commands: Annotated[tuple[str, ...], Reads.SHELL] = Field((), max_length=100)
    document: Annotated[DocumentName, Reads.LITERAL] = "AWS-RunShellScript"
    parameters: dict[ParameterName, tuple[str, ...]] = Field({})

    @model_validator(mode="after")
    def _shell_or_document(self) -> "SsmCommand":
        shell = self.document == "AWS-RunShellScript"
        if shell and (not self.commands or self.parameters):
            raise ValueError("say commands; parameters are those of another document")
        if not shell and self.commands:
            raise ValueError("commands are for AWS-RunShellScript: say parameters")
        if not shell and self.document.startswith("AWS-Run"):
            raise ValueError("of documents that run code, only AWS-RunShellScript is used")
        return self


ACTIONS: Final[tuple[type[Call], ...]] = (
    *(Ec2Reboot, Ec2Start, Ec2Stop, AsgSetDesired, AsgInstanceRefresh),
    *(EcsForceDeployment, EcsSetDesired, RdsReboot, LambdaInvoke, SsmCommand),
)
