"""Secrets that let someone in: keys and tokens by their makers' shapes, private keys, connection strings, passwords in words."""

import re

from clew.privacy.numbers import mixed
from clew.privacy.spans import Rule, Span, searched

SHAPES = (
    r"A(?:KIA|SIA|BIA|CCA)[A-Z0-9]{16}",
    r"gh[opusr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}",
    r"gl(?:pat|ptt|dt|rt|cbt|ft|soat|agent|imt)-[\w-]{16,}",
    r"xox[abeoprs]-[\w-]{10,}|xapp-\d-[\w-]{10,}",
    r"(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{10,}|whsec_[\w+/=]{16,}",
    r"sk-[A-Za-z][\w-]{18,}|sk-[\w-]{20,}",
    r"AIza[\w-]{30,}|ya29\.[\w-]{20,}|GOCSPX-[\w-]{20,}",
    r"SG\.[\w-]{16,}\.[\w-]{16,}",
    r"npm_[A-Za-z0-9]{30,}|pypi-[\w-]{16,}|hf_[A-Za-z0-9]{20,}|r8_[A-Za-z0-9]{30,}",
    r"d(?:oo|op|or)_v1_[a-f0-9]{40,}|dapi[0-9a-f]{32}|shp(?:at|ca|pa|ss)_[A-Fa-f0-9]{32}",
    r"\d{8,10}:AA[\w-]{30,}",
    r"key-[0-9a-f]{32}|sq0[a-z]{3}-[\w-]{20,}|hv[bs]\.[\w-]{20,}|(?:AC|SK)[0-9a-f]{32}",
    r"AGE-SECRET-KEY-1[0-9A-Z]{40,}|NRAK-[A-Z0-9]{20,}|PMAK-[\w-]{20,}|nvapi-[\w-]{20,}|tvly-[\w-]{20,}",
    r"lin_api_\w{20,}|dp\.(?:pt|st|ct|sa)\.\w{20,}|figd_[\w-]{20,}|sbp_\w{20,}|gsk_\w{20,}|xai-\w{20,}",
    r"(?:[A-Z0-9]{5}-){3,7}[A-Z0-9]{5}",
    r"[MNO][\w-]{23,27}\.[\w-]{6}\.[\w-]{27,}",
    r"eyJ[\w-]{5,}\.[\w-]{5,}\.[\w-]*",
)
PEM = (
    r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----"
    r"(?:(?:(?!-----BEGIN)[\s\S]){1,20000}?-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|[A-Za-z0-9+/=\s\\]{16,})"
)
URL = r"(?i)\b[a-z][a-z0-9+.-]{1,30}://"
REST = r"@[^\s\"'<>]{0,500}[^\s\"'<>.,;:!?)\]}]"  # of an address, without the sentence's own full stop
QUERY = (
    r"(?i)[?&;#](?:access_|id_|refresh_|auth_?|session_?)?"
    r"(?:token|api_?key|key|sig|signature|secret|password|auth|x-amz-(?:signature|credential|security-token))=(?P<v>[^&\s#\"'<>]{6,})"
)
NAMED = (
    r"(?:activation|api|app|access|auth|account|client|consumer|encryption|licen[cs]e|master|private|product|secret|service|session|shared|"
    r"signing|storage)[_ \-]?(?:key|token|secret|id[_ \-]?token)|secret[_ \-]?access[_ \-]?key|secret|token|credentials?|bearer|webhook"
)
FOR = r"(?:\s+(?:for|of|to|on|at)(?:\s+[\w'’.-]{1,40}){1,5}?)?"
IS = r"(?:\b(?:is|was|are|to)\b|=>|->|:=|:|=|：|是|为)"
KEY_VALUE = r"(?P<v>[^\s\"'`,;&”」]{7,}[^\s\"'`,;&.!?)\]}”」])"
PASSWORDS = (
    r"pass(?:word|wd|phrase|code|[ _-]code)|pass(?=\s*[:=])|pwd|passwort|kennwort|contrase[ñn]a|mot de passe|senha|wachtwoord|"
    r"parola|пароль|密码|口令|パスワード"
)
PASSWORD_CUES = ("pass", "pwd", "kennwort", "contrase", "senha", "wachtwoord", "parola", "пароль", "密码", "口令", "パスワード")
PASSWORD_VALUE = r"(?P<v>[^\s\"'`”」，。]{3,}[^\s\"'`,;.)\]}”」，。])"
CODES = (
    r"(?:(?:one[ -]?time|verification|security|confirmation|auth(?:entication)?|login|access|recovery|backup|sms|2fa|mfa|door|gate|alarm|"
    r"entry|lock(?:box)?|safe|garage|unlock|sign[ -]?in)[ -](?:pin|code|passcode|combination)|\botp|\bcvv2?|\bcvc2?|"
    r"\bpin(?:[ -](?:code|number|no))?|验证码)"
)
CODE_CUES = ("code", "pin", "otp", "cvv", "cvc", "combination", "验证码")
BLANKS = {
    "required", "optional", "string", "none", "null", "true", "false", "undefined", "str", "text", "int", "bool", "bytes", "empty", "missing",
    "wrong", "incorrect", "invalid", "expired", "reset", "changed", "correct", "secret", "hidden", "redacted", "masked", "unknown", "password",
    "field", "value", "here", "input", "validation", "rejected", "encrypted", "hashed", "stored", "protected", "different", "example",
}  # fmt: skip
"""What stands after `password:` and is none."""
CODE_LIKE = re.compile(r"(?i)os\.|process\.|env\b|self\.|settings\.|x{3,}|\.\.\.|[a-z_][\w.]*[(\[]|\w*passw\w*$|\w+\|")
HASHES = re.compile(
    r"(?i)(?:sha-?\d*|hash|commit|merged?|rebased?|cherry-pick|checkout|head|md5|digest|checksum|etag|revision|blob|tree|"
    r"fingerprint|integrity|uuid|guid)\W{0,4}(?:\w+\W{1,3}){0,2}$"
)
SEED = (
    r"(?i)(?:seed|recovery|mnemonic|backup|secret)[ -](?:phrase|words)\W{0,3}(?:(?:is|are|was|:)\W{0,4})?"
    r"(?P<v>(?:(?!phrase|seed)[a-z]{3,8}[ ,]+){11,23}[a-z]{3,8})"
)


def _random(match: re.Match[str]) -> bool:
    """A long string without sense: both cases and digits, letters and digits side by side, few slashes, not called a hash."""
    text = match[0]
    if re.match(r"(?i)(?:sha|md)\d+-", text):
        return False
    cases = any(map(str.islower, text)) and any(map(str.isupper, text))
    return cases and mixed(text) >= 4 and len(set(text)) >= 12 and text.count("/") <= len(text) // 12


def _hex(match: re.Match[str]) -> bool:
    """A long hexadecimal string that nothing before it calls a hash."""
    before = match.string[max(0, match.start() - 40) : match.start()]
    return not HASHES.search(before) and before[-1:] != "/" and any(map(str.isalpha, match["v"]))


def _blank(match: re.Match[str]) -> bool:
    """A blank to be filled in, or code, where a value might stand; what is quoted is no code."""
    text = match["v"]
    if text[0] in "<${%*[" or text.casefold().strip(".!?") in BLANKS:
        return True
    return not _quoted(match) and bool(CODE_LIKE.match(text))


def _quoted(match: re.Match[str]) -> bool:
    return match.start("v") > 0 and match.string[match.start("v") - 1] in "\"'`“「"


def _opaque(match: re.Match[str]) -> bool:
    """A value beside the word `key` or `token` that is no word."""
    text = match["v"]
    if _blank(match) or "(" in text:
        return False
    both = any(map(str.isdigit, text)) and any(map(str.isalpha, text))
    return both or (len(text) >= 16 and mixed(text) > 0)


def _assigned(match: re.Match[str]) -> bool:
    """What stands after `password:` or `password=`, if it may be one."""
    return not _blank(match) and "(" not in match["v"][1:]


def _spoken(match: re.Match[str]) -> bool:
    """What stands after `the password is`: quoted, or with something in it that words lack."""
    text = match["v"]
    odd = any(map(str.isdigit, text)) or re.search(r"[^\w\s'’.,!?-]|_", text) or text[1:] != text[1:].lower()
    return not _blank(match) and bool(_quoted(match) or odd)


RULES = (
    Rule("KEY", PEM, near=("-----begin",), digits=False),
    Rule("KEY", rf"(?<![A-Za-z0-9_])(?:{'|'.join(SHAPES)})(?![A-Za-z0-9])", digits=False),
    Rule("URL", rf"{URL}[^\s/@\"'<>]{{0,200}}:[^\s\"'<>@]{{1,300}}{REST}", near=("://",), digits=False),
    Rule("URL", rf"{URL}[^\s/:@\"'<>]{{16,300}}{REST}", near=("://",), digits=False),
    Rule("KEY", QUERY, near=("=",), digits=False),
    Rule(
        "KEY",
        r"(?i)(?:hooks\.slack\.com/(?:services|workflows)/|discord(?:app)?\.com/api/webhooks/)(?P<v>[\w/-]{16,})",
        near=("hooks",),
        digits=False,
    ),
    Rule("KEY", r"(?i)\b(?:bearer|basic|token|ssws|apikey)\s+(?P<v>[A-Za-z0-9._~+/=-]{16,})", lambda m: mixed(m["v"]) > 1),
    Rule(
        "KEY",
        rf"(?i)(?:{NAMED})[\w\-]{{0,40}}[\"'`”]?{FOR}(?:['’]s\b)?\s*(?:{IS}\s*){{1,2}}[\"'`“「]?{KEY_VALUE}",
        _opaque,
        ("key", "token", "secret", "credential", "bearer", "webhook"),
        digits=False,
    ),
    Rule("KEY", r"(?<![A-Za-z0-9_])[A-Za-z0-9+/_-]{24,}={0,2}(?![A-Za-z0-9+/_-])", _random),
    Rule("KEY", r"(?i)(?<![0-9a-z_-])(?P<v>(?:0x)?[0-9a-f]{32,})(?![0-9a-z_-])", _hex),
    Rule("KEY", SEED, lambda m: 12 <= len(m["v"].split()) <= 24, ("phrase", "words"), digits=False),
    Rule(
        "PASSWORD",
        rf"(?i)(?:{PASSWORDS})\w{{0,2}}[\"']?[ \t]*(?::=|=>|[:=：])[ \t]*[\"'`“「]?{PASSWORD_VALUE}",
        _assigned,
        PASSWORD_CUES,
        digits=False,
    ),
    Rule(
        "PASSWORD",
        rf"(?i)(?:{PASSWORDS}){FOR}\s*(?:['’]s\s+|(?:\b(?:is|was|ist|es|est|é|är|to)\b|=|是|为|：)\s*(?:now\s+|still\s+|set to\s+)?)"
        rf"[\"'`“「]?{PASSWORD_VALUE}",
        _spoken,
        PASSWORD_CUES,
        digits=False,
    ),
    Rule(
        "PASSWORD",
        rf"(?i)(?:{PASSWORDS})(?:\s*(?:['’]s|\b(?:is|was|ist|es|est)\b|=|:|：|是))?\s*[\"“「`](?P<v>[^\s\"”」`][^\"”」`\n]{{2,58}}[^\s\"”」`=])[\"”」`]",
        lambda m: not _blank(m),
        PASSWORD_CUES,
        digits=False,
    ),
    Rule(
        "PASSWORD",
        rf"(?i)(?:{PASSWORDS})\s+(?P<v>(?=[^\s]*[A-Za-z])(?=[^\s]*\d)[^\s\"'`,，。]{{5,}}[^\s\"'`,;.)\]}}，。])",
        _spoken,
        PASSWORD_CUES,
    ),
    Rule("PASSWORD", r"(?i)(?:\s-p|--password[= ]|--pass[= ])(?P<v>[^\s\"'=-][^\s\"']{5,})", _spoken, (" -p", "--pass"), digits=False),
    Rule(
        "CODE",
        rf"(?i){CODES}(?:['’]s)?{FOR}(?:\s*(?:\b(?:is|was)\b|[:=#：是-])){{0,2}}\s*[\"'“]?(?P<v>\d{{3,4}}[ -]?\d{{0,4}})(?![\w%])",
        None,
        CODE_CUES,
    ),
    Rule(
        "CODE",
        rf"(?i)(?<![\d.])(?P<v>\d{{4,8}}|\d{{3}}[ -]\d{{3}})\s+(?:is|was)\s+(?:your|my|the|our|his|her)\s+(?:[\w-]+\s+)?(?:{CODES}|code)",
        None,
        CODE_CUES,
    ),
)


def credentials(text: str) -> list[Span]:
    """The secrets of a text, found by rule; spans may overlap."""
    return searched(RULES, text)
