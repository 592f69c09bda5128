"""A runbook's steps as a graph: for a terminal, for Mermaid, for Graphviz."""

import json
from collections.abc import Iterator, Sequence

from shared.events import Join
from shared.runbook.expressions import expression_of
from shared.runbook.steps import AnyStep, CallStep, IncludeTemplate, PlaceStep, StepTemplate


def as_text(steps: Sequence[AnyStep]) -> str:
    """A tree in plain ASCII; each step stands under the last of those that it needs."""
    lines: list[str] = []
    for step in steps:
        if not step.needs:
            _branch(steps, step, "", lines)
    return "\n".join(lines)


def as_mermaid(steps: Sequence[AnyStep]) -> str:
    """A flowchart (https://mermaid.js.org/syntax/flowchart.html); dotted joins take the first."""
    number = {step.id: index for index, step in enumerate(steps)}
    lines = ["flowchart TD"]
    for step in steps:
        opened, closed = ("[[", "]]") if isinstance(step, IncludeTemplate) else ("[", "]")
        if _items(step):
            opened, closed = "{{", "}}"
        text = "<br/>".join(_escaped(line) for line in (step.id, *_facts(step)))
        lines.append(f'  s{number[step.id]}{opened}"{text}"{closed}')
    for step in steps:
        arrow = "-.->" if step.join is Join.FIRST else "-->"
        lines += [f"  s{number[need]} {arrow} s{number[step.id]}" for need in step.needs]
        if step.goto in number:
            lines.append(f"  s{number[step.id]} -- fails --> s{number[step.goto]}")
    return "\n".join(lines)


def as_dot(steps: Sequence[AnyStep]) -> str:
    """A digraph (https://graphviz.org/doc/info/lang.html)."""
    lines = ["digraph runbook {", "  node [shape=box];"]
    for step in steps:
        label = json.dumps("\n".join((step.id, *_facts(step))), ensure_ascii=False)
        lines.append(f"  {json.dumps(step.id)} [label={label}];")
    for step in steps:
        style = " [style=dashed]" if step.join is Join.FIRST else ""
        lines += [f"  {json.dumps(need)} -> {json.dumps(step.id)}{style};" for need in step.needs]
        if step.goto is not None:
            ends = f"{json.dumps(step.id)} -> {json.dumps(step.goto)}"
            lines.append(f"  {ends} [label=fails, color=red];")
    return "\n".join((*lines, "}"))


def _branch(steps: Sequence[AnyStep], step: AnyStep, indent: str, lines: list[str]) -> None:
    others = step.needs[:-1]
    join = "or first" if step.join is Join.FIRST else "also after"
    also = f" ({join} {', '.join(others)})" if others else ""
    facts = "".join(f"  [{fact}]" for fact in _facts(step))
    lead = f"{indent[:-3]}`- " if indent else ""
    lines.append(f"{lead}{step.id}{also}{facts}")
    for below in steps:
        if below.needs and below.needs[-1] == step.id:
            _branch(steps, below, f"{indent}   ", lines)


def _facts(step: AnyStep) -> Iterator[str]:
    if isinstance(step, IncludeTemplate):
        yield f"runbook {step.runbook}"
    else:
        yield f"{_doing(step)}, {step.risk} risk"
        if step.gather:
            yield "gathers"
    if items := _items(step):
        yield f"for each of {items}"
    if step.when:
        yield f"when {step.when}"
    if step.goto:
        yield f"if it fails: {step.goto}"


def _doing(step: StepTemplate) -> str:
    return f"{step.uses} {step.action}" if isinstance(step, CallStep | PlaceStep) else step.uses


def _items(step: AnyStep) -> str:
    if step.foreach is None:
        return ""
    items = step.foreach.items
    return expression_of(items) if isinstance(items, str) else f"{len(items)} items"


def _escaped(text: str) -> str:
    """As Mermaid wants what could end its quotes or begin a tag."""
    return "".join(f"#{ord(char)};" if char in '"<>&#;`' else char for char in text)
