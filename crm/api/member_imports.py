"""Imports of members by file: upload it, see what every row would do, store all of it, take it back."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from crm import import_words
from crm.actions import member_imports as actions
from crm.api import edge, shapes
from crm.api.operations import PREFIX, Call, Nothing, Operation
from crm.errors import Forbidden, NotFound
from crm.i18n import N_
from crm.import_columns import ColumnMapping, Inherited, Source
from crm.reads import member_imports

TAG = N_("Imports")
ONE = "/member-imports/{import_id}"
TEXT = Annotated[str, Meta(max_length=200)]


class ImportMappingForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which column is what: field -> heading; word for a level -> level; and what holds where a row says nothing.

    Fields and words: docs/imports.md. `source`: whose export it is.
    """

    columns: dict[TEXT, TEXT]
    source: Source = "plain"
    levels: dict[TEXT, TEXT] = {}
    level: TEXT = ""
    kind: TEXT = "company"
    country: Annotated[str, Meta(pattern="^[A-Z]{2}$")] = "NO"
    joined: date | None = None
    inherited: Inherited = "links"


class ImportForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A CSV, XLSX, XLS or ODS file in base64. Without `mapping`: as the last one was read, else by its headings."""

    name: Annotated[str, Meta(min_length=1, max_length=actions.NAME_MAX)]
    content: Annotated[bytes, Meta(max_length=actions.LARGEST_FILE_BYTES)]
    sheet: TEXT = ""
    mapping: ImportMappingForm | None = None


class MemberImport(shapes.Answer, frozen=True):
    """One import. `status`: mapping, checking, checked, loading, done, failed, undoing, undone or dropped.

    `columns`: field -> heading. `counts`: rows by verdict, by level and by status of the other system, linked
    memberships that follow, and opening balances in minor units (docs/imports.md). `problem` in words.
    """

    id: UUID
    network: str
    name: str
    status: str
    source: str
    columns: dict[str, str]
    counts: dict[str, Any]
    total: int
    done: int
    problem: str
    created_by: str
    created_at: datetime
    confirmed_by: str
    confirmed_at: datetime | None
    finished_at: datetime | None
    undone_at: datetime | None


class ImportProblem(shapes.Answer, frozen=True):
    """What is wrong with a row, or worth a look: the field, a stable code, and in words."""

    field: str
    code: str
    words: str


class ImportDifference(shapes.Answer, frozen=True):
    """What the row changes."""

    field: str
    old: str
    new: str


class ImportLink(shapes.Answer, frozen=True):
    """A linked membership that follows."""

    network: str
    tier: str
    rule: str


class ImportRow(shapes.Answer, frozen=True):
    """A row with its verdict: new, change, same, left_out or refused; after an undo, what `stays` and why (codes)."""

    number: int
    verdict: str
    name: str
    identifier: str
    organisation_id: UUID | None
    problems: list[ImportProblem]
    hints: list[ImportProblem]
    differences: list[ImportDifference]
    links: list[ImportLink]
    stays: list[str]


class ImportRowQuery(msgspec.Struct, frozen=True):
    """Which rows."""

    show: Literal["all", "refused", "new", "change", "same", "left_out", "stays"] = "all"
    limit: shapes.Limit = 100
    cursor: Annotated[str, Meta(pattern="^[0-9]{1,7}$", description="From `next_cursor`; opaque.")] | None = None


async def upload(call: Call[Nothing, ImportForm]) -> MemberImport:
    form, slug = call.body, call.slug()
    async with call.context.db.tx() as connection:
        kept = await call.kept(connection)
        if slug not in kept.by_slug or kept.by_slug[slug].id not in call.actor.sees:
            raise NotFound("slug", slug)
        new = await actions.upload(call.context, call.actor, slug, form.name, form.content, form.sheet)
        mapping = None
        if form.mapping:
            told = msgspec.structs.asdict(form.mapping)
            mapping = msgspec.convert({**told, "sheet": form.sheet}, ColumnMapping)
        await actions.map_columns(call.context, call.actor, new, mapping)
    return await _shown(call, new)


async def show(call: Call[Nothing, None]) -> MemberImport:
    return await _shown(call, call.id("import_id"))


async def confirm(call: Call[Nothing, None]) -> MemberImport:
    wanted = call.id("import_id")
    await actions.confirm(call.context, call.actor, wanted)
    return await _shown(call, wanted)


async def undo(call: Call[Nothing, None]) -> MemberImport:
    wanted = call.id("import_id")
    await actions.undo(call.context, call.actor, wanted)
    return await _shown(call, wanted)


async def drop(call: Call[Nothing, None]) -> MemberImport:
    wanted = call.id("import_id")
    await actions.drop(call.context, call.actor, wanted)
    return await _shown(call, wanted)


async def rows(call: Call[ImportRowQuery, None]) -> shapes.Page[ImportRow]:
    wanted, query = call.id("import_id"), call.query
    async with call.context.db.reading(call.actor.manages) as connection:
        await _found(call, connection, wanted)
        found = await member_imports.rows(connection, wanted, query.show, int(query.cursor or 0), query.limit + 1)
    shown = found[: query.limit]
    cursor = str(shown[-1].number) if len(found) > len(shown) else None
    if cursor:
        asked = {"show": query.show, "limit": query.limit, "cursor": cursor}
        call.headers["link"] = edge.next_link(f"{PREFIX}/member-imports/{wanted}/rows", asked)
    return shapes.Page([_row(call, each) for each in shown], cursor, cursor is not None)


def _row(call: Call[Any, Any], row: member_imports.Row) -> ImportRow:
    def told(problems: Any) -> list[ImportProblem]:
        return [ImportProblem(p.field, p.code, import_words.problem(call.t, p)) for p in problems]

    detail = row.detail
    return ImportRow(
        row.number,
        row.verdict,
        row.name,
        row.identifier,
        row.organisation_id,
        told(detail.problems),
        told(detail.hints),
        [ImportDifference(each.field, each.old, each.new) for each in detail.differences],
        [ImportLink(**each) for each in detail.links],
        list(row.stays),
    )


async def _found(call: Call[Any, Any], connection: Any, wanted: UUID) -> member_imports.Import:
    found = await member_imports.one(connection, wanted)
    if found is None:
        async with call.reading() as seen:
            if await member_imports.one(seen, wanted):
                raise Forbidden
        raise NotFound("import_id", wanted)
    return found


async def _shown(call: Call[Any, Any], wanted: UUID) -> MemberImport:
    async with call.context.db.reading(call.actor.manages) as connection:
        kept = await call.kept(connection)
        found = await _found(call, connection, wanted)
    return MemberImport(
        found.id,
        kept.by_id[found.network_id].slug,
        found.name,
        found.status,
        found.mapping.source,
        found.mapping.columns,
        found.counts,
        found.total,
        found.done,
        import_words.failure(call.t, found.problem),
        found.created_by,
        found.created_at,
        found.confirmed_by,
        found.confirmed_at,
        found.finished_at,
        found.undone_at,
    )


operations = (
    Operation(
        id="upload_member_import",
        method="POST",
        path="/networks/{slug}/member-imports",
        tag=TAG,
        summary=N_("Upload a file of members"),
        description=N_("Its rows are looked at by a job; nothing of it is stored before it is confirmed."),
        body=ImportForm,
        answer=MemberImport,
        status=201,
        max_body=actions.LARGEST_FILE_BYTES * 3 // 2,
        example={"name": "members.csv", "content": "TmF2bjtOaXbDpTtJbm5tZWxkdApGamVsbCBBUztwYXJ0bmVyOzIwMjQtMDEtMDEK"},
        run=upload,
    ),
    Operation(
        id="get_member_import",
        method="GET",
        path=ONE,
        tag=TAG,
        summary=N_("An import of members"),
        description=N_("How far it is, and what it comes to."),
        answer=MemberImport,
        run=show,
    ),
    Operation(
        id="list_member_import_rows",
        method="GET",
        path=f"{ONE}/rows",
        tag=TAG,
        summary=N_("The rows of an import"),
        description=N_("Every row with its verdict, why, what it changes and which linked memberships follow."),
        query=ImportRowQuery,
        answer=shapes.Page[ImportRow],
        listing=True,
        run=rows,
    ),
    Operation(
        id="confirm_member_import",
        method="POST",
        path=f"{ONE}/confirmation",
        tag=TAG,
        summary=N_("Store an import"),
        description=N_("All of it, by a job, in one transaction. Refused as long as a row is. Repeating is harmless."),
        answer=MemberImport,
        run=confirm,
    ),
    Operation(
        id="drop_member_import",
        method="DELETE",
        path=ONE,
        tag=TAG,
        summary=N_("Drop an import that is not stored"),
        description=N_("Its file and rows are not kept."),
        answer=MemberImport,
        run=drop,
    ),
    Operation(
        id="undo_member_import",
        method="POST",
        path=f"{ONE}/undo",
        tag=TAG,
        summary=N_("Take an import back"),
        description=N_("Everything it made on which nothing later rests; the rows say what stays and why."),
        answer=MemberImport,
        run=undo,
    ),
)
