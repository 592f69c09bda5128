"""A runbook's checks with an alert's values in them."""

from collections.abc import Mapping

from shared.events import Alert, Check, CommandCheck, HttpCheck, PrometheusCheck, SqlCheck
from shared.runbook.calltexts import template_of
from shared.runbook.languages import language
from shared.runbook.late import located
from shared.runbook.model import (
    CallTemplate,
    CheckTemplate,
    CommandTemplate,
    HttpTemplate,
    PrometheusTemplate,
    SqlTemplate,
)
from shared.runbook.placing import CallOf, Kind
from shared.runbook.runbook import Runbook
from shared.runbook.scope import Scope
from shared.runbook.values import Value


def checks(runbook: Runbook, alert: Alert, params: Mapping[str, Value]) -> tuple[Check, ...]:
    """The checks that tell whether the problem is gone; ``params`` come from ``fill``.

    Raises:
        UnrenderedError: see there.
    """
    scope = Scope(runbook, alert, params)
    return tuple(
        _check(scope, template, f"verify {position}")
        for position, template in enumerate(runbook.content.verify, 1)
    )


def _check(scope: Scope, template: CheckTemplate, at: str) -> Check:
    def text(template: str, kind: Kind | CallOf, name: str) -> str:
        with located(f"{at}, {name}"):
            return scope.text(template, kind)

    match template:
        case HttpTemplate(contains=contains):
            return HttpCheck(
                url=text(template.url, Kind.URL, "url"),
                status=template.status,
                contains=contains and text(contains, Kind.TEXT, "contains"),
                within=template.within,
                hold=template.hold,
            )
        case CommandTemplate():
            return CommandCheck(
                uses=template.uses,
                target=text(template.target, Kind.NAME, "target"),
                run=text(template.run, language(template.uses), "run"),
                exit_code=template.exit_code,
                within=template.within,
                hold=template.hold,
            )
        case CallTemplate(uses=uses, action=action, given=given):
            return CommandCheck(
                uses=uses,
                target=text(template.target, Kind.NAME, "target"),
                run=text(template_of(uses, action, given), language(uses), "with"),
                within=template.within,
                hold=template.hold,
            )
        case SqlTemplate():
            return SqlCheck(
                target=text(template.target, Kind.NAME, "target"),
                run=text(template.run, Kind.SQL, "run"),
                within=template.within,
                hold=template.hold,
            )
        case PrometheusTemplate():
            return PrometheusCheck(
                query=text(template.query, Kind.QUERY, "query"),
                server=template.server,
                within=template.within,
                hold=template.hold,
            )
