"""One version of all that decides: handrail.yaml, the policy, and the runbooks."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter

from deploy.home import CONFIG_NAME
from deploy.meaning import meaning_here
from shared.config import Config, load_config
from shared.config.policy import PolicyConfig
from shared.durations import PositiveDuration
from shared.errors import SettingsError
from shared.policy.policy import Policy
from shared.policy.reading import PolicyPlace, policy_of
from shared.runbook import Library, load_runbooks
from shared.runbook.library import files_under
from shared.runbook.search import Sense
from shared.yamlsource import read_file

_EXPIRES: Final[TypeAdapter[Any]] = TypeAdapter(PositiveDuration)
_RUNBOOKS: Final = "runbooks"


def _words_alone() -> None:
    return None


@dataclass(frozen=True)
class Version:
    """What an alert is judged by; ``meaning`` makes what the search goes by besides words."""

    config: Config
    policy: Policy
    library: Library
    approval_expires: timedelta = timedelta(hours=1)
    meaning: Callable[[], Sense | None] = _words_alone


def in_use(path: Path | None, library: Library, environment: Mapping[str, str]) -> Version:
    """What counts here now, with these runbooks.

    Raises:
        SourceError: ``handrail.yaml`` or the policy is wrong.
    """
    return Version(
        meaning=meaning_here,
        config=load_config(path),
        policy=PolicyPlace(path).read(),
        library=library,
        approval_expires=_EXPIRES.validate_python(
            environment.get("HANDRAIL_APPROVAL_EXPIRES") or "1h"
        ),
    )


def with_others(version: Version, paths: Iterable[Path]) -> Version:
    """A version in which these files and folders stand for what is in use; the rest stays.

    A file is a ``handrail.yaml`` or a policy; a folder has runbooks, or a ``handrail.yaml``, a
    folder ``runbooks``, or both.

    Raises:
        SettingsError: there is nothing of that.
        SourceError: one is wrong.
    """
    for path in paths:
        if not path.exists():
            raise SettingsError(f"--against {path}: there is no such file or folder")
        version = _with_folder(version, path) if path.is_dir() else _with_file(version, path)
    return version


def _with_file(version: Version, path: Path) -> Version:
    source = read_file(path)
    if path.name != CONFIG_NAME and set(source.data or ()) <= PolicyConfig.model_fields.keys():
        return replace(version, policy=policy_of(source, version.config))
    return replace(version, config=load_config(path), policy=PolicyPlace(path).read())


def _with_folder(version: Version, path: Path) -> Version:
    config, runbooks = path / CONFIG_NAME, path / _RUNBOOKS
    if config.is_file():
        version = _with_file(version, config)
    if runbooks.is_dir():
        return replace(version, library=load_runbooks(runbooks))
    if config.is_file():
        return version
    if next(files_under(path), None) is None:
        raise SettingsError(f"--against {path}: there is no {CONFIG_NAME} and no runbook in it")
    return replace(version, library=load_runbooks(path))
