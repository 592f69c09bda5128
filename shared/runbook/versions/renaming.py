"""A runbook's text under another name, in which every other character stays as it is."""

from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, ScalarNode

from shared.yamlsource import SourceError, read_source

_NAME: Final = ("metadata", "name")


def renamed(text: str, name: str, *, file: str) -> str:
    """The text with another ``metadata.name``.

    Raises:
        SourceError: its name stands where it cannot be told from something else, as in an alias.
    """
    source = read_source(text, file=file)
    node = _found(YAML(typ="rt").compose(text))
    if node is not None:
        anchor = f"&{node.anchor} " if node.anchor else ""
        start, end = node.start_mark.index, node.end_mark.index
        made = f"{text[:start]}{anchor}{name}{text[end:]}"
        expected = {**source.data, "metadata": {**source.data["metadata"], "name": name}}
        if read_source(made, file=file).data == expected:
            return made
    message = "the name is no plain text here: write it out, and fork it then"
    raise SourceError([source.problem(_NAME, message)])


def _found(root: Any) -> ScalarNode | None:
    """The node of ``metadata.name``."""
    node = root
    for key in _NAME:
        if not isinstance(node, MappingNode):
            return None
        node = next((value for name, value in node.value if name.value == key), None)
    return node if isinstance(node, ScalarNode) else None
