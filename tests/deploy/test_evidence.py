"""Evidence on the command line: in a preview, and of a stored ticket."""

import json

import pytest

from tests.deploy.records import TICKET

BOOK = """\
apiVersion: handrail/v1
kind: Runbook
metadata: {name: free-disk, title: Free a disk}
description: A disk is full.
match: {alerts: [DiskFull]}
params:
  mount: {from: evidence.disk_mount, default: /var}
  keep: {type: integer, from: evidence.keep, default: 7}
steps:
  - {id: vacuum, uses: local, target: here, run: "clean {{ mount }} {{ keep }}",
     when: 'evidence.disk_free < 10'}
verify:
  - {uses: local, target: here, run: "true"}
"""


@pytest.fixture
def library(tmp_path, monkeypatch):
    folder = tmp_path / "books"
    folder.mkdir()
    (folder / "free-disk.yaml").write_text(BOOK)
    (tmp_path / "handrail.yaml").write_text("targets:\n  here: {connector: local}\n")
    monkeypatch.setenv("HANDRAIL_RUNBOOKS", str(folder))
    monkeypatch.setenv("HANDRAIL_HOME", str(tmp_path))
    return folder


PREVIEW = ("runbook", "run", "free-disk", "--preview")


def test_a_preview_takes_evidence(library, handrail):
    given = ("--evidence", "disk_mount=/srv", "--evidence", "keep=3", "--evidence", "disks=[1]")
    (preview,) = json.loads(handrail(*PREVIEW, *given, "--json").stdout)
    assert preview["steps"][0]["run"] == "clean /srv 3"
    assert preview["origins"] == {"mount": "evidence disk_mount", "keep": "evidence keep"}
    assert preview["evidence"] == {"disk_mount": "/srv", "keep": 3, "disks": [1]}


def test_people_see_where_a_value_is_from(library, handrail):
    shown = " ".join(handrail(*PREVIEW, "--evidence", "disk_mount=/srv").stdout.split())
    assert "mount /srv evidence disk_mount" in shown
    assert "keep 7 its default: there is no evidence keep" in shown


@pytest.mark.parametrize("written", ["disk_mount", "=3"])
def test_evidence_has_a_name_and_a_value(library, handrail, written):
    ran = handrail(*PREVIEW, "--evidence", written, code=1)
    assert f"{written!r} is no evidence: write NAME=VALUE" in ran.stderr


@pytest.fixture
async def looked_at(stored):
    """A ticket with evidence, as triage keeps it."""
    verdict = {
        "verdict": "true",
        "confidence": 0.97,
        "severity": "P1",
        "reasons": ["disk_free is 3 now, which confirms the alert (value < 10)"],
        "caused_by": TICKET,
        "evidence": {"disk_mount": "/srv", "disk_free": 3},
        "looked": [
            {
                "name": "disk_free",
                "asked": "prometheus: free",
                "found": "3",
                "problem": "",
                "detail": "",
                "at": "2026-03-01T10:02:03Z",
                "took": "PT0.012S",
            },
            {
                "name": "load",
                "asked": "`uptime` on web-1",
                "found": None,
                "problem": "no answer within 5s",
                "detail": "",
                "at": "2026-03-01T10:02:03Z",
                "took": "PT5S",
            },
        ],
    }
    await stored.tickets.update_one({"_id": TICKET}, {"$set": {"verdict": verdict}})
    return stored


def test_a_ticket_shows_what_was_looked_at(looked_at, library, handrail):
    shown = " ".join(handrail("ticket", "show", str(TICKET)).stdout.split())
    assert "looked at" in shown
    assert "disk_free is 3 (prometheus: free; 10:02:03 UTC, 12 ms)" in shown
    assert "load is not known: no answer within 5s" in shown
    told = json.loads(handrail("ticket", "show", str(TICKET), "--json").stdout)
    assert told["verdict"]["evidence"] == {"disk_mount": "/srv", "disk_free": 3}


def test_a_preview_of_a_stored_ticket_has_its_evidence(looked_at, library, handrail):
    about = ("--ticket", str(TICKET), "--evidence", "disk_free=1", "--json")
    (preview,) = json.loads(handrail(*PREVIEW, *about).stdout)
    assert preview["params"]["mount"] == "/srv"
    assert preview["evidence"] == {"disk_mount": "/srv", "disk_free": 1}
    assert any("disk_free is 3" in reason for reason in preview["reasons"])
