"""Secrets that are everywhere, and printed by everything: shown nowhere."""

import json
import re
import threading
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import nats
import pytest
from aiosmtpd.smtp import AuthResult
from pydantic import SecretStr

from shared.credentials.sealing import Sealer
from shared.credentials.store import MongoCredentials
from shared.secretforms import forms
from tests.credentials.vaultd import vaultd
from tests.flows.world import SECRET, eventually
from tests.notifier.smtpd import mail_server

#: Where each is; with what every form writes in another way.
CANARIES = {
    "env": "c4n4ry-env & 'w/rd'+äß",
    "file": "c4n4ry-file=7Gk2Wq9ZtR/xP0",
    "store": "c4n4ry-store!Lm5Nv8Qs1",
    "vault": "c4n4ry-vault~Hd3Fy6Jb",
    "token": "hvs.c4n4ry-token-Xe1Cz4",
    "slack": "xoxb-c4n4ry-slack-Uo9Ir2",
    "smtp": "c4n4ry-smtp-Tq7Bw5",
    "lines": "-----BEGIN KEY-----\nc4n4ryAAAAB3NzaC1yc2E\nQyNTUxOQAAACDc4n4ry2\n-----END KEY-----",
}
PRINTER = """\
import base64, html, json, sys, time, urllib.parse
for secret in json.load(open(sys.argv[1])).values():
    raw = secret.encode()
    coded = base64.b64encode(raw).decode()
    for shown in (
        secret, coded, base64.encodebytes(raw).decode(), base64.urlsafe_b64encode(raw).decode(),
        base64.b64encode(b"user:" + raw + b"@host").decode(),
        "\\r\\n    ".join(coded[at:at + 8] for at in range(0, len(coded), 8)),
        "\\n".join(secret[at:at + 5] for at in range(0, len(secret), 5)),
        urllib.parse.quote(secret, safe=""), urllib.parse.quote_plus(secret), json.dumps(secret),
        html.escape(secret), raw.hex(), base64.b64encode(secret.encode("utf-16-le")).decode(),
    ):
        for out in (sys.stdout, sys.stderr):
            half = len(shown) // 2
            out.write(shown[:half])
            out.flush()
            time.sleep(0.002)
            out.write(shown[half:] + "\\n")
            out.flush()
sys.stdout.write("told " + next(iter(json.load(open(sys.argv[1])).values())) + "\\n")
sys.exit(int(sys.argv[2]))
"""
BOOK = """\
apiVersion: handrail/v1
kind: Runbook
metadata: {{name: flow, title: Print everything}}
description: Everything is printed.
match: {{alerts: [FlowDown]}}
steps:
  - id: show
    uses: local
    target: here
    run: 'python3 {work}/printer.py {work}/canaries 3'
    risk: low
    effect: read_only
    on_failure: continue
    outputs: {{told: {{regex: 'told (.*)'}}}}
  - id: stored
    uses: http
    target: stored
    action: GET
    with: {{path: /}}
    risk: low
  - id: vaulted
    uses: http
    target: vaulted
    action: GET
    with: {{path: /}}
    risk: low
    effect: read_only
  - id: repair
    needs: [show, stored, vaulted]
    uses: local
    target: here
    run: 'touch {work}/up; python3 {work}/printer.py {work}/canaries 0'
    risk: high
verify:
  - {{uses: local, target: here, run: 'python3 {work}/printer.py {work}/canaries 0', within: 20s}}
"""


@contextmanager
def echo():
    """An API that answers with what it was sent."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            content = json.dumps(dict(self.headers)).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            """Nothing is logged here."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def configure(world, url):
    work = world.work
    (work / "printer.py").write_text(PRINTER)
    (work / "canaries").write_text(json.dumps(CANARIES))
    for name in ("file", "lines"):
        (work / name).write_text(CANARIES[name])
    world.write_runbook(text=BOOK)
    world.write_config(
        {"credentials": {"from-file": {"file": str(work / "file")}}},
        here={"connector": "local"},
        stored={"connector": "http", "url": url, "auth": {"bearer": {"credential": "api"}}},
        vaulted={
            "connector": "http",
            "url": url,
            "auth": {"header": {"name": "X-Key", "value": {"vault": {"path": "api"}}}},
        },
        unused={
            "connector": "sql",
            "engine": "postgresql",
            "host": "127.0.0.1",
            "user": "u",
            "database": "d",
            "password": {"env": "CANARY_ENV"},
        },
        keyed={
            "connector": "http",
            "url": url,
            "auth": {"basic": {"username": "u", "password": {"credential": "from-file"}}},
        },
        cluster={
            "connector": "http",
            "url": url,
            "auth": {"bearer": {"file": str(work / "lines")}},
        },
    )


def squeezed(text):
    return re.sub(r"\s", "", text)


NEEDLES = {
    squeezed(form): name
    for name, secret in CANARIES.items()
    for form in forms(secret)
    if len(squeezed(form)) >= 8
}


def leaks(where, text):
    """Which canaries are in a text, also when it is folded."""
    bare = squeezed(text)
    return {f"{name} in {where}" for needle, name in NEEDLES.items() if needle in bare}


def test_a_canary_would_be_found_in_each_form():
    for secret in CANARIES.values():
        for form in forms(secret):
            if len(squeezed(form)) >= 8:
                assert leaks("here", f"before {form[:5]}\r\n   {form[5:]} after"), form


def texts(value):
    """Every text in a document."""
    match value:
        case dict():
            for key, part in value.items():
                yield str(key)
                yield from texts(part)
        case list():
            for part in value:
                yield from texts(part)
        case bytes():
            yield value.decode("utf-8", "replace")
        case _:
            yield str(value)


def in_mongo(world):
    for name in world.db.list_collection_names():
        for document in world.db[name].find():
            yield f"collection {name}", "\n".join(texts(document))


def in_logs(world):
    for path in Path(world.work).glob("*.log"):
        yield path.name, path.read_text()


async def in_nats(url, live):
    client = await nats.connect(url)
    js = client.jetstream()
    for info in await js.streams_info():
        name = info.config.name
        for seq in range(max(1, info.state.first_seq), info.state.last_seq + 1):
            message = await js.get_msg(name, seq)
            told = (message.data or b"").decode() + json.dumps(dict(message.headers or {}))
            yield f"stream {name}", told
    await client.close()
    # What one message ends with, the next one of its stream of output goes on with.
    for stream in ("stdout", "stderr"):
        said = [json.loads(each) for each in live]
        yield "live output", "".join(each["text"] for each in said if each["stream"] == stream)


def in_mails(mails):
    for mail in mails:
        yield "a mail", mail.as_string()
        for part in mail.walk():
            if not part.is_multipart():
                yield "a mail", part.get_payload(decode=True).decode("utf-8", "replace")


@pytest.fixture
def vault():
    with vaultd() as server:
        server.tokens = {CANARIES["token"]}
        server.secrets["/v1/secret/data/api"] = {"value": CANARIES["vault"]}
        yield server


async def test_secrets_that_everything_prints_are_shown_nowhere(world, vault, bus, mongo_client):
    live, pages = [], []
    login = lambda *_: AuthResult(success=True)  # noqa: E731 the library's shape
    async with mail_server(authenticator=login, auth_require_tls=False) as inbox:
        with echo() as url:
            configure(world, url)
            world.extra |= {
                "CANARY_ENV": CANARIES["env"],
                "HANDRAIL_VAULT_ADDR": vault.address,
                "HANDRAIL_VAULT_TOKEN": CANARIES["token"],
                "HANDRAIL_SLACK_BOT_TOKEN": CANARIES["slack"],
                "HANDRAIL_SLACK_SIGNING_SECRET": CANARIES["slack"],
                "HANDRAIL_SMTP_URL": f"smtp://u:{CANARIES['smtp']}@127.0.0.1:{inbox.port}?starttls=never",
                "HANDRAIL_MAIL_FROM": "handrail@example.com",
            }
            store = MongoCredentials(mongo_client[world.database], Sealer([SecretStr(SECRET)]))
            await store.create("api", SecretStr(CANARIES["store"]), by="ann", now=datetime.now(UTC))
            listener = await nats.connect(bus)

            async def heard(message):
                live.append(message.data)

            await listener.subscribe("output.>", cb=heard)
            await world.start_all_but()
            ticket_id = await world.open_ticket()
            link = await eventually(lambda: link_in(inbox), 90)
            pages.append((await world.http.get(local(world, link))).text)
            answer = await world.answer(link)
            assert answer.status_code == 200, answer.text
            pages.append(answer.text)
            await world.until_state(ticket_id, "resolved")
            await eventually(lambda: len(inbox.mails) > 1, 60)
            pages.append((await world.http.get(local(world, link))).text)
    session = world.session(ticket_id)
    assert {run["state"] for run in session["runs"].values()} == {"succeeded", "failed"}
    assert session["runs"]["show"]["outputs"] == {"told": "•••"}
    assert await eventually(
        lambda: world.db.credentials.find_one({"_id": "api"}).get("used_at"), 30
    )
    found = [
        *in_logs(world),
        *in_mongo(world),
        *in_mails(inbox.mails),
        *(("a page", page) for page in pages),
    ]
    found += [each async for each in in_nats(bus, live)]
    await listener.close()
    assert len(live) > 10
    assert sum("•••" in text for _, text in found) > 5
    assert sorted(set().union(*(leaks(where, text) for where, text in found))) == []


def link_in(inbox):
    for mail in inbox.mails:
        body = mail.get_body(("plain",)).get_content()
        if at := re.search(r"http://\S+/a/\S+", body):
            return at[0]
    return None


def local(world, link):
    return world.url("notifier", urlsplit(link).path)
