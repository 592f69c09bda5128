"""Templates: what they may say, and what they may not."""

import pytest

from shared.runbook.placing import Kind, prepared
from shared.runbook.template import Named, ValueMissingError, cut

VALUES = {"v": "shop", "labels": Named("label", {"items": "books", "a-b": "dash"})}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("echo {{ v }}", "echo shop"),
        ("echo {{ labels.items }}", "echo books"),
        ('echo {{ labels["a-b"] }}', "echo dash"),
        ("echo {{ v | upper }}", "echo SHOP"),
        ("echo {{ labels.none | default('x y') }}", "echo 'x y'"),
        ("echo {{ v ~ ' ' ~ v }}", "echo 'shop shop'"),
        ("echo {{ v | length }}", "echo 4"),
        ("echo {# not shown #}done", "echo done"),
        ("{% raw %}echo {{.X}}{% endraw %}", "echo {{.X}}"),
    ],
)
def test_an_expression_becomes_one_quoted_word(template, text):
    assert prepared(template, Kind.COMMAND).render(VALUES) == text


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("echo {{ labels.none }}", "the alert has no label none"),
        ("echo {{ absent }}", "'absent' is undefined"),
        ("echo {{ labels }}", "is no text"),
        ("echo {{ labels.items.x }}", "no attribute 'x'"),
        ("echo {{ v.__class__ }}", "is no text|unsafe|no attribute"),
        ("echo {{ 1 / 0 }}", "fails"),
        ("echo {{ v == 'shop' }}", "is no text"),
    ],
)
def test_an_expression_without_a_text_is_an_error(template, reason):
    with pytest.raises(ValueMissingError, match=reason):
        prepared(template, Kind.COMMAND).render(VALUES)


@pytest.mark.parametrize(
    ("template", "offset", "reason"),
    [
        ("echo {% if v %}x{% endif %}", 5, "statements"),
        ("{% for x in v %}x{% endfor %}", 0, "statements"),
        ("echo {{- v }}", 4, "whitespace control"),
        ("echo {{ v -}} x", 10, "whitespace control"),
        ("echo {{ v", 5, "has no }}"),
        ("echo {{ v v }}", 5, "no expression"),
        ("echo {{ .State }}", 5, "{% raw %}"),
        ("one\necho ${#x}", 4, "comment"),
        ("echo\r\n", 4, "carriage return"),
    ],
)
def test_a_template_that_cannot_be_judged_is_refused(template, offset, reason):
    (mistake,) = cut(template).mistakes
    assert reason in mistake.message
    assert mistake.offset == offset


def test_nothing_but_the_given_names_is_known():
    names = [name for part in cut("{{ range(3) }} {{ v }}").placeholders for name, _ in part.names]
    assert names == ["range", "v"]
