"""The benchmark's library and queries are what they say; the search keeps its quality on them."""

import pytest
import yaml

from shared.runbook import parse_runbook
from shared.runbook.search import RunbookSearch, Verdict, of_mapping, of_runbook
from tests.bench import corpus


@pytest.fixture(scope="module")
def library():
    return {file["metadata"]["name"]: file for file in corpus.runbooks()}


@pytest.fixture(scope="module")
def answers(library):
    search = RunbookSearch(of_mapping(file, name) for name, file in library.items())
    return [(query, search.search(query.text)) for query in corpus.queries()]


def test_it_is_large_enough(library):
    queries = corpus.queries()
    assert len(library) >= 80
    assert len([query for query in queries if query.right]) >= 100
    assert len([query for query in queries if query.right is None]) >= 15


def test_every_right_answer_is_in_the_library(library):
    assert {query.right for query in corpus.queries() if query.right} <= library.keys()


def test_no_query_says_an_alerts_name(library):
    names = {name.lower() for file in library.values() for name in file["match"]["alerts"]}
    assert not [q for q in corpus.queries() if any(name in q.text.lower() for name in names)]


def test_its_runbooks_are_runbooks(library):
    for name, file in list(library.items())[::10]:
        runbook = parse_runbook(yaml.safe_dump(file), file=name)
        assert of_runbook(runbook).fields == of_mapping(file, name).fields


@pytest.mark.parametrize("held_out", [True, False])
def test_the_right_runbook_comes_first_for_most_queries(answers, held_out):
    found = [
        answer.hits[:1] != () and answer.hits[0].name == query.right
        for query, answer in answers
        if query.right and query.held_out is held_out
    ]
    assert sum(found) / len(found) > 0.85


def test_what_nothing_fits_starts_nothing(answers):
    started = [q.text for q, answer in answers if not q.right and answer.verdict is Verdict.CLEAR]
    silent = [answer.verdict is Verdict.NONE for query, answer in answers if not query.right]
    assert len(started) <= 1
    assert sum(silent) / len(silent) > 0.8
