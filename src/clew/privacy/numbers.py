"""Numbers that carry their own proof: check digits of cards, accounts and national identity numbers."""

import itertools
import re

IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BR": 29, "CH": 21, "CR": 22,
    "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18, "FO": 18, "FR": 27, "GB": 22,
    "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27,
    "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "MC": 27, "MD": 24, "ME": 22, "MK": 19,
    "MT": 31, "MU": 30, "NL": 18, "NO": 15, "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22, "SA": 24,
    "SE": 24, "SI": 19, "SK": 24, "SM": 27, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "XK": 20,
}  # fmt: skip
"""Characters of an IBAN by country, after ISO 13616."""
CARD_STARTS = re.compile(
    r"4|5[1-5]|2(?:22[1-9]|2[3-9]|[3-6]|7[01]|720)|3[47]|3(?:0[0-5]|[689])|6(?:011|4[4-9]|5|2)|35(?:2[89]|[3-8])|50|5[6-9]|6[0-9]"
)
"""First digits that a card network has."""
CHINESE = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
"""Weights of the first 17 digits of a Chinese resident number (GB 11643)."""


def digits(text: str) -> str:
    """The digits of a number that is written with spaces, dots or dashes."""
    return re.sub(r"\D", "", text)


def luhn(text: str) -> bool:
    """Whether the digits pass the check of ISO/IEC 7812, which every payment card and Canada's insurance numbers do."""
    values = [int(d) for d in reversed(digits(text))]
    total = sum(v if i % 2 == 0 else v * 2 - 9 * (v > 4) for i, v in enumerate(values))
    return total % 10 == 0 and len(set(values)) > 1


def card(text: str) -> bool:
    """A payment card's number: 13 to 19 digits, a network's beginning, a right check digit."""
    number = digits(text)
    return 13 <= len(number) <= 19 and bool(CARD_STARTS.match(number)) and luhn(number)


def iban(text: str) -> bool:
    """An account number of the right length for its country whose remainder by 97 is 1."""
    plain = re.sub(r"[\s-]", "", text).upper()
    if IBAN_LENGTHS.get(plain[:2]) != len(plain):
        return False
    return int("".join(str(int(c, 36)) for c in plain[4:] + plain[:4])) % 97 == 1


def ssn(text: str) -> bool:
    """A US social security number that may have been issued: no group of zeros, not 666, not from 900 on."""
    number = digits(text)
    return len(number) == 9 and number[:3] not in ("000", "666") and number[0] != "9" and number[3:5] != "00" and number[5:] != "0000"


def routing(text: str) -> bool:
    """A US bank's routing number, after its check digit."""
    number = [int(d) for d in digits(text)]
    return len(number) == 9 and sum(w * d for w, d in zip((3, 7, 1) * 3, number, strict=True)) % 10 == 0 and any(number)


def chinese(text: str) -> bool:
    """A Chinese resident number: 17 digits and a check character."""
    total = sum(w * int(d) for w, d in zip(CHINESE, text[:17], strict=True))
    return text[17].upper() == "10X98765432"[total % 11]


def cpf(text: str) -> bool:
    """A Brazilian taxpayer's number, after both its check digits."""
    number = [int(d) for d in digits(text)]
    if len(number) != 11 or len(set(number)) == 1:
        return False
    for size in (9, 10):
        total = sum((size + 1 - i) * number[i] for i in range(size))
        if number[size] != (total * 10 % 11) % 10:
            return False
    return True


def dni(text: str) -> bool:
    """A Spanish identity number: its letter is that of the number by 23; X, Y or Z before it stand for 0, 1, 2."""
    plain = re.sub(r"[\s-]", "", text).upper()
    number = plain[:-1].translate(str.maketrans("XYZ", "012"))
    return number.isdigit() and plain[-1] == "TRWAGMYFPDXBNJZSQVHLCKE"[int(number) % 23]


def nhs(text: str) -> bool:
    """A number of the British health service, after its check digit."""
    number = [int(d) for d in digits(text)]
    return len(number) == 10 and (11 - sum((10 - i) * number[i] for i in range(9)) % 11) % 11 == number[9]


def mixed(text: str) -> int:
    """How often a letter stands beside a digit: often in random strings, seldom in words and names."""
    return sum(a.isalpha() != b.isalpha() for a, b in itertools.pairwise(text) if a.isalnum() and b.isalnum())
