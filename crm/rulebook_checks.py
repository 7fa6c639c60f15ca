"""Can a rulebook be published as the next version of its network? Asked of drafts and of what is published."""

import msgspec

from cluster_rules.errors import RulebookError
from cluster_rules.networks import Rulebook
from cluster_rules.rulebooks import check, check_links
from crm.catalogue import Catalogue
from crm.rulebook_words import with_draft


def next_version(kept: Catalogue, network: str) -> int:
    """The number of the version that comes next."""
    published = kept.rulebooks.of(network)
    return published[-1].version + 1 if published else 1


def as_next(kept: Catalogue, book: Rulebook) -> Rulebook:
    """The same rules with the number of the version that comes next."""
    return msgspec.structs.replace(book, version=next_version(kept, book.network))


def check_next(kept: Catalogue, network: str, book: Rulebook) -> None:
    """RulebookError when this cannot be published as the next version beside the other networks' rules."""
    check_network(book, network)
    check(book)
    wanted = next_version(kept, network)
    if 1 <= book.version < wanted:
        raise RulebookError("rulebook_published", "version", version=book.version)
    if book.version != wanted:
        raise _malformed("version", f"the next version is {wanted}, not {book.version}")
    check_links(with_draft(kept, book).rulebooks.versions)
    for rule in book.link_rules:
        agreement = kept.rulebooks.agreement(rule.agreement)
        between = (network, rule.grants.network)
        if rule.agreement and (agreement is None or (agreement.source, agreement.target) != between):
            why = f"there is no agreement {rule.agreement} from {network} to {rule.grants.network}"
            raise _malformed(f"link_rules.{rule.code}.agreement", why)


def check_network(book: Rulebook, network: str) -> None:
    """RulebookError when it is a rulebook of another network."""
    if book.network != network:
        raise _malformed("network", f"this is a rulebook of {book.network}, not of {network}")


def _malformed(field: str, why: str) -> RulebookError:
    return RulebookError("rulebook_malformed", field, message=why)
