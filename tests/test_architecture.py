"""The event table of ARCHITECTURE.md says what the code does."""

import re
from importlib import import_module
from pathlib import Path

import pytest

from deploy.services import PARTS
from shared.bus import Router
from shared.events import CATALOG

ROOT = Path(__file__).parents[1]
RESERVED = "reserved"
#: A case of a match looks like a call, and makes nothing.
PATTERN = re.compile(r"^ *case .*$", re.MULTILINE)


def table():
    rows = re.findall(r"^\| `([a-z._]+)` \| (.*?) \| ?(.*?) ?\|$", _text(), re.MULTILINE)
    return {
        event: (set(filter(None, by.split(", "))), set(filter(None, into.split(", "))))
        for event, by, into in rows
    }


def _text():
    return (ROOT / "ARCHITECTURE.md").read_text()


def publishers(event):
    """The services whose code makes this event, and does not only take it in."""
    made = re.compile(rf"\b{event.__name__}(\.following|\.about)?\(|\btell\(\s*{event.__name__}\b")
    found = {
        name
        for name in PARTS
        for module in (ROOT / "services" / name).rglob("*.py")
        if made.search(PATTERN.sub("", module.read_text()))
    }
    texts = [module.read_text() for module in (ROOT / "deploy").rglob("*.py")]
    said = any("deploy.speaking" in text and made.search(text) for text in texts)
    return found | ({"terminal"} if said else set())


def consumers(event):
    found = set()
    for name in PARTS:
        handlers = import_module(f"services.{name}.handlers") if _has_handlers(name) else None
        routers = (
            [one for one in vars(handlers).values() if isinstance(one, Router)] if handlers else []
        )
        if any(s.subject == event.subject for router in routers for s in router.subscriptions):
            found.add(name)
    return found


def _has_handlers(name):
    return (ROOT / "services" / name / "handlers.py").exists()


def test_the_table_has_every_event_once_in_the_catalog_and_no_other():
    assert set(table()) == {event.subject for event in CATALOG}


@pytest.mark.parametrize("event", CATALOG, ids=lambda event: event.subject)
def test_the_table_names_who_publishes_and_who_takes_in(event):
    by, into = table()[event.subject]
    assert by == (publishers(event) or {RESERVED})
    assert into == consumers(event)


def test_the_places_that_it_points_to_are_there():
    named = re.findall(r"`((?:services|shared|docs|deploy)/[a-z_/.]+)`", _text())
    assert named
    for place in named:
        assert (ROOT / place).exists(), place
