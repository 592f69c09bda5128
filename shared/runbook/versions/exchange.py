"""Runbooks as YAML and as JSON, out and in again without a loss.

YAML goes out as the text it is. JSON has what the text says under ``runbook``, for programs, and
beside it the text itself under ``text``, since JSON has no comments. Read again, the text counts as
long as it says the same; where a program changed ``runbook``, the changes are made in the text, so
that the comments of what was not changed stay.
"""

import json
import re
from collections.abc import Mapping, MutableMapping, MutableSequence
from io import StringIO
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import LiteralScalarString

from shared.runbook.versions.version import Version
from shared.yamlsource import Problem, SourceError, read_source

FORMAT: Final = "handrail/runbook-export/v1"
#: No line is broken: commands keep their lines.
_WIDTH: Final = 1_000_000
#: Characters that YAML reads as line ends, or not at all.
_ODD: Final = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
#: Some YAML is JSON too; what says that it is YAML stays as it is.
_YAML: Final = (".yaml", ".yml")


def exported(version: Version) -> dict[str, Any]:
    """A version as a JSON document; see above."""
    data = plain(version.text, file=version.ref)
    return {
        "format": FORMAT,
        "name": version.name,
        "version": version.version,
        "runbook": data,
        "text": version.text,
    }


def plain(text: str, *, file: str) -> Any:
    """What a YAML text says, as JSON has it.

    Raises:
        SourceError: it is no YAML, or says what JSON cannot.
    """
    source = read_source(text, file=file)
    data = YAML(typ="safe", pure=True).load(text)
    try:
        return json.loads(json.dumps(data, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise SourceError([source.problem((), f"JSON cannot say this: {error}")]) from None


def imported(text: str, *, file: str) -> list[str]:
    """The texts of the runbooks in a file: YAML as it is; JSON of one, or of a list of them.

    Raises:
        SourceError: it is JSON with a mistake, or without a runbook.
    """
    if file.endswith(_YAML) or not text.lstrip("\ufeff \t\r\n").startswith(("{", "[")):
        return [text]
    try:
        said = json.loads(text)
    except json.JSONDecodeError as error:
        raise SourceError([Problem(file, error.lineno, error.colno, error.msg)]) from None
    if not isinstance(said, list):
        return [_text(said, file)]
    return [_text(one, f"{file}#{nth}") for nth, one in enumerate(said, 1)]


def _text(said: Any, file: str) -> str:
    """The YAML of one JSON document: an export, or a bare runbook."""
    if not isinstance(said, Mapping):
        raise SourceError([Problem(file, 1, 1, "a runbook is expected, as `export` writes it")])
    if said.get("format") is None:
        return _fresh(said)
    data, text = said.get("runbook"), said.get("text")
    if said["format"] != FORMAT or not isinstance(data, Mapping):
        message = f"it is no {FORMAT} with a `runbook` in it: export it again"
        raise SourceError([Problem(file, 1, 1, message)])
    if not isinstance(text, str):
        return _fresh(data)
    return text if _says(text, file) == data else _changed(text, data, file)


def _says(text: str, file: str) -> Any:
    """What the text says; None where it says nothing that can be read."""
    try:
        return plain(text, file=file)
    except SourceError:
        return None


def _changed(text: str, data: Mapping[str, Any], file: str) -> str:
    """The text made to say something else, with the comments that can stay."""
    if _says(text, file) is None:
        return _fresh(data)
    document = _yaml().load(text)
    try:
        _follow(document, data)
    except KeyError:  # what came in by a merge (<<) cannot be taken out
        return _fresh(data)
    made = _written(document)
    return made if _says(made, file) == data else _fresh(data)


def _follow(node: Any, data: Any) -> None:
    """Make a part of a document say what the data says, touching only what differs."""
    if isinstance(node, MutableMapping):
        for key in [key for key in node if key not in data]:
            del node[key]
        for key, value in data.items():
            _set(node, key, value, known=key in node)
    else:
        del node[len(data) :]
        for index, value in enumerate(data):
            if index < len(node):
                _set(node, index, value, known=True)
            else:
                node.append(value)


def _set(node: Any, key: Any, value: Any, *, known: bool) -> None:
    old = node[key] if known else None
    same_kind = (isinstance(old, MutableMapping) and isinstance(value, Mapping)) or (
        isinstance(old, MutableSequence) and isinstance(value, list)
    )
    if same_kind:
        _follow(old, value)
    elif not known or type(old) is bool or type(value) is bool or old != value:
        node[key] = value


def _fresh(data: Mapping[str, Any]) -> str:
    """A text that says this; commands of several lines are blocks.

    Raises:
        SourceError: none can be written that does.
    """
    for write in (_in_blocks, _written, _as_json):
        made = write(data)
        if _says(made, "") == data:
            return made
    raise SourceError([Problem("runbook", 1, 1, "no YAML can be written that says this")])


def _in_blocks(data: Mapping[str, Any]) -> str:
    return _written(_blocks(data))


def _as_json(data: Mapping[str, Any]) -> str:
    """As JSON, which is YAML too where what YAML takes for line ends is escaped."""
    made = json.dumps(data, ensure_ascii=False, indent=2) + "\n"
    return _ODD.sub(lambda found: rf"\u{ord(found[0]):04x}", made)


def _blocks(data: Any) -> Any:
    if isinstance(data, Mapping):
        return {key: _blocks(value) for key, value in data.items()}
    if isinstance(data, list):
        return [_blocks(value) for value in data]
    return LiteralScalarString(data) if isinstance(data, str) and "\n" in data else data


def _written(document: Any) -> str:
    stream = StringIO()
    _yaml().dump(document, stream)
    return stream.getvalue()


def _yaml() -> YAML:
    yaml = YAML(typ="rt")
    yaml.width = _WIDTH
    yaml.preserve_quotes = True
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml
