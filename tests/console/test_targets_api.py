"""Targets through the API: what is shown, what may be changed, and what is refused."""

import asyncio

import pytest

from services.console.targets.desk import TargetDesk
from services.console.tokens.token import Role
from shared.targets.store import MongoTargets
from tests.console.conftest import bearer

TARGETS = "/api/v1/targets"
SHOP = {"connector": "http", "url": "https://shop.example.com", "environment": "production"}


def host(**changes):
    said = {"connector": "ssh", "host": "192.0.2.20", "user": "deploy"}
    return {**said, "host_key": "ssh-ed25519 AAAA", "key": {"credential": "deploy-key"}, **changes}


async def test_targets_of_the_file_are_listed_with_where_they_are_from(admin):
    answer = (await admin.get(TARGETS)).json()
    assert [each["name"] for each in answer["items"]] == ["here", "web-1"]
    here, web = answer["items"]
    assert (web["origin"], web["connector"]) == ("file", "ssh")
    assert (web["credentials"], web["allow"]["commands"]) == (["deploy-key"], ["uptime"])
    assert (here["aliases"], here["environment"]) == (["10.0.0.5:*"], "production")
    assert answer["next"] is None


async def test_pages_follow_each_other_by_name(admin):
    await admin.put(f"{TARGETS}/shop", json=SHOP)
    first = (await admin.get(TARGETS, params={"limit": 2})).json()
    second = (await admin.get(TARGETS, params={"limit": 2, "cursor": first["next"]})).json()
    names = [[each["name"] for each in page["items"]] for page in (first, second)]
    assert (names, second["next"]) == ([["here", "shop"], ["web-1"]], None)


@pytest.mark.parametrize("cursor", ["%%%", "eyJ", "MQ==", "WzFd", "bnVsbA=="])
async def test_a_cursor_of_nobody_is_refused(admin, cursor):
    answer = await admin.get(TARGETS, params={"cursor": cursor})
    assert (answer.status_code, answer.json()["errors"][0]["where"]) == (422, "query.cursor")


async def test_a_target_is_declared_shown_and_removed(admin):
    made = await admin.put(f"{TARGETS}/shop", json=SHOP)
    assert made.status_code == 201, made.text
    assert (made.json()["origin"], made.json()["added_by"]) == ("added", "api:admin")
    assert made.json()["declared"] == SHOP
    shown = await admin.get(f"{TARGETS}/shop")
    assert shown.json() == made.json()
    assert shown.headers["etag"] == made.headers["etag"]
    assert (await admin.delete(f"{TARGETS}/shop")).status_code == 204
    assert (await admin.get(f"{TARGETS}/shop")).status_code == 404
    assert (await admin.delete(f"{TARGETS}/shop")).status_code == 404


async def test_what_was_declared_is_what_the_command_line_would_have_kept(admin, db):
    await admin.put(f"{TARGETS}/web-2", json=host())
    (kept,) = await MongoTargets(db).all()
    assert (kept.name, kept.said, kept.added_by) == ("web-2", host(), "api:admin")


async def test_a_second_put_replaces_and_says_so(admin):
    first = await admin.put(f"{TARGETS}/shop", json=SHOP)
    second = await admin.put(f"{TARGETS}/shop", json={**SHOP, "environment": "test"})
    assert (second.status_code, second.json()["environment"]) == (200, "test")
    assert second.headers["etag"] != first.headers["etag"]


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_targets_of_the_file_are_changed_there(admin, method):
    body = {"json": {"connector": "local"}} if method == "PUT" else {}
    answer = await admin.request(method, f"{TARGETS}/here", **body)
    assert answer.status_code == 409
    assert "handrail.yaml declares the target here" in answer.json()["detail"]


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_a_write_on_condition_changes_only_what_was_seen(admin, method):
    seen = (await admin.put(f"{TARGETS}/shop", json=SHOP)).headers["etag"]
    now = (await admin.put(f"{TARGETS}/shop", json={**SHOP, "environment": "test"})).headers["etag"]
    body = {"json": SHOP} if method == "PUT" else {}

    async def write(etag):
        headers = {"If-Match": etag}
        return await admin.request(method, f"{TARGETS}/shop", headers=headers, **body)

    refused = await write(seen)
    assert (refused.status_code, refused.headers["etag"]) == (412, now)
    assert (await admin.get(f"{TARGETS}/shop")).json()["environment"] == "test"
    assert (await write(f'"other", {now}')).status_code in {200, 204}


async def test_what_is_there_is_not_declared_as_new(admin):
    only_new = {"If-None-Match": "*"}
    assert (await admin.put(f"{TARGETS}/a", json=SHOP, headers=only_new)).status_code == 201
    assert (await admin.put(f"{TARGETS}/a", json=SHOP, headers=only_new)).status_code == 412
    missing = await admin.put(f"{TARGETS}/b", json=SHOP, headers={"If-Match": "*"})
    assert missing.status_code == 412


async def test_of_two_who_declare_the_same_at_once_one_is_told(admin, db, monkeypatch):
    both = asyncio.Barrier(2)
    known = TargetDesk.known

    async def together(desk):
        found = await known(desk)
        await both.wait()
        return found

    await admin.put(f"{TARGETS}/shop", json=SHOP)
    monkeypatch.setattr(TargetDesk, "known", together)
    puts = [admin.put(f"{TARGETS}/shop", json={**SHOP, "environment": e}) for e in ("a", "b")]
    answers = await asyncio.gather(*puts)
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    (winner,) = [answer for answer in answers if answer.status_code == 200]
    (kept,) = await MongoTargets(db).all()
    assert kept.said["environment"] == winner.json()["environment"]


@pytest.mark.parametrize(
    ("body", "where", "told"),
    [
        (host(hots="x"), "hots", "there is no such field"),
        (host(host=1), "host", "a text is expected"),
        (host(key="hunter22"), "key", "a secret is not written here"),
        (host(port=0), "port", "has to be 1 or more"),
        (host(sudo={"user": "a b"}), "sudo.Sudo.user", "does not look as it should"),
        (host(allow={}), "allow", "say commands, actions or effects"),
        (host(key=None), "body", "a key, a password or an agent"),
        ({"connector": "tape"}, "connector", "has to be one of"),
        ({"url": "https://x"}, "connector", "is missing"),
        ([], "body", "a mapping of names to values"),
        (host(via="nowhere"), "via", "'nowhere' is no ssh target"),
        (host(via="web-2"), "via", "leads back to the target itself"),
        (host(key={"file": "/etc/shadow"}), "body", "{credential: NAME}"),
        (host(key={"env": "HANDRAIL_SECRET_KEY"}), "body", "{credential: NAME}"),
        (host(sudo={"password": {"vault": {"path": "a"}}}), "body", "{credential: NAME}"),
    ],
)
async def test_what_handrail_yaml_would_not_have_is_refused(admin, body, where, told):
    answer = await admin.put(f"{TARGETS}/web-2", json=body)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    errors = answer.json()["errors"]
    assert any(each["where"] == where and told in each["told"] for each in errors), errors
    assert (await admin.get(f"{TARGETS}/web-2")).status_code == 404


async def test_one_that_others_are_reached_through_is_neither_removed_nor_made_another(admin):
    await admin.put(f"{TARGETS}/jump", json=host())
    assert (await admin.put(f"{TARGETS}/inner", json=host(via="jump"))).status_code == 201
    for answer in (
        await admin.delete(f"{TARGETS}/jump"),
        await admin.put(f"{TARGETS}/jump", json={"connector": "local"}),
    ):
        assert answer.status_code == 409
        assert answer.json()["detail"] == "others are reached through it: inner"
    await admin.delete(f"{TARGETS}/inner")
    assert (await admin.delete(f"{TARGETS}/jump")).status_code == 204


async def test_an_added_one_that_cannot_be_used_any_more_says_why(admin, db):
    await admin.put(f"{TARGETS}/web-2", json=host())
    await db.targets.update_one({"_id": "web-2"}, {"$set": {"said.port": 0}})
    shown = (await admin.get(f"{TARGETS}/web-2")).json()
    assert (shown["connector"], shown["problem"]) == ("ssh", "has to be 1 or more")
    assert (await admin.put(f"{TARGETS}/web-2", json=host())).status_code == 200


async def test_a_check_opens_the_target(admin):
    answer = (await admin.post(f"{TARGETS}/here/check")).json()
    assert (answer["target"], answer["ok"]) == ("here", True)
    wrong = (await admin.post(f"{TARGETS}/web-1/check")).json()
    assert (wrong["ok"], "host_key" in wrong["told"]) == (False, True)
    assert (await admin.post(f"{TARGETS}/nowhere/check")).status_code == 404


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        (Role.VIEWER, {"GET"}),
        (Role.OPERATOR, {"GET", "POST"}),
        (Role.ADMIN, {"GET", "POST", "PUT", "DELETE"}),
    ],
)
async def test_each_role_may_do_what_those_before_it_may_and_more(served, token_of, role, allowed):
    headers = bearer(await token_of(role))
    asked = {
        "GET": f"{TARGETS}/nowhere",
        "POST": f"{TARGETS}/nowhere/check",
        "PUT": f"{TARGETS}/new",
        "DELETE": f"{TARGETS}/nowhere",
    }
    for method, path in asked.items():
        body = {"json": SHOP} if method == "PUT" else {}
        answer = await served.request(method, path, headers=headers, **body)
        assert (answer.status_code != 403) == (method in allowed), (method, answer.text)
