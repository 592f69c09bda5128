"""Search by meaning: joined with the words, embedded once, and left out where there is no model."""

import pytest

from shared.runbook.search import Meaning, RunbookSearch, VectorFile, Verdict, installed
from tests.runbook.search.documents import document, library
from tests.runbook.search.toy import Toy

pytest.importorskip("numpy", reason="handrail[embeddings] is not installed")


def test_what_shares_no_word_is_found_by_its_meaning():
    answer = RunbookSearch(library(), meaning=Meaning(Toy())).search("the padlock is yellow")
    assert answer.hits[0].name == "cert"
    assert answer.hits[0].why[-1] == "place none by words, 1 by meaning (cosine 1.00)"


def test_both_rankings_count_and_the_words_count_more():
    documents = [document("exact", "XQZ-alarm"), document("like", "Letters"), document("c", "Cars")]
    answer = RunbookSearch(documents, meaning=Meaning(Toy())).search("xqz mail")
    assert [hit.name for hit in answer.hits[:2]] == ["exact", "like"]
    assert answer.hits[0].score == pytest.approx(1 / 61 + 0.5 / 63)
    assert answer.hits[1].score == pytest.approx(0.5 / 61)


def test_a_passage_is_embedded_once_and_again_when_it_changes(tmp_path):
    file, toy = tmp_path / "deep" / "vectors.sqlite3", Toy()
    RunbookSearch(library(), meaning=Meaning(toy, VectorFile(file)))
    assert toy.asked == len(library())

    again = Meaning(toy, VectorFile(file))
    assert again.unknown(library()) == 0
    search = RunbookSearch(library(), meaning=again)
    assert toy.asked == len(library())

    search.put(document("cert", "Something else"))
    assert toy.asked == len(library()) + 1


def test_vectors_of_another_model_are_not_used(tmp_path):
    toy, other = Toy(), Toy()
    other.model = "another"
    RunbookSearch(library(), meaning=Meaning(toy, VectorFile(tmp_path / "v")))
    assert Meaning(other, VectorFile(tmp_path / "v")).unknown(library()) == len(library())


def test_what_is_put_in_later_is_found_by_its_meaning():
    search = RunbookSearch(library(), meaning=Meaning(Toy()))
    assert search.search("letters").hits[0].name != "post"
    search.put(document("post", "Mail"))
    assert search.search("letters").hits[0].name == "post"


def test_what_was_removed_is_not_found_by_its_meaning():
    search = RunbookSearch(library(), meaning=Meaning(Toy()))
    search.remove("cert")
    assert "cert" not in [hit.name for hit in search.search("padlock", limit=50).hits]


def test_no_runbooks_are_no_error():
    assert RunbookSearch(meaning=Meaning(Toy())).search("disk").verdict is Verdict.NONE


@pytest.mark.skipif(installed() is None, reason="handrail[embeddings] is not installed")
@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("there is no room for more data on the drive", "disk-full"),
        ("https credentials of the site are soon too old", "cert"),
        ("the container dies right after it begins, over and over", "crash"),
    ],
)
def test_the_model_finds_what_is_said_in_other_words(query, first):
    answer = RunbookSearch(library(), meaning=Meaning(installed())).search(query)
    assert first in [hit.name for hit in answer.hits[:2]]
