"""Where the files beside the code are, in a checkout and in an installed package alike."""

from pathlib import Path

_CRM = Path(__file__).parent

# The wheel carries the top-level templates/ as crm/_templates (pyproject.toml); a checkout has none.
_PACKAGED = _CRM / "_templates"
TEMPLATES = _PACKAGED if _PACKAGED.is_dir() else _CRM.parent / "templates"
LOCALE = _CRM / "locale"
LATE_INTEREST = _CRM / "late_interest.toml"
