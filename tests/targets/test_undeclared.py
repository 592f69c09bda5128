"""What runbooks name and nobody declares is told at its place, with what may have been meant."""

from textwrap import dedent

import pytest

from shared.config.whole import load_config
from shared.runbook.library import parsed_runbook
from shared.targets.undeclared import Installation, undeclared

CONFIG = """\
evidence:
  - {name: disk_free, uses: prometheus, query: up}
targets:
  here: {connector: local, aliases: [this-one]}
  shop: {connector: sql, engine: sqlite, database: shop.db, match: {server: "db-*"}}
prometheus:
  main: {url: "http://127.0.0.1:9090"}
"""
BOOK = """\
apiVersion: handrail/v1
kind: Runbook
metadata: {name: a, title: A}
description: Something.
match: {alerts: [A]}
params:
  free: {from: evidence.disk_free, default: "1"}
  place: {default: here}
  host: {from: labels.host, default: nowhere}
steps:
  - {id: look, uses: local, target: here, run: "echo {{ free }}"}
  - {id: act, needs: [look], when: evidence.disk_free > 3, uses: local, target: "{{ place }}",
     run: "true"}
verify:
  - {uses: local, target: this-one, run: "true"}
  - {uses: prometheus, query: up, server: main}
"""


def told(tmp_path, book, config=CONFIG):
    (tmp_path / "handrail.yaml").write_text(dedent(config))
    read = load_config(tmp_path / "handrail.yaml")
    parsed = parsed_runbook(book, file="a.yaml")
    return [str(one) for one in undeclared([parsed], Installation.of(read, read.targets))]


def test_what_is_declared_is_not_told(tmp_path):
    assert told(tmp_path, BOOK) == []


@pytest.mark.parametrize(
    ("old", "new", "line", "reason"),
    [
        (
            "from: evidence.disk_free",
            "from: evidence.disk_fre",
            7,
            "gathers disk_fre: did you mean",
        ),
        ("when: evidence.disk_free", "when: evidence.load", 12, "`evidence` gathers load"),
        ("uses: local, target: here", "uses: local, target: her", 11, "did you mean here?"),
        ("default: here", "default: heer", 12, "no target heer (targets: here, shop): did you"),
        ("uses: local, target: here", "uses: ssh, target: here", 11, "by local, this uses ssh"),
        (
            "uses: local, target: here",
            'uses: ssh, target: "{{ host }}"',
            11,
            "no declared target is reached by ssh",
        ),
        ("target: this-one", "target: that-one", 15, "declares no target that-one"),
        ("server: main", "server: mian", 16, "no prometheus server mian: did you mean main?"),
    ],
)
def test_what_is_not_declared_is_told_at_its_place(tmp_path, old, new, line, reason):
    assert old in BOOK
    (found,) = told(tmp_path, BOOK.replace(old, new, 1))
    assert found.startswith(f"a.yaml:{line}:")
    assert reason in found


def test_no_server_to_ask_is_told(tmp_path):
    config = CONFIG[: CONFIG.index("prometheus:\n  main")].replace(
        "uses: prometheus, query: up", "uses: local, target: here, run: 'true'"
    )
    (found,) = told(tmp_path, BOOK, config)
    assert "declares no prometheus server to ask" in found


@pytest.mark.parametrize("target", ["db-3", "{{ host }}"])
def test_what_an_alert_may_decide_is_not_told(tmp_path, target):
    book = BOOK.replace("uses: local, target: here", f'uses: sql, target: "{target}"')
    book = book.replace('"echo {{ free }}"', '"SELECT 1"')
    assert told(tmp_path, book) == []


def test_a_way_to_act_that_leads_nowhere_is_told_once(tmp_path):
    book = BOOK.replace("uses: local, target: here", 'uses: ssh, target: "{{ host }}"')
    book = book.replace('uses: local, target: "{{ place }}"', 'uses: ssh, target: "{{ host }}"')
    assert len(told(tmp_path, book)) == 1


def test_of_many_runbooks_it_is_told_once_too(tmp_path):
    book = BOOK.replace("uses: local, target: here", 'uses: ssh, target: "{{ host }}"')
    (tmp_path / "handrail.yaml").write_text(CONFIG)
    read = load_config(tmp_path / "handrail.yaml")
    books = [parsed_runbook(book, file=f"{name}.yaml") for name in "abc"]
    (found,) = undeclared(books, Installation.of(read, read.targets))
    assert found.file == "a.yaml"
    assert found.message.endswith("is reached by ssh, which 2 other runbooks use too")
