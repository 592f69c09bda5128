"""Values of strangers: what has broken out of commands, queries and documents somewhere."""

from typing import Final

from tests.runbook.test_quoting import HOSTILE as SHELL

MORE: Final = [
    # shells
    "$'\\x41'",
    "a'$(touch pwned)'b",
    'a"$(touch pwned)"b',
    "\\$(touch pwned)",
    "'\\''; touch pwned; '\\''",
    "EOF",
    "$(<pwned)",
    "${IFS}touch${IFS}pwned",
    "a\\",
    "${x:=pwned}",
    "~+/pwned",
    "@(a|b)",
    "=ls",
    "^a^b",
    "|& touch pwned",
    # awk, sed, xargs, printf
    "%d%n",
    'BEGIN{system("touch pwned")}',
    "s/a/b/e",
    "a/e;w pwned",
    "&\\1",
    "{}",
    # python and others
    "');__import__('os').system('touch pwned')#",
    '"""+open("pwned","w").write("")+"""',
    "#{`touch pwned`}",
    "{{7*7}}",
    "{% include 'x' %}",
    "{{ ''.__class__.__mro__ }}",
    "{# no comment #}",
    # SQL
    "'; DROP TABLE t; --",
    "' OR '1'='1",
    "x'||(SELECT 1)||'",
    "$$; DROP TABLE t; $$",
    "/* x */",
    "*/; DROP TABLE t; /*",
    ":p0",
    "?",
    "\\'; DROP TABLE t; #",
    # PromQL, JSON, URLs, HCL
    '"} or vector(1) #',
    '"}[5m])',
    '","admin":true,"x":"',
    "\\u0022",
    "../../../admin?x=1#y",
    "http://evil/",
    "a@evil:80",
    "%2e%2e%2f",
    "%252e",
    '${file("/etc/passwd")}',
    "%{ if true }x%{ endif }",
    "$${x}",
    '"}\\nresource "x" "y" {',
]

HOSTILE: Final = (*SHELL, *MORE)
