"""What every target may say of itself."""

from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from shared.config.section import Section
from shared.lifecycle import Effect

#: With ``*`` for any text and ``?`` for a character.
Pattern = Annotated[str, StringConstraints(min_length=1, max_length=500)]


class Allow(Section):
    """The only things that are done on a target; each part that is there has to agree.

    A star in ``commands`` stands for no character that begins another command or file, so that
    ``systemctl restart *`` allows one command and not two.
    """

    commands: Annotated[
        tuple[Pattern, ...] | None,
        Field(min_length=1, description="Patterns that a whole text must fit."),
    ] = None
    actions: Annotated[
        tuple[Pattern, ...] | None,
        Field(min_length=1, description="Actions of calls, as rollout_restart or GET."),
    ] = None
    effects: Annotated[
        tuple[Effect, ...] | None, Field(min_length=1, description="As [read_only].")
    ] = None

    @model_validator(mode="after")
    def _something(self) -> "Allow":
        if self.commands is None and self.actions is None and self.effects is None:
            raise ValueError("say commands, actions or effects: without them nothing is limited")
        return self


class AnyTarget(Section):
    """What the policy looks at, and how much is done there at once.

    ``environment`` is a word such as production. ``lock`` has one session at a time change anything
    there; ``concurrency`` is how many steps run at a time, of all sessions.
    """

    labels: dict[str, str] = Field(default_factory=dict)
    environment: str | None = None
    aliases: Annotated[
        tuple[Pattern, ...],
        Field(description="Other names of it, as in labels of alerts: 10.0.0.5:*."),
    ] = ()
    match: Annotated[
        dict[str, Pattern],
        Field(
            default_factory=dict,
            description="Labels of the alerts that are about it; a step may then name it by one.",
        ),
    ]
    allow: Allow | None = None
    lock: bool = True
    concurrency: int | None = Field(None, ge=1, le=1000)
