"""What runbooks mean: learnt once for all planners, beside the event loop, and never in half."""

import asyncio
import threading
from dataclasses import replace

import pytest

from services.planner.finding import Finder
from services.planner.meaning.learned import Learned
from services.planner.meaning.store import MongoVectors
from services.planner.query import query
from shared.errors import UnavailableError
from shared.runbook.search import Ranking, RunbookSearch, UnusableModelError, Verdict
from tests.planner.books import NOW
from tests.planner.test_finding import text
from tests.planner.tickets import desk, planner, triaged
from tests.runbook.search.documents import document, library
from tests.runbook.search.toy import Toy

pytest.importorskip("numpy", reason="handrail[embeddings] is not installed")

PADLOCK = "the padlock is yellow"


class InMemory:
    """Vectors that planners share; they are away as long as they are ``away``."""

    def __init__(self) -> None:
        self.vectors: dict = {}
        self.away = False

    async def these(self, keys):
        if self.away:
            raise UnavailableError("it is away")
        return {key: self.vectors[key] for key in keys if key in self.vectors}

    async def keep(self, vectors):
        self.vectors.update(vectors)


@pytest.fixture(params=["memory", "mongo"])
def vectors(request):
    return InMemory() if request.param == "memory" else MongoVectors(request.getfixturevalue("db"))


def searching(learned, documents=()):
    return RunbookSearch(documents or library(), meaning=learned)


async def test_what_was_learnt_and_heard_is_searched_by_its_meaning(vectors):
    learned = Learned(Toy(), vectors)
    search = searching(learned)
    await learned.learn()
    await learned.hear(PADLOCK)
    answer = search.search(PADLOCK)
    assert answer.ranked_by is Ranking.BOTH
    assert answer.hits[0].name == "cert"
    assert answer.hits[0].why[-1] == "place none by words, 1 by meaning (cosine 1.00)"


async def test_no_planner_embeds_what_another_one_has_embedded(vectors):
    first, second = Toy(), Toy()
    for toy in (first, second):
        learned = Learned(toy, vectors)
        searching(learned)
        await learned.learn()
    assert (first.asked, second.asked) == (len(library()), 0)


async def test_two_planners_that_embed_the_same_at_once_keep_it_once(vectors):
    both = [Learned(Toy(), vectors) for _ in range(2)]
    for learned in both:
        searching(learned)
    await asyncio.gather(*(learned.learn() for learned in both))
    late = Toy()
    searching(third := Learned(late, vectors))
    await third.learn()
    assert late.asked == 0


async def test_while_a_runbook_is_new_the_words_alone_rank_and_say_so():
    learned = Learned(Toy(), InMemory())
    search = searching(learned)
    await learned.learn()
    await learned.hear("certificate")
    search.put(document("post", "A mail certificate"))
    answer = search.search("certificate")
    assert answer.ranked_by is Ranking.WORDS
    assert answer.hits[0].why[-1] == "ranked by words alone: not all runbooks are embedded yet"
    await learned.learn()
    assert search.search("certificate").ranked_by is Ranking.BOTH


async def test_what_was_not_heard_is_ranked_by_words():
    learned = Learned(Toy(), InMemory())
    search = searching(learned)
    await learned.learn()
    assert search.search("certificate").ranked_by is Ranking.WORDS


async def test_only_a_text_that_is_new_is_embedded():
    toy = Toy()
    learned = Learned(toy, InMemory())
    search = searching(learned)
    await learned.learn()
    search.put(document("cert", "Something else"))
    search.put(library()[0])
    search.remove("crash")
    await learned.learn()
    await learned.learn()
    assert toy.asked == len(library()) + 1


async def test_a_runbook_that_went_away_while_it_was_embedded_stays_away():
    class Meddling(Toy):
        def embed(self, said):
            search.remove("cert")
            return super().embed(said)

    learned = Learned(Meddling(), InMemory())
    search = searching(learned)
    await learned.learn()
    await learned.hear(PADLOCK)
    assert "cert" not in [hit.name for hit in search.search(PADLOCK, limit=50).hits]


async def test_embedding_leaves_the_event_loop_free():
    """The model does not go on before the loop has."""

    class Waiting(Toy):
        def embed(self, said):
            assert free.wait(60)
            return super().embed(said)

    free, toy = threading.Event(), Waiting()
    learned = Learned(toy, InMemory())
    searching(learned)

    async def go_on():
        free.set()

    await asyncio.gather(learned.learn(), go_on())
    await learned.hear(PADLOCK)
    assert threading.get_ident() not in toy.threads


async def test_an_outage_of_the_store_is_an_outage_and_mended_by_the_next_look():
    store, toy = InMemory(), Toy()
    learned = Learned(toy, store)
    search, store.away = searching(learned), True
    with pytest.raises(UnavailableError):
        await learned.learn()
    store.away = False
    await learned.learn()
    await learned.hear(PADLOCK)
    assert search.search(PADLOCK).ranked_by is Ranking.BOTH


async def test_a_model_that_cannot_be_used_leaves_the_words_and_is_not_tried_again():
    class Broken(Toy):
        def embed(self, said):
            super().embed(said)
            raise UnusableModelError("it is no model")

    toy = Broken()
    learned = Learned(toy, InMemory())
    search = searching(learned)
    for _ in range(2):
        await learned.learn()
        await learned.hear("certificate")
    assert search.search("certificate").verdict is Verdict.CLEAR
    assert toy.asked == 1


async def test_what_an_alert_says_is_embedded_once():
    toy = Toy()
    learned = Learned(toy, InMemory())
    await learned.hear(PADLOCK)
    await learned.hear(PADLOCK)
    assert toy.asked == 1


async def test_a_plan_says_that_it_was_found_by_meaning_too():
    ticket = triaged(name="Padlock", title="The padlock of the site is renewed too late")
    learned = Learned(Toy(), InMemory())
    thaw = text("renew", "The certificate of the site is renewed")
    made = replace(planner(thaw), finder=Finder(learned))
    made.finder.follow(made.library)
    await learned.learn()
    concluded = await replace(desk(None, thaw), planner=made, meaning=learned).conclude(ticket, NOW)
    assert "1 by meaning (cosine 1.00)" in str(concluded)
    assert learned.similar(query(ticket.alert)) is not None
