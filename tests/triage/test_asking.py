"""Which looks are made for an alert, and what exactly is asked."""

import pytest

from services.triage.asking import described, rendered, wanted
from shared.errors import HandrailError
from tests.triage.evidences import look, section
from tests.triage.test_verdict import alert


@pytest.mark.parametrize(
    ("when", "is_wanted"),
    [
        (None, True),
        ('labels.mountpoint == "/var"', True),
        ('labels.mountpoint == "/"', False),
        ('labels.nothing == "/"', False),
        ('name.startsWith("Disk") && severity == "P1"', True),
        ('source == "zabbix"', False),
    ],
)
def test_a_look_is_made_for_the_alerts_that_its_condition_holds_for(when, is_wanted):
    firing = alert("DiskFull", labels={"mountpoint": "/var"})
    config = section(look("first", when=when), look("second"))
    names = [one.name for one in wanted(config, firing)]
    assert names == (["first", "second"] if is_wanted else ["second"])


@pytest.mark.parametrize(
    ("fields", "described_as"),
    [
        (
            {"run": "df {{ labels.mount }}", "target": "{{ labels.host }}"},
            "`df '/a b'; rm'` on web-1",
        ),
        (
            {"run": "df {{ labels.evil }}"},
            "`df '$(reboot)'` on here",
        ),
        (
            {"run": "df {{ annotations.dir }} | tail -1\n"},
            "`df /srv | tail -1` on here",
        ),
        (
            {"target": "{{ labels.instance.split(':')[0] }}"},
            "`uptime` on web-1",
        ),
        (
            {"uses": "prometheus", "query": 'up{a="{{ labels.quote }}",\n b=~"{{ labels.re }}.*"}'},
            'prometheus: up{a="\\"} or up{", b=~"a\\\\.b.*"}',
        ),
        (
            {"uses": "prometheus", "query": "up", "server": "long-term"},
            "prometheus long-term: up",
        ),
        (
            {"uses": "http", "url": "http://web/x/{{ labels.path }}?a={{ labels.quote }}"},
            "GET http://web/x/..%2Fadmin?a=%22%7D%20or%20up%7B",
        ),
    ],
)
def test_each_value_is_quoted_for_its_place(fields, described_as):
    firing = alert(
        labels={
            "mount": "/a b'; rm".replace("'", ""),
            "evil": "$(reboot)",
            "host": "web-1",
            "instance": "web-1:9100",
            "quote": '"} or up{',
            "re": "a.b",
            "path": "../admin",
        },
        annotations={"dir": "/srv"},
    )
    assert described(rendered(look(**fields), firing)) == described_as.replace("b'; rm", "b; rm")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"run": "df {{ labels.nothing }}"}, "the alert has no label nothing"),
        ({"run": "df {{ annotations.nothing }}"}, "the alert has no annotation nothing"),
        ({"run": "df {{ labels.option }}"}, "read as an option"),
        ({"run": "df {{ labels.lines }}"}, "has a line break"),
        ({"target": "{{ labels.spaces }}"}, "is no name"),
    ],
)
def test_a_value_that_cannot_be_put_there_is_refused(fields, reason):
    firing = alert(labels={"option": "-rf", "lines": "a\nb", "spaces": "a b"})
    with pytest.raises(HandrailError, match=reason):
        rendered(look(**fields), firing)
