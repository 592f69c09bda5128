"""What the manual says of evidence is so: its example is read, and says what it should."""

import re
from pathlib import Path

from services.triage.asking import described, rendered, wanted
from shared.config import load_config
from tests.triage.test_verdict import alert

MANUAL = (Path(__file__).parents[2] / "docs" / "evidence.md").read_text()
(EXAMPLE,) = re.findall(r"```yaml\n(.*?)```", MANUAL, re.DOTALL)


def test_the_example_has_no_mistake_and_asks_what_it_says(tmp_path):
    path = tmp_path / "handrail.yaml"
    path.write_text(f"prometheus:\n  default: {{url: 'http://prometheus:9090'}}\n{EXAMPLE}")
    labels = {"instance": "web-1:9100", "mountpoint": "/srv", "job": "node"}
    firing = alert("DiskFull", labels=labels)
    disk, largest = wanted(load_config(path).evidence, firing)
    assert 'mountpoint="/srv"' in described(rendered(disk, firing))
    assert described(rendered(largest, firing)) == "`du -xd1 /srv | sort -rn | sed -n 2p` on web-1"
