"""Strong identifiers: normalise, check the check digits, refuse with the reason (domain.md 3)."""

import re

from stdnum import iban as ibans
from stdnum import lei
from stdnum.eu import vat
from stdnum.exceptions import InvalidChecksum, InvalidFormat, InvalidLength, ValidationError
from stdnum.no import kontonr, mva, orgnr

from crm.errors import Refused

SCHEMES = ("no-orgnr", "vat", "lei", "ror", "pic")
_ROR = re.compile(r"^0[a-hj-km-np-tv-z0-9]{6}[0-9]{2}$")
_CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"


def normalise(scheme: str, value: str, field: str = "value") -> str:
    """The identifier in its one written form; Refused `identifier_invalid` says what is wrong with it."""
    given = value.strip()
    try:
        if scheme == "no-orgnr":
            return orgnr.validate(given)
        if scheme == "vat":
            return mva.validate(given) if given.upper().startswith("NO") else vat.validate(given)
        if scheme == "lei":
            return lei.validate(given)
        if scheme == "ror":
            return _ror(given)
        if scheme == "pic":
            return _pic(given)
    except InvalidLength as error:
        raise Refused("identifier_length", field, scheme=scheme, given=value) from error
    except InvalidFormat as error:
        raise Refused("identifier_format", field, scheme=scheme, given=value) from error
    except (InvalidChecksum, ValidationError) as error:
        raise Refused("identifier_checksum", field, scheme=scheme, given=value) from error
    raise Refused("identifier_scheme", field, given=scheme, known=", ".join(SCHEMES))


def account(given: str) -> str:
    """A Norwegian bank account, eleven digits; ValueError when it is none."""
    try:
        return kontonr.validate(given)
    except ValidationError as error:
        raise ValueError(given) from error


def iban(given: str) -> str:
    """An IBAN without spaces; ValueError when it is none (ISO 13616 and the country's own check digits)."""
    try:
        return ibans.validate(given)
    except ValidationError as error:
        raise ValueError(given) from error


def _ror(given: str) -> str:
    """ROR: 0, six Crockford characters, two check digits 98 - (n * 100 mod 97)."""
    value = given.lower().removeprefix("https://ror.org/")
    if len(value) != 9:
        raise InvalidLength
    if not _ROR.match(value):
        raise InvalidFormat
    number = 0
    for character in value[1:7]:
        number = number * 32 + _CROCKFORD.index(character)
    if 98 - (number * 100) % 97 != int(value[7:]):
        raise InvalidChecksum
    return value


def _pic(given: str) -> str:
    """EU participant code: nine digits, no check digit."""
    if len(given) != 9:
        raise InvalidLength
    if not given.isdigit():
        raise InvalidFormat
    return given
