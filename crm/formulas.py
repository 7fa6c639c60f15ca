"""What people typed never becomes a formula in a spreadsheet: one rule for every CSV file (OWASP, CSV injection)."""

STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\N{FULLWIDTH EQUALS SIGN}", "\N{FULLWIDTH PLUS SIGN}")


def guarded(text: str) -> str:
    """A text no spreadsheet takes for a formula: one that begins like it gets an apostrophe in front."""
    return f"'{text}" if text.lstrip(" ").startswith(STARTS) else text
