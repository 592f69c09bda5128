"""A mail that came back: the next person is asked within a moment, as the mail server says it."""

import asyncio
import json
import sys

import pytest

from tests.flows.test_notifier_killed import ask
from tests.flows.world import REPO, eventually
from tests.notifier.bounces.notices import notice
from tests.notifier.smtpd import authenticator, certificate, mail_server

pytestmark = pytest.mark.timeout(400)

ANN, BOB = ({"name": name, "email": f"{name.lower()}@example.com"} for name in ("Ann", "Bob"))
CONFIG = {
    "people": [ANN, BOB],
    "channels": {"email": {"kind": "email", "bounces": "bounces@example.com"}},
    "routes": [
        {
            "name": "one after the other",
            "to": [ANN["email"]],
            "escalate": [{"after": "50m", "to": [BOB["email"]]}],
        }
    ],
}


async def bounced(world, message):
    """What `handrail channel bounce` says of a message, as a mail server runs it."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "deploy.cli", "channel", "bounce", "--json"),
        cwd=REPO,
        env=world.environment,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, complaint = await asyncio.wait_for(process.communicate(message), 120)
    assert process.returncode == 0, complaint
    return json.loads(said)


async def test_a_mail_that_comes_back_has_the_next_person_asked(world, tmp_path):
    (world.work / "handrail.yaml").write_text(json.dumps(CONFIG))
    context, trusted = certificate(tmp_path)
    async with mail_server(tls_context=context, authenticator=authenticator) as inbox:
        world.extra |= {
            "HANDRAIL_SMTP_URL": f"smtp://handrail:p%40ss%2Fword@localhost:{inbox.port}",
            "HANDRAIL_MAIL_FROM": "handrail@example.com",
            "SSL_CERT_FILE": str(trusted),
        }
        await world.start("notifier")
        event = await ask(world)
        await eventually(lambda: inbox.to == [ANN["email"]])
        (sender,) = inbox.senders
        assert (await bounced(world, notice(sender, action="delayed")))["outcome"] == "none"
        assert await bounced(world, notice(sender)) == {"outcome": "bounced"}
        await eventually(lambda: inbox.to == [ANN["email"], BOB["email"]])
    assert inbox.authenticated == [True, True]
    found = world.db.approvals.find_one({"_id": event.approval_id})["recipients"]
    assert [(to["email"], to["status"]) for to in found] == [
        (ANN["email"], "bounced"),
        (BOB["email"], "sent"),
    ]
    assert "550 no such user" in found[0]["error"]
