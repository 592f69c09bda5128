"""What holds for every source: who fires, who is over, and which problems are the same."""

import pytest
from pydantic import ValidationError

from services.ingest.ticket import variant
from shared.events import AlertStatus


def assert_contract(parse, *, firing, resolved, second, again=(), malformed=()):
    """All but ``parse`` are webhooks: of one problem, of its end, and of another instance.

    ``again`` are further ones of the same problem: sent twice, or with another severity or value.
    """
    (fired,), (over,), (other,) = parse(firing), parse(resolved), parse(second)
    assert (fired.status, over.status) == (AlertStatus.FIRING, AlertStatus.RESOLVED)
    assert other.status is AlertStatus.FIRING
    # By its labels it is found among the alerts that still fire, and taken out of them.
    assert variant(over) == variant(fired)
    same = {alert.fingerprint for webhook in (firing, firing, *again) for alert in parse(webhook)}
    assert same == {fired.fingerprint} == {over.fingerprint}
    assert other.fingerprint != fired.fingerprint
    for webhook in malformed:
        with pytest.raises(ValidationError):
            parse(webhook)
