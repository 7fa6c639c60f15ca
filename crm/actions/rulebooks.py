"""A network's rules: the text of a version."""

from cluster_rules.networks import Rulebook
from crm.gateways import rulebook_text


def text(book: Rulebook) -> str:
    """A rulebook as a TOML text."""
    return rulebook_text.write(book)
