"""Where someone is: street addresses in a few countries' manners, post boxes, postcodes, coordinates."""

import re

from clew.privacy.spans import Rule

A, Z = r"(?<![A-Za-z0-9_])", r"(?![A-Za-z0-9_])"
PLAIN = r"street|avenue|boulevard|road|lane|drive|court|crescent|parkway|ave|blvd|rd|st"
SUFFIX = (
    rf"{PLAIN}|place|square|terrace|highway|circle|trail|gardens|grove|mews|close|row|walk|hill|way|alley|loop|path|quay|rise|view|"
    r"ln|dr|ct|pl|sq|ter|cres|hwy|pkwy|cir|trl"
)
UNIT = r"(?i:,?\s*(?:#\s?|(?:apt|apartment|suite|ste|unit|flat|floor|room|fl)\.?\s?#?\s?)[\w-]{1,6})"
DOT = r"(?:\.(?=,|\s+[a-z#\d]))?"  # of an abbreviation, not of the sentence
STATE = r"A[KLRZ]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|PA|RI|S[CD]|T[NX]|UT|V[AT]|W[AIVY]"
POSTCODE = r"(?:[A-Z]{1,2}\d[A-Z\d]?\s?\d[ABD-HJLNP-UW-Z]{2}|[ABCEGHJ-NPRSTVXY]\d[A-Z]\s\d[A-Z]\d)"
CITY = r"[A-Z][^\W\d_'.-]{1,30}(?:\s[A-Z][^\W\d_'.-]{1,30}){0,2}"
TOWN = rf"(?:(?:,\s*{CITY})?,?\s*(?:(?:{STATE})\s+\d{{5}}(?:-\d{{4}})?|{POSTCODE}){Z})?"
NOT_STREETS = {
    "the", "a", "an", "of", "this", "that", "miles", "mile", "km", "kilometers", "blocks", "block", "minutes", "minute", "hours", "days",
    "day", "years", "year", "weeks", "people", "cars", "down", "up", "on", "off", "in", "at", "to", "from", "and", "more", "other", "feet",
    "meters", "metres", "new", "different", "my", "our", "his", "her", "their", "percent", "per", "lanes", "times", "am", "pm", "or", "by",
}  # fmt: skip
"""Words that stand between a number and *road* in a sentence, and in no street's name."""
LATIN = r"[A-ZÀ-Ý][\w'’-]{0,30}"
GERMAN = (
    rf"{A}(?:[A-ZÄÖÜ][\wäöüß.-]{{0,30}}[ -])?[A-ZÄÖÜ]?[\wäöüß-]{{0,30}}(?:straße|strasse|str\.|gasse|allee|platz|damm|ufer|weg)\s+\d{{1,4}}\s?[a-z]?{Z}"
    r"(?:,?\s+(?:D-)?\d{5}\s+[A-ZÄÖÜ][\wäöüß-]+)?"
)
FRENCH = (
    rf"{A}\d{{1,4}}(?:\s?(?:bis|ter))?,?\s+(?:[Rr]ue|[Aa]venue|[Bb]oulevard|[Bb]d|[Pp]lace|[Aa]llée|[Ii]mpasse|[Cc]hemin|[Qq]uai|[Cc]ours)\s+"
    rf"(?:(?:de\s+la|de|du|des|la|le|les|d['’]|l['’])\s*){{0,2}}{LATIN}(?:\s+{LATIN}){{0,3}}(?:,?\s+\d{{5}}\s+{LATIN})?"
)
ROMANCE = (
    rf"{A}(?:Calle|Avenida|Avda?\.|Paseo|Plaza|Carrer|Via|Viale|Piazza|Corso|Rua|Travessa|Largo)\s+"
    rf"(?:(?:de|del|della|delle|dei|la|las|los|do|da|dos|das)\s+){{0,2}}{LATIN}"
    rf"(?:\s+(?:(?:de|del|la|los|da|do)\s+)?{LATIN}){{0,3}},?\s+(?:nº\s?|n\.\s?)?\d{{1,4}}{Z}"
)
CHINESE = r"[\u4e00-\u9fff]{2,12}(?:路|街|道|巷|大街|胡同)\d{1,5}号(?:[\u4e00-\u9fff0-9]{1,12}(?:室|楼|单元|栋))?"


def _street(match: re.Match[str]) -> bool:
    return not any(word in NOT_STREETS for word in re.findall(r"[^\W\d_]+", match["name"].casefold()))


def _small(match: re.Match[str]) -> bool:
    """Written small, a street is one after a word that says so, or with a house number of three digits and more."""
    before = match.string[max(0, match.start() - 40) : match.start()].casefold()
    said = re.search(r"\b(?:address|live|lives|living|at|to|house|home|deliver|ship|send)\b", before)
    return _street(match) and (len(match["no"]) > 2 or bool(said))


PLACES = (
    Rule(
        "ADDRESS",
        r"(?<![A-Za-z0-9_.$€£-])\d{1,6}[A-Za-z]?(?:[-/]\d{1,4})?,?\s+"
        r"(?P<name>(?:[NSEW]\.?\s|North |South |East |West )?(?:[A-Z0-9][\w'’.-]{0,30}\s+){1,4}?)"
        rf"(?i:(?:{SUFFIX})\b(?!\s+(?:{PLAIN})\b)){DOT}{UNIT}?{TOWN}",
        _street,
    ),
    Rule(
        "ADDRESS",
        rf"(?i)(?<![A-Za-z0-9_.$€£-])(?P<no>\d{{1,6}})\s+(?P<name>(?:[a-z][a-z'’-]{{1,30}}\s+){{1,3}}?)(?:{PLAIN})\b{DOT}{UNIT}?",
        _small,
    ),
    Rule("ADDRESS", GERMAN, None, ("str", "gasse", "allee", "platz", "damm", "ufer", "weg")),
    Rule("ADDRESS", FRENCH, None, ("rue", "avenue", "boulevard", "bd", "place", "allée", "impasse", "chemin", "quai", "cours")),
    Rule("ADDRESS", ROMANCE),
    Rule("ADDRESS", rf"(?i){A}(?:p\.?\s?o\.?\s?box|postfach|apartado)\s+\d{{1,7}}{Z}", None, ("box", "postfach", "apartado")),
    Rule("ADDRESS", rf"(?<![A-Za-z0-9_-]){POSTCODE}(?![A-Za-z0-9_-])", lambda m: " " in m[0]),
    Rule("ADDRESS", rf"{A}{CITY},\s*(?:{STATE})\s+\d{{5}}(?:-\d{{4}})?{Z}"),
    Rule("ADDRESS", CHINESE, None, ("号",)),
    Rule("GPS", r"(?<![A-Za-z0-9_.])-?\d{1,2}\.\d{4,}°?\s?[NS]?,\s*-?\d{1,3}\.\d{4,}°?\s?[EW]?(?![A-Za-z0-9_.]\d)"),
)
