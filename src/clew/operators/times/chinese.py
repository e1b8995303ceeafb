"""The commonest words of time in Chinese, where no spaces show where a word begins: 昨天, 上周五, 去年5月, 3月5日, 两周前."""

import re

from clew.operators.times import calendar as words
from clew.operators.times.calendar import DAY
from clew.operators.times.grammar import Found, Scene

_DAYS = {"大前天": -3, "前天": -2, "昨天": -1, "昨日": -1, "今天": 0, "今日": 0, "明天": 1, "明日": 1, "后天": 2, "大后天": 3}
_NIGHTS = {"昨晚": -1, "今晚": 0, "明晚": 1}
_YEARS = {"前年": -2, "去年": -1, "今年": 0, "明年": 1, "后年": 2}
_WAY = {"上上": -2, "上": -1, "这": 0, "本": 0, "下": 1, "下下": 2}
_UNITS = {
    "天": "day",
    "日": "day",
    "周": "week",
    "星期": "week",
    "礼拜": "week",
    "月": "month",
    "年": "year",
    "小时": "hour",
    "分钟": "minute",
}
_DIGITS = {c: n for n, c in enumerate("零一二三四五六七八九十")} | {"两": 2, "半": 0}
_WEEK = "周|星期|礼拜"
_NUMBER = r"[0-9]{1,4}|[一二两三四五六七八九十]{1,3}|几"
_PATTERN = re.compile(
    rf"(?P<near>{'|'.join(sorted((*_DAYS, *_NIGHTS), key=len, reverse=True))})"
    rf"|(?:(?P<year>[12][0-9]{{3}})年|(?P<thatyear>{'|'.join(_YEARS)}))(?:(?P<ymonth>1[0-2]|0?[1-9])月(?:份|(?P<yday>[0-3]?[0-9])[日号])?)?"
    r"|(?P<month>1[0-2]|0?[1-9])月(?:份|(?P<day>[0-3]?[0-9])[日号])"
    rf"|(?P<way>上上|下下|上|这|本|下)个?(?:(?:{_WEEK})(?P<weekday>[一二三四五六日天])|(?P<unit>周末|{_WEEK}|月|年))"
    rf"|(?:周|星期|礼拜)(?P<alone>[一二三四五六日天])"
    rf"|(?P<count>{_NUMBER})个?(?P<counted>{'|'.join(_UNITS)})(?P<side>以?前|以?后)"
    r"|(?P<recent>最近)"
)


def _number(text: str) -> tuple[int, int]:
    if text == "几":
        return words.VAGUE["few"]
    if text.isascii():
        return int(text), int(text)
    tens, ten, ones = text.partition("十")
    n = (_DIGITS.get(tens, 1) * 10 + _DIGITS.get(ones, 0)) if ten else _DIGITS.get(text, 1)
    return n, n


def _weekday(character: str) -> int:
    return min("一二三四五六日天".index(character), 6)


def phrases(scene: Scene) -> list[Found]:
    """The Chinese phrases of a text, in order."""
    return [f for m in _PATTERN.finditer(scene.low) if (f := _meant(m, scene))]


def _meant(m: re.Match[str], scene: Scene) -> Found | None:
    now, today = scene.now, words.floor(scene.now, "day")
    i, j = m.span()
    if name := m["near"]:
        if name in _NIGHTS:
            return Found(i, j, "hour", words.about(today + _NIGHTS[name] * DAY, "night"))
        start = today + _DAYS[name] * DAY
        return Found(i, j, "day", (start, start + DAY))
    if m["year"] or m["thatyear"]:
        year = int(m["year"]) if m["year"] else now.year + _YEARS[m["thatyear"]]
        if m["yday"]:
            return Found(i, j, "day", words.on(year, int(m["ymonth"]), int(m["yday"])))
        unit = "month" if m["ymonth"] else "year"
        return Found(i, j, unit, words.whole(now.replace(year=year, month=int(m["ymonth"] or 1), day=1), unit))
    if m["month"]:
        month = int(m["month"])
        cycle = words.dated(month, int(m["day"])) if m["day"] else words.monthly(month)
        return Found(i, j, cycle.grain, cycle=cycle)
    if m["way"]:
        n = _WAY[m["way"]]
        if m["weekday"]:
            start = words.shift(words.floor(now, "week"), "week", n) + _weekday(m["weekday"]) * DAY
            return Found(i, j, "day", (start, start + DAY))
        unit = "weekend" if m["unit"] == "周末" else _UNITS[m["unit"]]
        return Found(i, j, unit, words.whole(words.shift(now, unit, n), unit))
    if m["alone"]:
        cycle = words.weekly(_weekday(m["alone"]))
        return Found(i, j, "day", cycle=cycle)
    if m["recent"]:
        return Found(i, j, "range", (now - 30 * DAY, now))
    least, most = _number(m["count"])
    unit, sign = _UNITS[m["counted"]], -1 if m["side"].endswith("前") else 1
    return Found(i, j, unit if least == most else "range", words.away(now, unit, least, most, sign))
