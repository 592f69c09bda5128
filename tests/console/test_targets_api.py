"""Targets through the API: what is shown, what may be changed, and what is refused."""

import pytest

TARGETS = "/api/v1/targets"
SHOP = {"connector": "http", "url": "https://shop.example.com", "environment": "production"}


def host(**changes):
    said = {"connector": "ssh", "host": "192.0.2.20", "user": "deploy"}
    return {**said, "host_key": "ssh-ed25519 AAAA", "key": {"credential": "deploy-key"}, **changes}


async def test_targets_of_the_file_are_listed_with_where_they_are_from(admin):
    answer = (await admin.get(TARGETS)).json()
    assert [each["name"] for each in answer["items"]] == ["here", "web-1"]
    web = answer["items"][1]
    assert (web["origin"], web["connector"]) == ("file", "ssh")
    assert (web["credentials"], web["allow"]["commands"]) == (["deploy-key"], ["uptime"])
    assert answer["items"][0]["aliases"] == ["10.0.0.5:*"]
    assert answer["next"] is None


async def test_a_target_is_declared_shown_and_removed(admin):
    made = await admin.put(f"{TARGETS}/shop", json=SHOP)
    assert made.status_code == 201, made.text
    assert (made.json()["origin"], made.json()["added_by"]) == ("added", "api:admin")
    shown = await admin.get(f"{TARGETS}/shop")
    assert shown.json() == made.json()
    assert shown.headers["etag"] == made.headers["etag"]
    assert (await admin.delete(f"{TARGETS}/shop")).status_code == 204
    assert (await admin.get(f"{TARGETS}/shop")).status_code == 404
