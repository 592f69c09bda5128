"""Recurrence rules: which are well-formed."""

import pytest

from shared.rrules import rrule_of


@pytest.mark.parametrize(
    "written",
    [
        "FREQ=WEEKLY;BYDAY=SU",
        "RRULE:FREQ=WEEKLY;BYDAY=SU",
        "freq=monthly;byday=-1su",
        "FREQ=DAILY;",
        "FREQ=MONTHLY;BYDAY=1MO,-1FR;BYHOUR=2;BYMINUTE=0,30",
        "FREQ=YEARLY;BYWEEKNO=1,-1;BYDAY=MO;WKST=SU",
        "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
        "FREQ=DAILY;UNTIL=20261231",
        "FREQ=DAILY;UNTIL=20261231T230000Z",
        "FREQ=HOURLY;INTERVAL=6;COUNT=10",
    ],
)
def test_a_rule_is_read(written):
    assert rrule_of(written).frequency in written.upper()


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("", "'' is no part of a rule"),
        ("every sunday", "'EVERY SUNDAY' is no part of a rule"),
        ("BYDAY=SU", "FREQ is one of HOURLY, DAILY, WEEKLY, MONTHLY, YEARLY"),
        ("FREQ=MINUTELY", "say BYMINUTE with HOURLY"),
        ("FREQ=DAILY;BYDAY", "'BYDAY' is no part"),
        ("FREQ=DAILY;FREQ=WEEKLY", "FREQ is there twice"),
        ("FREQ=WEEKLY;BYDAY=SO", "'SO' is no weekday"),
        ("FREQ=WEEKLY;BYDAY=1SU", "goes with MONTHLY and YEARLY"),
        ("FREQ=MONTHLY;BYDAY=0SU", "is not 0"),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL=0: a number from 1"),
        ("FREQ=DAILY;INTERVAL=1,2", "INTERVAL is one number"),
        ("FREQ=DAILY;COUNT=1000000", "COUNT=1000000: a number from 1 to 10000"),
        ("FREQ=DAILY;BYHOUR=24", "BYHOUR=24: a number from 0 to 23"),
        ("FREQ=MONTHLY;BYMONTHDAY=0", "BYMONTHDAY=0: a number from -31 to 31, and not 0"),
        ("FREQ=WEEKLY;BYMONTHDAY=1", "BYMONTHDAY does not go with FREQ=WEEKLY"),
        ("FREQ=MONTHLY;BYWEEKNO=1", "BYWEEKNO does not go with FREQ=MONTHLY"),
        ("FREQ=DAILY;UNTIL=tomorrow", "write it as 20261231T230000Z"),
        ("FREQ=WEEKLY;WKST=1MO", "write it as MO"),
        ("FREQ=DAILY;UNTIL=20261231;COUNT=3", "of COUNT and UNTIL there may be one"),
        ("FREQ=MONTHLY;BYSETPOS=1", "BYSETPOS chooses among what another"),
        ("FREQ=DAILY;BYEASTER=1", "a rule has no part BYEASTER"),
        ("FREQ=DAILY\nEXDATE:20261224", "no weekday|is no part|FREQ is one of"),
    ],
)
def test_what_is_no_rule_is_refused_with_its_part(written, told):
    with pytest.raises(ValueError, match=told if "|" in told else None) as refused:
        rrule_of(written)
    assert "|" in told or told in str(refused.value)
