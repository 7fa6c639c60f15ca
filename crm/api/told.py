"""What calls about facts told by hand have in common: paging in the order of telling, and why one is taken back."""

from collections.abc import Sequence
from typing import Annotated, Any, Protocol, TypeVar
from uuid import UUID

import msgspec
from msgspec import Meta

from crm import fact_checks
from crm.api import edge, shapes
from crm.api.operations import PREFIX, Call
from crm.catalogue import NetworkRow

ReasonText = Annotated[str, Meta(max_length=fact_checks.REASON_MAX)]


class Told(Protocol):
    """A row that knows its place in the order things were told."""

    @property
    def row_id(self) -> int: ...


T = TypeVar("T", bound=Told)


class Paging(msgspec.Struct, frozen=True):
    """In the order they were told; `cursor` is from `next_cursor`."""

    limit: shapes.Limit = 100
    cursor: Annotated[str, Meta(pattern="^[0-9]{1,18}$", description="From `next_cursor`; opaque.")] | None = None

    @property
    def after(self) -> int:
        """The row after which the page begins."""
        return int(self.cursor or 0)


class Reason(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why it is taken back."""

    reason: ReasonText


class TakenBack(shapes.Answer, frozen=True):
    """It does not count any more; restoring it makes it count again."""

    id: UUID


def paged(call: Call[Any, Any], network: NetworkRow, found: Sequence[T]) -> tuple[list[T], str | None]:
    """The rows of this page, and the cursor of the next one, which is also linked to; one more row was read."""
    shown = list(found[: call.query.limit])
    cursor = str(shown[-1].row_id) if len(found) > len(shown) else None
    if cursor:
        address = call.operation.path.replace("{slug}", network.slug)
        call.headers["link"] = edge.next_link(f"{PREFIX}{address}", {"limit": call.query.limit, "cursor": cursor})
    return shown, cursor
