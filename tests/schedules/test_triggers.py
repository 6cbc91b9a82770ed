"""When triggers are due: patterns, intervals, time zones and the days on which clocks change."""

from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest

from app.errors import Invalid
from app.schedules.specification import load_schedule
from app.schedules.triggers import occurrences
from app.schedules.words import in_words

MADE = datetime(2030, 1, 1, 8, 30, 20, tzinfo=UTC)


def trigger(text):
    return load_schedule(f"name: s\ntrigger: {{{text}}}\ncreate_job: azureml:j").trigger


def due(text, count=3, after=MADE):
    found = islice(occurrences(trigger(text), MADE, after), count)
    return [at.strftime("%m-%d %H:%M") for at in found]


@pytest.mark.parametrize(
    ("text", "expected", "words"),
    [
        ("type: cron, expression: '15 10 * * 1-5'", ["01-01 10:15", "01-02 10:15", "01-03 10:15"],
         "at 10:15 on Monday to Friday"),
        ("type: cron, expression: '*/20 * * * *'", ["01-01 08:40", "01-01 09:00", "01-01 09:20"], "every 20 minutes"),
        ("type: cron, expression: '0 0 13 * fri'", ["09-13 00:00", "12-13 00:00", "06-13 00:00"],
         "at 00:00 on Friday on day 13 of the month"),
        ("type: cron, expression: '0 12 29 feb *'", ["02-29 12:00", "02-29 12:00"],
         "at 12:00 on day 29 of the month in Feb"),
        ("type: recurrence, frequency: minute, interval: 90", ["01-01 08:30", "01-01 10:00", "01-01 11:30"],
         "every 90 minutes"),
        ("type: recurrence, frequency: day, interval: 2, schedule: {hours: [6, 9], minutes: 5}",
         ["01-01 09:05", "01-03 06:05", "01-03 09:05"], "every 2 days at 06:05 and 09:05"),
        ("type: recurrence, frequency: week, interval: 2," 
         "schedule: {hours: 4, minutes: 0, week_days: [Monday, friday]}",
         ["01-04 04:00", "01-14 04:00", "01-18 04:00"], "every 2 weeks on Monday and Friday at 04:00"),
        ("type: recurrence, frequency: month, interval: 1, schedule: {hours: 4, minutes: 0, month_days: [31]}",
         ["01-31 04:00", "03-31 04:00", "05-31 04:00"], "every month on day 31 at 04:00"),
        ("type: recurrence, frequency: day, interval: 1", ["01-01 08:30", "01-02 08:30", "01-03 08:30"], "every day"),
        ("type: cron, expression: '0 9 * * *', time_zone: India Standard Time, start_time: '2030-02-01T00:00:00', "
         "end_time: '2030-02-02T09:00:00'", ["02-01 03:30", "02-02 03:30"], "every day at 09:00"),
    ],
)  # fmt: skip
def test_a_trigger_is_due(text, expected, words):
    found = islice(occurrences(trigger(text), MADE, MADE - timedelta(microseconds=1)), len(expected))
    assert [at.strftime("%m-%d %H:%M") for at in found] == expected
    assert in_words(trigger(text)) == words


def test_clocks_that_change_leave_out_and_repeat_nothing():
    berlin = "time_zone: W. Europe Standard Time, type: cron, expression: "
    spring = datetime(2030, 3, 30, 20, tzinfo=UTC)
    assert due(berlin + "'30 2 * * *'", 2, spring) == ["03-31 01:30", "04-01 00:30"]
    assert due(berlin + "'0 * * * *'", 4, datetime(2030, 3, 31, 0, 30, tzinfo=UTC)) == [
        "03-31 01:00", "03-31 02:00", "03-31 03:00", "03-31 04:00",
    ]  # fmt: skip
    autumn = datetime(2030, 10, 26, 23, tzinfo=UTC)
    assert due(berlin + "'30 2 * * *'", 2, autumn) == ["10-27 00:30", "10-28 01:30"]
    assert due(berlin + "'30 * * * *'", 4, autumn) == ["10-26 23:30", "10-27 00:30", "10-27 01:30", "10-27 02:30"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("type: cron, expression: '0 25 * * *'", "'25' is no hour; it must be from 0 to 23"),
        ("type: cron, expression: '0 9 * *'", "has 4 fields, not 5"),
        ("type: recurrence, frequency: daily, interval: 1", "`trigger.frequency` is 'daily'; did you mean `day`?"),
        ("type: cron, expression: '* * * * *', time_zone: Europe/Berln", "Did you mean 'Europe/Berlin'?"),
        ("type: cron, expression: '* * * * *', start_time: tomorrow", "write it as `2030-01-31T09:00:00`"),
        ("type: recurrence, frequency: hour, interval: 1, schedule: {hours: 1, minutes: 2}", "a frequency of hour"),
    ],
)
def test_what_is_wrong_with_a_trigger_is_said(text, said):
    with pytest.raises(Invalid) as raised:
        trigger(text)
    assert said in raised.value.message and "line 2" in raised.value.message
