"""Numbers that others gave out: ISRC of recordings, IPI of people (S4-02, S4-05, S4-07)."""

from stdnum import isrc as isrcs
from stdnum.exceptions import ValidationError

from apps.lib.errors import Refusal

IPI_LENGTH = 11


def clean(facts: dict) -> dict:
    """A track's facts with their numbers as they are kept. Refusal: INVALID."""
    return {**facts, "isrc": isrc(facts["isrc"])} if facts.get("isrc") else facts


def isrc(text: str) -> str:
    """An ISRC in capitals without hyphens and spaces; empty stays empty. Not unique (C-18). Refusal: INVALID."""
    if not text.strip():
        return ""
    try:
        return isrcs.validate(text)
    except ValidationError as wrong:
        message = "An ISRC is a country, three letters or digits, and seven digits, such as US-ABC-24-00001."
        raise Refusal("INVALID", message, fields={"isrc": [message]}) from wrong


def ipi(text: str) -> str:
    """An IPI name number as it is written in full: without spaces and dots, with its leading zeros.

    What is no number stays as it is: societies hand out wrong ones, and a wrong one is told, never refused.
    """
    bare = "".join(text.split()).replace(".", "")
    return bare.rjust(IPI_LENGTH, "0") if bare.isascii() and bare.isdigit() else text.strip()


def ipi_doubtful(text: str) -> bool:
    """Whether the two check digits of an IPI name number are wrong; empty is none.

    The nine digits before them weigh 10 to 2; what is missing to a multiple of 101 are the two, 00 standing for 100.
    """
    number = ipi(text)
    if not number:
        return False
    if len(number) != IPI_LENGTH or not (number.isascii() and number.isdigit()):
        return True
    total = sum(int(digit) * weight for digit, weight in zip(number[:9], range(10, 1, -1), strict=True))
    return -total % 101 % 100 != int(number[9:])
