"""How an executor is called: by the place where the claims of its local commands lie."""

from concurrent.futures import ThreadPoolExecutor

from services.executor.app import place_of_home


def test_executors_that_share_a_home_share_a_place_also_when_they_begin_at_once(tmp_path):
    with ThreadPoolExecutor(16) as pool:
        places = set(pool.map(place_of_home, [tmp_path / "home"] * 64))
    (place,) = places
    assert len(place.rpartition("-")[2]) == 12
    assert [each.name for each in (tmp_path / "home").iterdir()] == ["place"]


def test_another_home_is_another_place(tmp_path):
    assert place_of_home(tmp_path / "one") != place_of_home(tmp_path / "two")
