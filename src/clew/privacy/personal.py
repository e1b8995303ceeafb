"""What tells who someone is or how to reach them: by pattern, check digit, and the words that stand before a number."""

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address

from clew.privacy import numbers
from clew.privacy.places import PLACES
from clew.privacy.spans import Rule, Span, searched

A, Z = r"(?<![A-Za-z0-9_])", r"(?![A-Za-z0-9_])"  # the ends of a word; Chinese may stand beside it without a space
LEFT, RIGHT = r"(?<![A-Za-z0-9_./+-])", r"(?![A-Za-z0-9_-]|\.\d)"  # the ends of a number that is no part of another
IS = (
    r"(?:\s*(?:number|no\.?|num\.?|nr\.?|#|№|code|id)(?![a-z]))?\s*"
    r"(?:['’]s\s+|\(?(?:\b(?:is|was|are)\b|[:=#：]|-|号码?|是|为)\)?\s*){0,3}[\"“]?"
)
MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|sept|oct|nov|dec)[a-z]*\.?"
YEAR = r"(?:,?\s+\d{4}|,?\s+['’]\d{2})?"
DATE = (
    rf"(?:\d{{4}}[-/.]\d{{1,2}}[-/.]\d{{1,2}}|\d{{1,2}}[-/.]\d{{1,2}}[-/.](?:\d{{4}}|\d{{2}})|"
    rf"(?:the\s+)?\d{{1,2}}(?:st|nd|rd|th)?(?:\s+of)?\s+{MONTH}{YEAR}|"
    rf"{MONTH}\s+(?:the\s+)?\d{{1,2}}(?:st|nd|rd|th)?(?!\d){YEAR}|\d{{4}}年\d{{1,2}}月\d{{1,2}}[日号]?)"
)
PHONE = (
    r"\b(?:phone|telephone|tel|mobile|cell(?:phone)?|fax|whatsapp|signal|sms|text|call|ring|reach|dial|contact|hotline|landline|"
    r"(?:my|his|her|their|your|our|new) number|teléfono|móvil|telefon|handy|téléphone|portable|telefone|celular)\b|电话|手机|微信"
)
PHONE_CUES = (
    "phone", "tel", "mobile", "cell", "fax", "whatsapp", "signal", "sms", "text", "call", "ring", "reach", "dial", "contact", "hotline",
    "landline", "number", "móvil", "handy", "portable", "téléphone", "电话", "手机", "微信",
)  # fmt: skip
OTHER = re.compile(
    r"(?i)order|ticket|invoice|case|serial|tracking|model|part|flight|confirmation|account|card|policy|passport|reference|routing|room|"
    r"receipt|patent"
)
PEOPLE = (
    r"(?:national|identity|tax(?:payer)?|insurance|policy|member(?:ship)?|patient|medical[ -]record|health|medicare|medicaid|nhs|employee|"
    r"student|personnel|voter|green[ -]card|residence[ -]permit|aadhaar|nino|nif|nie|dni|cpf|cnpj|sin|tfn|itin|ein|mrn|vat|身份证)"
)
ISSUED = r"[A-Z]{0,5}[.-]?\d(?:[.-]?[A-Z0-9]| \d){3,17}"  # letters, then digits and letters, in groups


def _phone(match: re.Match[str]) -> bool:
    return 7 <= len(numbers.digits(match["v"])) <= 15


def _called(match: re.Match[str]) -> bool:
    """A number after a word about calling, with nothing between them that makes it another kind of number."""
    return _phone(match) and not OTHER.search(match.string, max(0, match.start() - 12), match.start("v"))


def _american(match: re.Match[str]) -> bool:
    number = numbers.digits(match["v"])[-10:]
    return number[0] in "23456789" and number[3] in "23456789"


def _ipv4(match: re.Match[str]) -> bool:
    """An address, not a version and not the machine itself."""
    try:
        address = IPv4Address(match[0])
    except AddressValueError:
        return False
    before = match.string[max(0, match.start() - 14) : match.start()].casefold()
    return not (address.is_loopback or address.is_unspecified or address == IPv4Address("255.255.255.255")) and not re.search(
        r"(?:v|version|release|build|section|chapter|clause|§)\.?\s*$", before
    )


def _ipv6(match: re.Match[str]) -> bool:
    if match[0].count(":") < 3 or not any(map(str.isdigit, match[0])):
        return False
    try:
        address = IPv6Address(match[0])
    except AddressValueError:
        return False
    return not (address.is_loopback or address.is_unspecified)


def _email(match: re.Match[str]) -> bool:
    remote = match[0].casefold().startswith("git@") and match.string[match.end() : match.end() + 1] in (":", "/")
    return not remote and not re.search(r"(?i)\.(?:png|jpe?g|gif|svg|webp|css|js|ts|py|md)$", match[0])


def _holds(match: re.Match[str]) -> bool:
    """At least four digits: an issued number, and no word."""
    return len(numbers.digits(match["v"])) >= 4


REACHED = (
    Rule(
        "EMAIL",
        r"(?<![A-Za-z0-9_.+-])[^\W_][\w.%+'’-]{0,63}@(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,6}[^\W\d_]{2,24}(?![A-Za-z0-9_-])",
        _email,
        ("@",),
        False,
    ),
    Rule(
        "EMAIL",
        r"(?i)(?<![A-Za-z0-9_.])[a-z0-9][\w.+-]{0,40}(?:\s+dot\s+[\w+-]{1,30})?\s*(?:\[at\]|\(at\)|\{at\}|\sat\s)\s*[a-z0-9-]{2,40}"
        rf"(?:\s*(?:\[dot\]|\(dot\)|\{{dot\}}|\sdot\s)\s*[a-z]{{2,12}}){{1,3}}{Z}",
        None,
        ("dot",),
        False,
    ),
    Rule("PHONE", rf"{LEFT}(?P<v>(?:\+|00)[1-9](?:[ ./-]?\(?\d\)?){{6,14}}){Z}", _phone),
    Rule(
        "PHONE",
        rf"{LEFT}(?P<v>(?:\+?1[ .-]?)?(?:\(\d{{3}}\)\s?|\d{{3}}[ .-])\d{{3}}[ .-]\d{{4}})(?:\s*(?:ext|x)\.?\s*\d{{1,5}})?{RIGHT}",
        _american,
    ),
    Rule(
        "PHONE",
        rf"{LEFT}(?P<v>0\d(?:[ .]\d{{2}}){{4}}|\(?0\d{{2,5}}\)?[ /-]\d{{3,5}}(?:[ -]?\d{{2,5}}){{0,2}}|07\d{{3}}[ -]?\d{{6}}|"
        rf"0\d{{2}} \d{{4}} \d{{4}}|1[3-9]\d{{9}}){RIGHT}",
        _phone,
    ),
    Rule(
        "PHONE",
        rf"(?i)(?:{PHONE})[^\n\d+]{{0,20}}(?<![A-Za-z0-9_])(?P<v>\+?\(?\d(?:[ ./-]?\d|\)[ -]?\d){{6,14}})(?![A-Za-z0-9_]|\.\d)",
        _called,
        PHONE_CUES,
    ),
    Rule("IP", r"(?<![A-Za-z0-9_.])\d{1,3}(?:\.\d{1,3}){3}(?![A-Za-z0-9_]|\.\d)", _ipv4, (".",)),
    Rule("IP", r"(?<![A-Za-z0-9_:.])[0-9A-Fa-f:]{6,39}(?![A-Za-z0-9_:])", _ipv6, (":",)),
    Rule("MAC", r"(?i)(?<![A-Za-z0-9_:-])(?:[0-9a-f]{2}([:-]))(?:[0-9a-f]{2}\1){4}[0-9a-f]{2}(?![A-Za-z0-9_:-])"),
)
PAID = (
    Rule("CARD", r"(?<![A-Za-z0-9_.+-])\d(?:[ -]?\d){12,18}(?![A-Za-z0-9_-]|\.\d)", lambda m: numbers.card(m[0])),
    Rule(
        "CARD",
        r"(?i)\b(?:card|visa|mastercard|amex|credit|debit)\b[^\n.]{0,30}?(?<!\d)"
        r"(?P<v>\d{4}(?:[ -]?\d{4}){2}[ -]?\d{3,4}|3\d{3}[ -]?\d{6}[ -]?\d{5})(?!\d)",
        None,
        ("card", "visa", "amex", "credit", "debit"),
    ),
    Rule(
        "ACCOUNT",
        rf"(?i)(?:\b(?:(?:bank|checking|savings|current|giro|deposit)[ -]?(?:account|acct)|account|acct|a/c|konto(?:nummer)?)\b|账号|卡号){IS}"
        rf"(?P<v>\d(?:[ -]?\d){{5,17}})(?![A-Za-z0-9_]|\.\d)",
        None,
        ("acc", "a/c", "konto", "账号", "卡号"),
    ),
    Rule(
        "ACCOUNT",
        rf"(?i:\b(?:routing|aba|transit|sort[ -]code|bsb|blz|swift|bic)\b{IS})"
        rf"(?P<v>\d{{2}}-\d{{2}}-\d{{2}}|\d{{3}}-\d{{3}}|\d{{6,9}}|[A-Z]{{6}}[A-Z0-9]{{2}}(?:[A-Z0-9]{{3}})?){Z}",
        None,
        ("routing", "aba", "transit", "sort", "bsb", "blz", "swift", "bic"),
        False,
    ),
)
ISSUES = (
    Rule("SSN", r"(?<![A-Za-z0-9_-])(?P<v>\d{3}([- ])\d{2}\2\d{4})(?![A-Za-z0-9_-])", lambda m: numbers.ssn(m["v"])),
    Rule(
        "SSN",
        rf"(?i)\b(?:ssn|social(?:[ -]security)?(?:[ -](?:number|no\.?|num))?){IS}(?P<v>\d{{3}}[- .]?\d{{2}}[- .]?\d{{4}}){Z}",
        None,
        ("ssn", "social"),
    ),
    Rule(
        "DOB",
        rf"(?i)(?:\bd\.?o\.?b\b\.?|\bdate of birth|\bbirth[ -]?date|\bborn(?:\s+(?:on|in))?|geburtsdatum|\bgeboren am|fecha de nacimiento|"
        rf"date de naissance|出生(?:日期|于)?){IS}(?P<v>{DATE}){Z}",
        None,
        ("dob", "d.o.b", "birth", "born", "geb", "nacimiento", "naissance", "出生"),
    ),
    Rule(
        "DOB",
        rf"(?i)(?:\bbirthday|生日){IS}(?:on\s+)?(?P<v>{DATE}){Z}",
        lambda m: bool(re.search(r"\d{4}", m["v"])),
        ("birthday", "生日"),
    ),
    Rule(
        "PASSPORT",
        rf"(?i)(?:\bpassport|\breisepass|\bpasaporte|passeport|护照){IS}(?P<v>[A-Z]{{0,3}} ?\d(?:-?[A-Z0-9]| \d){{5,9}}){Z}",
        _holds,
        ("pass", "pasaporte", "护照"),
    ),
    Rule(
        "LICENCE",
        rf"(?i)\b(?:driv(?:er|ing|er['’]?s|ers['’]?)?\s+licen[cs]e|dl|führerschein|licencia de conducir|permis de conduire){IS}(?P<v>{ISSUED}){Z}",
        _holds,
        ("licen", "dl", "führerschein", "permis"),
    ),
    Rule(
        "LICENCE",
        rf"(?i)\b(?:licen[cs]e plate|number plate|plate number|licen[cs]e plate number|license tag){IS}"
        rf"(?P<v>[A-Z0-9]{{1,4}}[ -]?[A-Z0-9]{{2,5}}(?:[ -]?[A-Z0-9]{{1,4}})?){Z}",
        lambda m: len(numbers.digits(m["v"])) >= 2,
        ("plate", "tag"),
    ),
    Rule(
        "ID",
        rf"(?i)(?<![a-z]){PEOPLE}(?![a-z])(?:[ -](?:card|file|account|registration|record|ref(?:erence)?|insurance))?"
        rf"(?:\s*(?:number|no\.?|num\.?|id|#|码)(?![a-z]))?{IS}(?P<v>{ISSUED}){Z}",
        _holds,
    ),
    Rule("ID", rf"(?i){A}[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]\s?\d{{2}}\s?\d{{2}}\s?\d{{2}}\s?[A-D]{Z}"),
    Rule(
        "ID",
        rf"{A}[1-9]\d{{5}}(?:18|19|20)\d{{2}}(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])\d{{3}}[\dXx]{Z}",
        lambda m: numbers.chinese(m[0]),
    ),
    Rule("ID", rf"(?<![A-Za-z0-9_.])\d{{3}}\.\d{{3}}\.\d{{3}}-\d{{2}}{Z}", lambda m: numbers.cpf(m[0])),
    Rule("ID", rf"{A}(?:\d{{8}}|[XYZxyz]-?\d{{7}})-?[A-HJ-NP-TV-Za-hj-np-tv-z]{Z}", lambda m: numbers.dni(m[0])),
    Rule("ID", r"(?<![A-Za-z0-9_-])\d{3} \d{3} \d{4}(?![A-Za-z0-9_-])", lambda m: numbers.nhs(m[0]), ("nhs",)),
)


def ibans(text: str) -> list[Span]:
    """Account numbers with a right check number; a candidate may run on into the words behind it, so its length decides."""
    found = []
    for match in re.finditer(rf"{A}[A-Za-z]{{2}}\d{{2}}(?:[ -]?[A-Za-z0-9]){{11,34}}", text):
        length = numbers.IBAN_LENGTHS.get(match[0][:2].upper(), 0)
        places = [i for i, char in enumerate(match[0]) if char.isalnum()][:length]
        if length and len(places) == length:
            end = places[-1] + 1
            if not match[0][end : end + 1].isalnum() and numbers.iban(match[0][:end]):
                found.append(Span(match.start(), match.start() + end, "IBAN"))
    return found


def personal(text: str) -> list[Span]:
    """The personal data of a text, found by rule; spans may overlap."""
    return [*ibans(text), *searched((*REACHED, *PAID, *ISSUES, *PLACES), text)]
