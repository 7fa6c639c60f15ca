"""Numbers as people type them into a form, and back: Norwegian 45 000,50 and English 45,000.50.

`read` and `write` are each other's inverse for every whole number from 0 up.
"""

import re

LONGEST = 15
_SPACES = " '\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}\N{RIGHT SINGLE QUOTATION MARK}"
_GROUP = {"nb": ".", "en": ","}


def read(language: str, text: str, decimals: int = 0) -> int | None:
    """A number in its smallest units (2 decimals: hundredths); None when it is none, or could mean two things.

    The sign of thousands of the language, or a space, stands before groups of three; either comma or point before
    the decimals. So 45.000 is 45 thousand in Norwegian and refused in English.
    """
    group = f"[{_SPACES}{re.escape(_GROUP.get(language, '.'))}]"
    part = f"(?:[,.]([0-9]{{1,{decimals}}}))?" if decimals else "()"
    found = re.fullmatch(f"([0-9]{{1,3}}(?:{group}[0-9]{{3}})+|[0-9]{{1,{LONGEST}}}){part}", text.strip())
    whole = re.sub("[^0-9]", "", found[1]) if found else ""
    if found is None or len(whole) > LONGEST:
        return None
    return int(whole) * 10**decimals + int((found[2] or "").ljust(decimals, "0") or 0)


def write(language: str, value: int, decimals: int = 0, padded: bool = False) -> str:
    """The same number as a field shows it; `padded`: money, which has all of its decimals or none."""
    whole, rest = divmod(value, 10**decimals)
    text = f"{whole:,}" if language == "en" else f"{whole:,}".replace(",", " ")
    if not rest:
        return text
    behind = f"{rest:0{decimals}d}"
    return f"{text}{'.' if language == 'en' else ','}{behind if padded else behind.rstrip('0')}"
