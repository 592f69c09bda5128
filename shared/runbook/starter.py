"""What a new runbook begins with."""

from typing import Final

_TEXT: Final = """\
# yaml-language-server: $schema=runbook.schema.json
# `handrail runbook lint` says what is wrong, `handrail runbook run NAME --preview --label job=x`
# shows what would run, `handrail runbook test NAME` runs the tests at the end of this file.
apiVersion: handrail/v1
kind: Runbook
metadata:
  name: "{name}"
  title: "{title}"
  labels: {{}}
description: |
  What is wrong when this alert comes, in one sentence.

  ## Meaning
  What the alert saw.

  ## Impact
  What does not work for whom.

  ## Diagnosis
  Where to look, and what it would mean.

  ## What this does
  What the steps do, and what they leave to a person.
match:
  alerts: ["{alert}"]            # exact names; "*Down" is a pattern
  # when: 'severity in ["P1", "P2"]'
  text: words that people and monitoring use for this
params:
  service:
    from: labels.job
    pattern: '[A-Za-z0-9][A-Za-z0-9@._-]*'
  host:
    from: labels.instance
    strip_port: true
steps:
  - id: look
    title: Look at {{{{ service }}}}
    uses: ssh
    target: "{{{{ host }}}}"
    run: systemctl is-active {{{{ service }}}}
    risk: low
    gather: true               # it only looks: the plan goes on if it fails
    timeout: 20s
  - id: act
    title: Restart {{{{ service }}}}
    needs: [look]
    when: steps.look.exit_code != 0
    uses: ssh
    target: "{{{{ host }}}}"
    run: systemctl restart {{{{ service }}}}
    risk: high
    effect: idempotent         # read_only | idempotent | check_then_act | once
    timeout: 90s
    expect: The service is started, and stays up.
verify:
  - uses: ssh
    target: "{{{{ host }}}}"
    run: systemctl is-active --quiet {{{{ service }}}}
    hold: 30s
    within: 5m
tests:
  - name: the values of the alert stand in the commands
    alert: {{name: "{alert}", labels: {{job: shop, instance: "web-1:9100"}}}}
    steps:
      act: {{target: web-1, run: systemctl restart shop}}
  - name: without a job there is no plan
    alert: {{name: "{alert}", labels: {{instance: "web-1:9100"}}}}
    refused: the alert has no label job
"""


def starter(name: str) -> str:
    """A commented runbook without mistakes, whose tests pass."""
    words = name.split("-")
    title = " ".join(words).capitalize()
    return _TEXT.format(name=name, title=title, alert="".join(map(str.capitalize, words)))
