"""Two clocks: which rows of an append-only table were believed at a moment ("as known at")."""


def believed(alias: str, moment: str, ever: bool = True) -> str:
    """SQL: the rows of `alias` that stand now, or that stood in what was known at the parameter `moment`.

    The parameter is a timestamptz, null for "now". `ever` False leaves it out: a plain condition on an index.
    """
    now = f"{alias}.superseded_at is null"
    if not ever:
        return now
    return (
        f"({moment}::timestamptz is null and {now}"
        f" or {alias}.recorded_at <= {moment} and ({alias}.superseded_at is null or {alias}.superseded_at > {moment}))"
    )
