"""Search: which runbooks speak of what an alert says, why, and whether one of them may start."""

from shared.runbook.search.answer import Answer, Hit, Verdict
from shared.runbook.search.document import Document, of_mapping, of_runbook
from shared.runbook.search.engine import RunbookSearch
from shared.runbook.search.reading import Read, read_documents
from shared.runbook.search.success import Record

__all__ = [
    "Answer",
    "Document",
    "Hit",
    "Read",
    "Record",
    "RunbookSearch",
    "Verdict",
    "of_mapping",
    "of_runbook",
    "read_documents",
]
