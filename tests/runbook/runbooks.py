"""Runbooks and alerts that the tests begin with."""

from textwrap import dedent

from shared.events import Alert, ApprovalRule
from shared.lifecycle import Risk
from shared.runbook import Runbook, parse_runbook

WHOLE = dedent(
    """\
    apiVersion: handrail/v1
    kind: Runbook
    metadata: {name: restart-service, title: Restart a service that stopped answering}
    description: The process is gone. Users see errors.
    match:
      alerts: [TargetDown, "*ServiceDown"]
      when: 'severity in ["P1", "P2"] && labels.job != ""'
    params:
      service: {from: labels.job, required: true, pattern: '^[a-z0-9-]+$'}
      host:    {from: labels.instance, strip_port: true}
    steps:
      - {id: look, uses: ssh, target: "{{ host }}", risk: low,
         run: "systemctl is-active {{ service }}"}
      - id: restart
        needs: [look]
        when: 'steps.look.exit_code != 0'
        uses: ssh
        target: "{{ host }}"
        run: "systemctl restart {{ service }}"
        risk: high
        effect: idempotent
        timeout: 2m
        retry: {attempts: 2, backoff: 2s}
        rollback: {run: "systemctl stop {{ service }}"}
        on_failure: continue
    verify:
      - {uses: prometheus, query: 'up{job="{{ service }}"} == 1', hold: 30s, within: 5m}
    """
)


def runbook(text: str = WHOLE) -> Runbook:
    """The whole runbook, or another text."""
    return parse_runbook(text, file="restart.yaml")


def named(name: str, match: str, *, params: str = "{}", run: str = "true") -> Runbook:
    """A small runbook that is for the alerts in ``match``."""
    return parse_runbook(
        dedent(
            f"""\
            apiVersion: handrail/v1
            kind: Runbook
            metadata: {{name: {name}, title: {name}}}
            description: Small.
            match: {match}
            params: {params}
            steps: [{{id: act, uses: local, target: here, run: {run!r}}}]
            verify: [{{uses: local, target: here, run: "true"}}]
            """
        ),
        file=f"{name}.yaml",
    )


def alert(name: str = "TargetDown", **fields) -> Alert:
    labels = fields.pop("labels", {"job": "shop", "instance": "web-1:9100"})
    return Alert(
        source="alertmanager",
        name=name,
        status="firing",
        fingerprint="ab12",
        title=fields.pop("title", "Shop is down"),
        labels=labels,
        **fields,
    )


def one_yes(risk: Risk) -> ApprovalRule:
    return ApprovalRule(required=1, reason=f"{risk}")
