"""Search: which runbooks speak of what an alert says, why, and whether one of them may start."""

from shared.runbook.search.answer import Answer, Hit, Ranking, Verdict
from shared.runbook.search.directions import Similar, Vector
from shared.runbook.search.document import Document, of_mapping, of_runbook
from shared.runbook.search.engine import RunbookSearch
from shared.runbook.search.meaning import Embedder, Meaning, Sense, UnusableModelError, Vectors
from shared.runbook.search.minilm import installed
from shared.runbook.search.reading import Read, read_documents, read_texts
from shared.runbook.search.success import Record
from shared.runbook.search.vectors import VectorFile

__all__ = [
    "Answer",
    "Document",
    "Embedder",
    "Hit",
    "Meaning",
    "Ranking",
    "Read",
    "Record",
    "RunbookSearch",
    "Sense",
    "Similar",
    "UnusableModelError",
    "Vector",
    "VectorFile",
    "Vectors",
    "Verdict",
    "installed",
    "of_mapping",
    "of_runbook",
    "read_documents",
    "read_texts",
]
