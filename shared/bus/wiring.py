"""What a handler needs beside its event, looked up once, when the handler is attached."""

import inspect
from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from faststream._internal.context import Context as ContextMark

from shared.bus.router import Handler


def wired(handler: Handler, dependencies: Mapping[str, Any]) -> Handler:
    """The handler with its dependencies filled in, which takes what was decoded and nothing else.

    FastStream would look them up for each message, each in another thread.

    Raises:
        TypeError: a dependency has no value; says which one of which handler.
    """
    _, *others = inspect.signature(handler).parameters.values()
    hints = get_type_hints(handler, include_extras=True)
    values: dict[str, Any] = {}
    for parameter in others:
        name = _name(parameter.name, hints.get(parameter.name))
        if name in dependencies:
            values[parameter.name] = dependencies[name]
        elif parameter.default is inspect.Parameter.empty:
            raise TypeError(f"{handler.__qualname__} needs {name!r}, which was not attached")
    return partial(handler, **values)


def _name(parameter: str, hint: Any) -> str:
    """The name under which a parameter's value is attached."""
    if get_origin(hint) is Annotated:
        for mark in get_args(hint)[1:]:
            if isinstance(mark, ContextMark) and mark.name:
                return str(mark.name)
    return parameter
