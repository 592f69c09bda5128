"""Runbooks that use all of the format, for tests."""

from pathlib import Path
from textwrap import dedent

from shared.runbook import Library, Runbook, load_runbooks

HEAD = "apiVersion: handrail/v1\nkind: Runbook\n"

CLEAN = HEAD + dedent(
    """\
    metadata: {name: clean-hosts, title: Clean up a group of hosts}
    description: Their disks fill up.
    match: {alerts: [GroupDiskFull]}
    params:
      group: {from: labels.group, pattern: '[a-z-]+'}
      keep: {from: annotations.keep, type: integer, min: 1, max: 30, default: 7}
      wait: {from: evidence.disk.wait, type: duration, default: 5m}
      mode: {from: labels.mode, type: enum, one_of: [gentle, hard], default: gentle}
      loud: {from: labels.loud, type: boolean, default: false}
      share: {from: evidence.disk.share, type: number, required: false}
      mounts: {from: labels.mounts, type: list, default: [/var, /tmp], pattern: '/[a-z/]*'}
    steps:
      - id: look
        uses: local
        target: here
        run: inventory --group {{ group }}
        gather: true
        risk: low
        expect: It lists the hosts of {{ group }}.
        outputs:
          hosts: {json: "hosts[].name", type: list, pattern: '[a-z0-9-]+'}
          leader: {regex: 'leader=(\\S+)'}
          count: {json: count, type: integer}
      - id: clean
        needs: [look]
        when: 'steps.look.outputs.count > 0 && params.keep > 1 && !params.loud'
        foreach: {items: steps.look.outputs.hosts, as: host, limit: 5, at_once: 2}
        uses: ssh
        target: "{{ host }}"
        run: clean --keep={{ keep }} --leader {{ steps.look.outputs.leader }} {{ host }}
        risk: high
        effect: idempotent
        approval: {require: 2, expires: 10m}
        on_failure: continue
      - id: each
        foreach: {items: mounts}
        uses: local
        target: here
        run: echo {{ item }} {{ wait | seconds }} {{ keep + 1 }} {{ mounts | join(',') }}
        risk: low
        effect: read_only
      - id: tell
        needs: [clean, each]
        uses: runbook
        runbook: tell
        with: {text: "cleaned {{ group }}", times: "{{ keep }}"}
    verify:
      - {uses: local, target: here, run: "test {{ mode }} = gentle"}
    tests:
      - name: two hosts
        alert: {name: GroupDiskFull, labels: {group: web}}
        evidence: {disk: {wait: 90s}}
        outputs: {look: {hosts: [web-1, web-2], leader: "a; rm -rf /", count: 2}}
        params: {group: web, keep: 7, tell.times: 7}
        steps:
          look: {run: inventory --group web, expects: It lists the hosts of web.}
          "clean[1]": {target: web-2, run: "clean --keep=7 --leader 'a; rm -rf /' web-2"}
          "each[0]": {run: "echo /var 90 8 '/var,/tmp'"}
          tell.say: {run: "say 'cleaned web' 7"}
      - name: no group
        alert: {name: GroupDiskFull}
        refused: the alert has no label group
      - name: another alert
        alert: {name: Other}
        matches: false
    """
)

TELL = HEAD + dedent(
    """\
    metadata: {name: tell, title: Say it}
    description: Says it.
    match: {alerts: [Nothing]}
    params:
      text: {from: title}
      times: {type: integer, default: 1}
    steps:
      - {id: say, uses: local, target: here, run: "say {{ text }} {{ times }}", risk: low,
         outputs: {said: {regex: '\\d+', type: integer}}}
      - {id: again, needs: [say], when: 'steps.say.exit_code == 0 && params.times > 1', uses: local,
         target: here, run: "say {{ steps.say.outputs.said }}", risk: low}
    verify: [{uses: local, target: here, run: "true"}]
    """
)


def written(folder: Path, **texts: str) -> Library:
    """The library of a folder with these files."""
    for name, text in texts.items():
        (folder / f"{name}.yaml").write_text(text)
    return load_runbooks(folder)


def whole(folder: Path) -> Runbook:
    """The runbook that uses all of the format."""
    library = written(folder, clean=CLEAN, tell=TELL)
    assert library.problems == (), "\n".join(map(str, library.problems))
    found = library.get("clean-hosts")
    assert found is not None
    return found


#: Every way to act: statements, scripts, calls, waits, questions.
MANY = HEAD + dedent(
    """\
    metadata: {name: drain-queue, title: Drain a queue that grows}
    description: Jobs wait. Users see old data.
    match: {alerts: [QueueGrows]}
    params:
      queue: {from: labels.queue}
      keep: {from: labels.keep, type: integer, default: 5}
    steps:
      - {id: look, uses: sql, target: shop, run: "SELECT id FROM jobs WHERE queue = {{ queue }}",
         gather: true, risk: low, outputs: {ids: {json: "[].id", type: list}}}
      - id: ask
        uses: ask
        action: form
        with:
          question: Which worker may be stopped?
          fields:
            worker: {title: Worker, pattern: '[a-z0-9-]+'}
            all: {type: boolean, default: false}
          from: [on-call]
      - id: stop
        needs: [ask]
        uses: http
        target: workers
        action: POST
        with: {path: "/workers/{{ queue }}/stop", json: {keep: "{{ keep }}"}, expect: {status: 202}}
        check: {action: GET, with: {path: "/workers/{{ queue }}", expect: {contains: off}}}
        rollback: {action: POST, with: {path: "/workers/{{ queue }}/start"}}
        risk: high
      - {id: settle, needs: [stop], uses: wait, action: for, with: {duration: 30s}}
      - id: move
        needs: [settle]
        uses: script
        target: worker-1
        interpreter: python3
        args: ["{{ queue }}", "--keep={{ keep }}"]
        source: |
          import sys
          print("{{ not a template }}", sys.argv)
        rollback: {interpreter: sh, args: ["{{ queue }}"], source: 'echo "$1"'}
      - id: clear
        needs: [look, move]
        foreach: {items: steps.look.outputs.ids, limit: 50}
        uses: sql
        target: shop
        run: DELETE FROM jobs WHERE id = {{ item }}
      - {id: serve, needs: [clear], uses: winrm, target: win-1,
         run: "Restart-Service -Name {{ queue }}", effect: idempotent}
    verify:
      - {uses: sql, target: shop, run: "SELECT count(*) < {{ keep }} FROM jobs"}
      - {uses: http, url: "http://workers.example/{{ queue }}"}
    tests:
      - name: values stand where they should
        alert: {name: QueueGrows, labels: {queue: mail out}}
        outputs: {look: {ids: ["7"]}}
        steps:
          stop:
            check: |
              GET
              path: "/workers/mail%20out"
              expect: {"contains": "off"}
          "clear[0]": {run: "DELETE FROM jobs WHERE id = :p0\\n-- :p0 = \\"7\\""}
          serve: {run: "Restart-Service -Name 'mail out'"}
    """
)
