"""The door to the pages: limits, and answers that other sites send."""

from datetime import timedelta

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Request, Response

from services.notifier.door import OF_A_LINK, WRONG_LINKS, Door, guarded
from tests.notifier.builders import approval
from tests.notifier.test_api import APPROVE, JSON, client_of, path

STRANGER = "203.0.113.7"
REQUEST = Request(
    {
        "type": "http",
        "method": "GET",
        "path": "/a/x",
        "query_string": b"",
        "headers": [(b"host", b"notifier")],
        "client": (STRANGER, 1),
        "scheme": "http",
        "server": ("notifier", 80),
    }
)


async def tries(client, address, count) -> list[int]:
    return [(await client.get(address)).status_code for _ in range(count)]


async def test_a_link_is_opened_only_so_often_and_again_after_a_minute(approvals, clock):
    asked = await approvals.open(approval())
    async with client_of(approvals, clock, "127.0.0.1") as client:
        assert set(await tries(client, path(asked), OF_A_LINK)) == {200}
        refused = await client.get(path(asked))
        assert (refused.status_code, refused.headers["Retry-After"]) == (429, "60")
        assert "default-src 'none'" in refused.headers["Content-Security-Policy"]
        assert (await client.post(path(asked), data=APPROVE)).status_code == 429
        assert (await approvals.find(asked.id)).decisions == ()
        clock.now += timedelta(minutes=1)
        assert (await client.get(path(asked))).status_code == 200


async def test_who_guesses_links_is_let_in_no_more_and_others_are(approvals, clock):
    asked = await approvals.open(approval())
    async with client_of(approvals, clock, STRANGER) as client:
        for number in range(WRONG_LINKS):
            assert (await client.get(f"/a/guess{number}")).status_code == 404
        assert (await client.get("/a/guess")).status_code == 429
        assert (await client.get(path(asked))).status_code == 429
        assert (await client.get("/a/guess", headers=JSON)).json() == {"error": "too often"}


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        (STRANGER, "203.0.113.8", False),
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::1", "2001:db8:1::1", False),
        ("127.0.0.1", "127.0.0.1", False),
        ("::1", "::1", False),
    ],
)
async def test_guesses_are_counted_by_network_and_those_of_this_machine_are_not(
    clock, first, second, same
):
    app = FastAPI()
    router = APIRouter(route_class=guarded(Door("https://handrail.example.org", clock)))

    @router.get("/a/{token}")
    async def nothing(token: str) -> Response:
        return Response(status_code=404)

    app.include_router(router)
    codes = []
    for address in (first, second):
        transport = httpx.ASGITransport(app, client=(address, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://notifier") as client:
            codes += [(await client.get(f"/a/{n}")).status_code for n in range(WRONG_LINKS)]
    assert set(codes) == ({404, 429} if same else {404})


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": "null"}, 200),
        ({"Origin": "null", "Sec-Fetch-Site": "same-origin"}, 200),
        ({"Origin": "https://handrail.example.org", "Sec-Fetch-Site": "same-origin"}, 200),
        ({"Origin": "http://notifier"}, 200),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "https://handrail.example.org.evil.example"}, 403),
        ({"Origin": "null", "Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": "null", "Sec-Fetch-Site": "same-site"}, 403),
    ],
)
async def test_an_answer_that_the_page_of_another_site_sends_is_not_taken(
    approvals, clock, bus, headers, status
):
    asked = await approvals.open(approval())
    async with client_of(approvals, clock) as client:
        answer = await client.post(path(asked), data=APPROVE, headers=headers)
    assert answer.status_code == status
    assert len(bus.events) == (status == 200)
    assert ((await approvals.find(asked.id)).state == "approved") is (status == 200)


@pytest.mark.parametrize(
    ("public_url", "strict"),
    [("https://handrail.example.org", True), ("http://127.0.0.1:8081", False)],
)
def test_browsers_are_held_to_https_where_the_pages_are_reached_by_it(clock, public_url, strict):
    answer = Door(public_url, clock).passed(REQUEST, Response())
    assert ("Strict-Transport-Security" in answer.headers) is strict
