"""The OpenAPI document as a page for people: plain HTML, without a script."""

import json
import re
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any, Final

_CODE: Final = re.compile("`([^`]+)`")
_STYLE: Final = """
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;
color:#1c2733}
h2{margin-top:2.5rem;text-transform:capitalize}
details{border:1px solid #cfd8e0;border-radius:6px;margin:.5rem 0;padding:.4rem .8rem}
summary{cursor:pointer}
code,pre{font:14px/1.4 ui-monospace,monospace}
pre{background:#f3f6f8;padding:.8rem;overflow:auto;border-radius:4px}
.verb{display:inline-block;min-width:4.5rem;font-weight:700}
.role{float:right;color:#50616f}
table{border-collapse:collapse}td{padding:.15rem 1rem .15rem 0;vertical-align:top}
@media(prefers-color-scheme:dark){body{background:#12181d;color:#dbe4ea}pre{background:#1d262d}
details{border-color:#33424e}.role{color:#9fb0bc}}
"""


def page_of(document: Mapping[str, Any]) -> str:
    """The page."""
    info = document["info"]
    parts = "".join(_parts(document))
    schemas = "".join(_schema(*each) for each in sorted(document["components"]["schemas"].items()))
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{_(info["title"])} API'
        f'</title><meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>'
        f"<body><h1>{_(info['title'])} API</h1><p>{_prose(info['description'])}</p>"
        '<p><a href="/api/openapi.json">The OpenAPI document</a>, for programs.</p>'
        f"{parts}<h2>Models</h2>{schemas}</body></html>"
    )


def _parts(document: Mapping[str, Any]) -> Iterator[str]:
    tag = ""
    for path, operations in document["paths"].items():
        for verb, operation in operations.items():
            if operation["tags"][0] != tag:
                tag = operation["tags"][0]
                yield f"<h2>{_(tag)}</h2>"
            yield _operation(verb, path, operation)


def _operation(verb: str, path: str, operation: Mapping[str, Any]) -> str:
    roles = [
        role for each in operation.get("security", ()) for said in each.values() for role in said
    ]
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    taken = f"<h4>Body</h4>{_json(body['schema'])}" if body else ""
    return (
        f'<details><summary><span class="verb">{_(verb.upper())}</span><code>{_(path)}</code>'
        f'<span class="role">{_(", ".join(roles))}</span></summary>'
        f"<p>{_prose(operation.get('description', ''))}</p>"
        f"{_table('Parameters', _parameters(operation))}{taken}"
        f"{_table('Answers', _answers(operation))}</details>"
    )


def _parameters(operation: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for each in operation.get("parameters", ()):
        yield f"{each['name']} ({each['in']})", each.get("description", "")


def _answers(operation: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for status, answer in sorted(operation["responses"].items()):
        yield status, answer["description"]


def _table(title: str, rows: Iterator[tuple[str, str]]) -> str:
    shown = "".join(
        f"<tr><td><code>{_(name)}</code></td><td>{_prose(told)}</td></tr>" for name, told in rows
    )
    return f"<h4>{title}</h4><table>{shown}</table>" if shown else ""


def _schema(name: str, schema: Mapping[str, Any]) -> str:
    return f"<details><summary><code>{_(name)}</code></summary>{_json(schema)}</details>"


def _json(value: Any) -> str:
    return f"<pre>{_(json.dumps(value, indent=2, ensure_ascii=False))}</pre>"


def _prose(text: str) -> str:
    """Text in which backticks stand around what a program reads."""
    return _CODE.sub(r"<code>\1</code>", _(text))


def _(text: object) -> str:
    return escape(str(text))
