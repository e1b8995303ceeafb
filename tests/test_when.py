"""Words of time become the intervals a careful reader would write down."""

import itertools
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clew.errors import UsageError
from clew.operators.times.when import Interval, intervals, overlap

HERE = timezone(timedelta(hours=2))
NOW = datetime(2023, 5, 24, 15, 0, tzinfo=HERE)  # a Wednesday afternoon

# The text, then each expected interval as "start end grain"; "now" is NOW, "-" the open end of the calendar.
TABLE = [
    # absolute dates
    ("We met on May 7, 2023.", "2023-05-07 2023-05-08 day"),
    ("May 7 2023", "2023-05-07 2023-05-08 day"),
    ("on 7 May", "2023-05-07 2023-05-08 day"),
    ("7th May 2022", "2022-05-07 2022-05-08 day"),
    ("the 7th of May", "2023-05-07 2023-05-08 day"),
    ("the second of May, 2021", "2021-05-02 2021-05-03 day"),
    ("Sept. 5, 2021", "2021-09-05 2021-09-06 day"),
    ("due 2023-05-07", "2023-05-07 2023-05-08 day"),
    ("05/07/2023", "2023-05-07 2023-05-08 day"),
    ("25/07/2023", "2023-07-25 2023-07-26 day"),
    ("07.05.2023", "2023-05-07 2023-05-08 day"),
    ("2023-05", "2023-05-01 2023-06-01 month"),
    ("in May 2023", "2023-05-01 2023-06-01 month"),
    ("May of 2021", "2021-05-01 2021-06-01 month"),
    ("in 2023", "2023-01-01 2024-01-01 year"),
    ("in 1776", "1776-01-01 1777-01-01 year"),
    ("in the 90s", "1990-01-01 2000-01-01 decade"),
    ("the 1980s", "1980-01-01 1990-01-01 decade"),
    ("the nineties", "1990-01-01 2000-01-01 decade"),
    ("Q3 2024", "2024-07-01 2024-10-01 quarter"),
    ("summer 2022", "2022-06-01 2022-09-01 season"),
    ("the summer of '22", "2022-06-01 2022-09-01 season"),
    ("winter 2022", "2022-12-01 2023-03-01 season"),
    ("Friday, May 5, 2023", "2023-05-05 2023-05-06 day"),
    ("Sat, 6 May 2023", "2023-05-06 2023-05-07 day"),
    ("February 29", "2020-02-29 2020-03-01 day"),
    # instants and clock times
    ("2023-05-07T15:30:00Z", "2023-05-07T17:30:00 2023-05-07T17:30:01 second"),
    ("2023-05-07 15:30", "2023-05-07T15:30 2023-05-07T15:31 minute"),
    ("2023-05-07T15:30+05:30", "2023-05-07T12:00 2023-05-07T12:01 minute"),
    ("at 3 pm", "2023-05-24T15:00 2023-05-24T16:00 hour"),
    ("at 12 a.m.", "2023-05-24T00:00 2023-05-24T01:00 hour"),
    ("15:30Z", "2023-05-24T17:30 2023-05-24T17:31 minute"),
    ("03:19:30", "2023-05-24T03:19:30 2023-05-24T03:19:31 second"),
    ("yesterday at noon", "2023-05-23T12:00 2023-05-23T12:01 minute"),
    ("1:56 pm on 8 May, 2023", "2023-05-08T13:56 2023-05-08T13:57 minute"),
    ("tomorrow at 3:30pm", "2023-05-25T15:30 2023-05-25T15:31 minute"),
    ("from 9 to 11 am", "2023-05-24T09:00 2023-05-24T11:00 range"),
    ("Friday 11am-1pm", "2023-05-19T11:00 2023-05-19T13:00 range"),
    # relative to the day
    ("today", "2023-05-24 2023-05-25 day"),
    ("yesterday", "2023-05-23 2023-05-24 day"),
    ("tomorrow's plan", "2023-05-25 2023-05-26 day"),
    ("tonight", "2023-05-24T18:00 2023-05-25T06:00 hour"),
    ("last night", "2023-05-23T18:00 2023-05-24T06:00 hour"),
    ("this morning", "2023-05-24T05:00 2023-05-24T12:00 hour"),
    ("yesterday evening", "2023-05-23T17:00 2023-05-23T23:00 hour"),
    ("Friday night", "2023-05-19T18:00 2023-05-20T06:00 hour"),
    ("the day before yesterday", "2023-05-22 2023-05-23 day"),
    ("the day after tomorrow", "2023-05-26 2023-05-27 day"),
    # last, this, next
    ("last week", "2023-05-15 2023-05-22 week"),
    ("this week", "2023-05-22 2023-05-29 week"),
    ("next month", "2023-06-01 2023-07-01 month"),
    ("last year's trip", "2022-01-01 2023-01-01 year"),
    ("last quarter", "2023-01-01 2023-04-01 quarter"),
    ("last weekend", "2023-05-20 2023-05-22 weekend"),
    ("this past weekend", "2023-05-20 2023-05-22 weekend"),
    ("this coming weekend", "2023-05-27 2023-05-29 weekend"),
    ("last Monday", "2023-05-22 2023-05-23 day"),
    ("last Wednesday", "2023-05-17 2023-05-18 day"),
    ("this Friday", "2023-05-26 2023-05-27 day"),
    ("next Monday", "2023-05-29 2023-05-30 day"),
    ("the week before last", "2023-05-08 2023-05-15 week"),
    ("the weekend before last", "2023-05-13 2023-05-15 weekend"),
    ("last summer", "2022-06-01 2022-09-01 season"),
    ("this spring", "2023-03-01 2023-06-01 season"),
    ("last May", "2022-05-01 2022-06-01 month"),
    ("next June", "2023-06-01 2023-07-01 month"),
    ("Friday of last week", "2023-05-19 2023-05-20 day"),
    ("August last year", "2022-08-01 2022-09-01 month"),
    # so many units off
    ("two days ago", "2023-05-22 2023-05-23 day"),
    ("two weeks ago", "2023-05-07 2023-05-14 week"),
    ("three months ago", "2023-02-01 2023-03-01 month"),
    ("10 years ago", "2013-01-01 2014-01-01 year"),
    ("a year and a half ago", "2021-11-01 2021-12-01 month"),
    ("an hour ago", "2023-05-24T13:30 2023-05-24T14:30 hour"),
    ("half an hour ago", "2023-05-24T14:29:30 2023-05-24T14:30:30 minute"),
    ("a few days ago", "2023-05-19 2023-05-23 range"),
    ("a couple of months ago", "2023-02-01 2023-04-01 range"),
    ("in three days", "2023-05-27 2023-05-28 day"),
    ("in a week and a half", "2023-06-03 2023-06-04 day"),
    ("two weeks from now", "2023-06-04 2023-06-11 week"),
    # feasts
    ("last Christmas", "2022-12-25 2022-12-26 day"),
    ("New Year's Eve", "2022-12-31 2023-01-01 day"),
    ("Halloween 2021", "2021-10-31 2021-11-01 day"),
    ("Thanksgiving", "2022-11-24 2022-11-25 day"),
    ("Valentine\u2019s Day", "2023-02-14 2023-02-15 day"),
    ("Easter", "2023-04-09 2023-04-10 day"),
    ("Easter 2019", "2019-04-21 2019-04-22 day"),
    ("Good Friday 2024", "2024-03-29 2024-03-30 day"),
    ("next Independence Day", "2023-07-04 2023-07-05 day"),
    # stretches
    ("since March", "2023-03-01 now range"),
    ("until Friday", "now 2023-05-27 range"),
    ("we lived there until March", "- 2023-04-01 range"),
    ("before June 2023", "- 2023-06-01 range"),
    ("after 2020", "2021-01-01 - range"),
    ("between May and July", "2022-05-01 2022-08-01 range"),
    ("between May and July 2021", "2021-05-01 2021-08-01 range"),
    ("from 3 to 5 May", "2023-05-03 2023-05-06 range"),
    ("October 19 to 24, 2022", "2022-10-19 2022-10-25 range"),
    ("between 5 August and 8 August 2019", "2019-08-05 2019-08-09 range"),
    ("2019-2021", "2019-01-01 2022-01-01 range"),
    ("from Monday to Friday", "2023-05-15 2023-05-20 range"),
    ("from 2019 to now", "2019-01-01 now range"),
    ("for the past two weeks", "2023-05-10T15:00 now range"),
    ("the last three months", "2023-02-24T15:00 now range"),
    ("the past month", "2023-04-24T15:00 now range"),
    ("the next ten days", "now 2023-06-03T15:00 range"),
    ("recently", "2023-04-24T15:00 now range"),
    ("the other day", "2023-05-17T15:00 now range"),
    ("earlier today", "2023-05-24 now range"),
    ("early May 2023", "2023-05-01 2023-05-11 range"),
    ("by the end of next month", "now 2023-07-01 range"),
    ("the first half of 2022", "2022-01-01 2022-07-01 range"),
    # made out of another time
    ("the first week of June 2022", "2022-06-01 2022-06-08 week"),
    ("the last week of August", "2022-08-25 2022-09-01 week"),
    ("the first Monday of June 2022", "2022-06-06 2022-06-07 day"),
    ("the week of 23 August 2023", "2023-08-21 2023-08-28 week"),
    ("the week before 9 June 2022", "2022-06-02 2022-06-09 week"),
    ("the Friday before 15 July 2023", "2023-07-14 2023-07-15 day"),
    ("two weekends before 17 July 2023", "2023-07-08 2023-07-10 weekend"),
    ("two days after Christmas", "2022-12-27 2022-12-28 day"),
    # the tense of the sentence
    ("I talked to her on Friday.", "2023-05-19 2023-05-20 day"),
    ("I will talk to her on Friday.", "2023-05-26 2023-05-27 day"),
    ("I'm going to move in August.", "2023-08-01 2023-09-01 month"),
    ("We moved in August. She will call.", "2022-08-01 2022-09-01 month"),
    # several in one text
    ("yesterday and last week", "2023-05-23 2023-05-24 day", "2023-05-15 2023-05-22 week"),
    ("In June 2021 it rained; in 2022 it did not", "2021-06-01 2021-07-01 month", "2022-01-01 2023-01-01 year"),
    # not times
    ("you may go and we march on"),
    ("I sat down in the sun for a second"),
    ("May I ask? March! I fall every spring."),
    ("The camera cost $2000 and 2023 people came"),
    ("Every Friday we meet"),
    ("three years of practice, 24 hours a day"),
    ("three days later he left"),
    ("call 555-2023 or see page 7/12"),
    ("I finished the book in two weeks"),
    ("in a second, give me a minute"),
    # Chinese
    ("昨天", "2023-05-23 2023-05-24 day"),
    ("我明天去", "2023-05-25 2023-05-26 day"),
    ("上周", "2023-05-15 2023-05-22 week"),
    ("上周五", "2023-05-19 2023-05-20 day"),
    ("去年", "2022-01-01 2023-01-01 year"),
    ("3月5日", "2023-03-05 2023-03-06 day"),
    ("2023年5月", "2023-05-01 2023-06-01 month"),
    ("两个月前", "2023-03-01 2023-04-01 month"),
]  # fmt: skip


def _moment(word: str, *, end: bool) -> datetime:
    if word == "now":
        return NOW
    if word == "-":
        return datetime(9980 if end else 11, 1, 1, tzinfo=HERE)
    return datetime.fromisoformat(word).replace(tzinfo=HERE)


@pytest.mark.parametrize("case", TABLE, ids=lambda c: c if isinstance(c, str) else c[0])
def test_words_of_time_are_the_expected_interval(case):
    text, *expected = (case,) if isinstance(case, str) else case
    wanted = [(_moment(a, end=False), _moment(b, end=True), grain) for a, b, grain in (e.split() for e in expected)]
    assert [(i.start, i.end, i.grain) for i in intervals(text, NOW)] == wanted


def test_the_span_leaves_out_a_leading_on_and_takes_in_since():
    assert [i.text for i in intervals("We met on May 7, 2023, and since March I paint.", NOW)] == ["May 7, 2023", "since March"]


def test_places_are_code_points_after_letters_that_grow_when_lowered():
    (one,) = intervals("İİ 😀 yesterday", NOW)
    assert one.span == (5, 14) and one.text == "yesterday"


def test_local_time_is_the_offset_of_the_speaker():
    late = datetime(2023, 5, 24, 23, 30, tzinfo=timezone(timedelta(hours=-8)))
    (one,) = intervals("today", late)
    assert one.start == datetime(2023, 5, 24, 8, tzinfo=UTC)


def test_a_naive_moment_is_refused_and_the_error_says_what_would_be_right():
    with pytest.raises(UsageError, match=r"must carry an offset.*\+00:00"):
        intervals("yesterday", datetime(2023, 5, 24))


def test_overlap_is_the_share_of_the_event_inside_the_question():
    (month,), (day,) = intervals("in May 2023", NOW), intervals("7 May 2023", NOW)
    assert overlap(day, month) == 1.0
    assert overlap(month, day) == pytest.approx(1 / 31)
    assert overlap(NOW, month) == 1.0 and overlap(NOW, day) == 0.0
    assert overlap(day, intervals("yesterday", NOW)[0]) == 0.0


_VOCABULARY = (
    "the last next this past two 3 a few couple of weeks days month year years ago before after since until by between "
    "and from to in on at early late end of first May march Friday Sat Christmas summer 2023 '99 90s 7th 15:30 3pm Z noon "
    "night yesterday tomorrow week weekend - – , . 2023-02-30 31/02/2023 99/99/99 9999 decades 0 Q4 Easter half an hour "
    "will was now 上周 二十年前 2月30日 几天"
)
_TEXT = st.one_of(st.text(), st.lists(st.sampled_from(_VOCABULARY.split()), max_size=12).map(" ".join))
_AT = st.datetimes(timezones=st.sampled_from([UTC, HERE, timezone(timedelta(hours=-11, minutes=-30))]))


@given(_TEXT, _AT)
def test_any_text_at_any_time_gives_well_formed_intervals(text, at):
    found = intervals(text, at)
    assert all(isinstance(i, Interval) and i.start < i.end for i in found)
    assert all(i.start.utcoffset() == at.utcoffset() == i.end.utcoffset() for i in found)
    assert all(0 <= i.span[0] < i.span[1] <= len(text) and text[i.span[0] : i.span[1]] == i.text for i in found)
    assert [i.span for i in found] == sorted(i.span for i in found)
    assert all(a.span[1] <= b.span[0] for a, b in itertools.pairwise(found))


@given(st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2100, 1, 1)), st.integers(-1000, 1000))
def test_shifting_the_moment_by_days_shifts_yesterday_equally(at, days):
    at = at.replace(tzinfo=HERE)
    (here,), (there,) = intervals("yesterday", at), intervals("yesterday", at + timedelta(days=days))
    assert there.start - here.start == there.end - here.end == timedelta(days=days)
