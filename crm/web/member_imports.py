"""Members by file, on pages: upload, what the columns are, what every row would do, storing it, taking it back.

Every page is one address that can be left and come back to; while a job is at work the page asks anew by itself.
"""

from typing import Any

import msgspec
from litestar import Request, Response, get, post
from litestar.datastructures import UploadFile
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from cluster_rules.errors import RuleViolation
from cluster_rules.organisations import KINDS
from crm import import_columns, import_words, names
from crm.actions import member_imports as actions
from crm.errors import NotFound, Refused, status_of
from crm.forms import COUNTRIES
from crm.i18n import N_
from crm.import_columns import ColumnMapping, Inherited
from crm.import_rows import Problem
from crm.reads import member_imports as reads
from crm.reads.member_imports import SHOWN, Import, Row
from crm.web.fields import day_of, fields_of, id_of
from crm.web.office import Office, routes, show
from crm.web.office_consequences import problems
from crm.web.session import NOT_KEPT

PAGE = 50
BODY_MAX_BYTES = actions.LARGEST_FILE_BYTES + 64 * 1024
REFRESH_SECONDS = "2"
AT_WORK = ("checking", "loading", "undoing")
TOKENS = {
    "mapping": ("warning", "hourglass"),
    "checking": ("info", "clock"),
    "checked": ("warning", "hourglass"),
    "loading": ("info", "refresh"),
    "done": ("success", "circle-check"),
    "failed": ("danger", "circle-x"),
    "undoing": ("info", "refresh"),
    "undone": ("neutral", "arrow-back-up"),
    "dropped": ("neutral", "ban"),
}
VERDICT_TOKENS = {
    "new": ("success", "plus"),
    "change": ("info", "pencil"),
    "same": ("neutral", "check"),
    "left_out": ("neutral", "ban"),
    "refused": ("danger", "alert-circle"),
}
FILTERS = {"all": N_("All rows"), **import_words.VERDICTS, "stays": N_("Stay")}
Errors = list[dict[str, str]]


@get("/imports", include_in_schema=False)
async def show_imports(request: Request, office: NamedDependency[Office]) -> Response[str]:
    return await _list(request, office, [])


@post("/imports", include_in_schema=False, request_max_body_size=BODY_MAX_BYTES)
async def upload(request: Request, office: NamedDependency[Office]) -> Response:
    form = await request.form()
    file = form.get("file")
    if not isinstance(file, UploadFile) or not file.filename:
        error = {"field": "file", "text": office.t.gettext("Choose a file.")}
        return await _list(request, office, [error], 422)
    try:
        content = await file.read()
        new = await actions.upload(office.context, office.actor, office.network.slug, file.filename, content)
    except RuleViolation as refused:
        return await _list(request, office, problems(office, refused, {"file": "file"}), status_of(refused))
    return _to(office, new)


@get("/imports/{wanted:str}", include_in_schema=False)
async def show_import(request: Request, office: NamedDependency[Office], wanted: FromPath[str]) -> Response[str]:
    found = await _find(office, wanted)
    if found.status == "mapping" or (found.status in ("checked", "failed") and "columns" in request.query_params):
        return await _mapping_page(request, office, found, [])
    return await _page(request, office, found, [])


@post("/imports/{wanted:str}/columns", include_in_schema=False)
async def map_columns(request: Request, office: NamedDependency[Office], wanted: FromPath[str]) -> Response:
    found, typed = await _find(office, wanted), await fields_of(request)
    mapping = found.mapping
    try:
        mapping = _mapping(found, typed)
        await actions.map_columns(office.context, office.actor, found.id, mapping)
    except RuleViolation as refused:
        errors = problems(office, refused, {refused.field: "columns"})
        found = msgspec.structs.replace(found, mapping=mapping)
        return await _mapping_page(request, office, found, errors, status_of(refused))
    return _to(office, found.id)


@post("/imports/{wanted:str}/{deed:str}", include_in_schema=False)
async def do(request: Request, office: NamedDependency[Office], wanted: FromPath[str], deed: FromPath[str]) -> Response:
    """`confirmation` stores it, `undo` takes it back, `drop` forgets it."""
    found = await _find(office, wanted)
    deeds = {"confirmation": actions.confirm, "undo": actions.undo, "drop": actions.drop}
    if deed not in deeds:
        raise NotFound("page", deed)
    try:
        await deeds[deed](office.context, office.actor, found.id)
    except RuleViolation as refused:
        return await _page(request, office, found, problems(office, refused, {}), status_of(refused))
    if deed == "drop":
        return Redirect(f"{office.base}/imports", status_code=303, headers=NOT_KEPT)
    return _to(office, found.id)


handlers = [routes(show_imports, upload, show_import, map_columns, do)]


async def _list(request: Request, office: Office, errors: Errors, code: int = 200) -> Response[str]:
    async with office.context.db.reading(office.actor.sees) as connection:
        found = await reads.of_network(connection, office.network.id)
    shown = {
        "rows": [_head(office, each) for each in found],
        "errors": errors,
        "most": actions.LARGEST_FILE_BYTES // 1024**2,
        "status_code": code,
    }
    at = f"{office.base}/imports" if code != 200 else ""
    return await show(request, office, "office/imports.html", "imports", at=at, **shown)


async def _mapping_page(
    request: Request, office: Office, found: Import, errors: Errors, code: int = 200
) -> Response[str]:
    """What each column is, with some of its values beside; and what holds where a row says nothing."""
    t, looked, mapping = office.t, found.found, found.mapping
    if looked is None:
        raise NotFound("import", found.id)
    by_heading = {heading: field for field, heading in mapping.columns.items()}
    texts = list(dict.fromkeys((*looked.levels, *found.counts.get("levels", {}), *mapping.levels)))
    known = {import_columns.key_of(each) for code in office.tiers() for each in (code, *_names(office, code))}
    words = [text for text in texts if text and import_columns.key_of(text) not in known]
    shown = {
        "row": _head(office, found),
        "import": found,
        "looked": looked,
        "columns": [
            {"heading": c.heading, "samples": c.samples, "field": by_heading.get(c.heading, "")} for c in looked.columns
        ],
        "fields": [{"value": code, "label": import_words.field(t, code)} for code in import_columns.FIELDS],
        "words": [{"text": text, "level": mapping.levels.get(text, "")} for text in words[: import_columns.LEVELS_MAX]],
        "levels": [{"value": code, "label": office.tier(code)} for code in office.tiers()],
        "kinds": [{"value": kind, "label": office.kind(kind)} for kind in KINDS],
        "countries": sorted(
            ({"value": code, "label": office.country(code)} for code in COUNTRIES), key=lambda each: each["label"]
        ),
        "source": t.gettext(import_words.SOURCES[looked.source]),
        "errors": errors,
        "status_code": code,
    }
    at = f"{office.base}/imports/{found.id}" if code != 200 else ""
    return await show(request, office, "office/import_columns.html", "imports", at=at, **shown)


def _names(office: Office, code: str) -> tuple[str, ...]:
    return tuple(office.kept.tier_names(office.network.slug, code).values())


def _mapping(found: Import, typed: dict[str, str]) -> ColumnMapping:
    """The form as a mapping; a column that is chosen for two fields at once is refused."""
    columns: dict[str, str] = {}
    for n, column in enumerate(found.found.columns if found.found else ()):
        field = typed.get(f"column-{n}", "")
        if field in columns:
            raise Refused("field_chosen_twice", "columns", given=columns[field][:80], other=column.heading[:80])
        if field:
            columns[field] = column.heading
    words = {name.removeprefix("word-"): text for name, text in typed.items() if name.startswith("word-")}
    inherited: Inherited = "direct" if typed.get("inherited") == "direct" else "links"
    sheet = typed.get("sheet", found.mapping.sheet)
    return ColumnMapping(
        source=found.mapping.source,
        columns=columns,
        levels={text: level for n, text in words.items() if (level := typed.get(f"level-{n}", ""))},
        level=typed.get("level", ""),
        kind=typed["kind"] if typed.get("kind") in KINDS else "company",
        country=typed["country"] if typed.get("country") in COUNTRIES else "NO",
        joined=day_of(typed.get("joined", "")),
        inherited=inherited,
        sheet=sheet,
    )


async def _page(request: Request, office: Office, found: Import, errors: Errors, code: int = 200) -> Response[str]:
    wanted, after = request.query_params.get("show", ""), request.query_params.get("after", "")
    refused = bool(found.verdicts.get("refused"))
    chosen = wanted if wanted in SHOWN else "refused" if refused else "all"
    place = int(after) if after.isascii() and after.isdigit() and len(after) < 8 else 0
    async with office.context.db.reading(office.actor.sees) as connection:
        listed = await reads.rows(connection, found.id, chosen, place, PAGE + 1)
    here = f"{office.base}/imports/{found.id}"
    more = f"{here}?show={chosen}&after={listed[PAGE - 1].number}" if len(listed) > PAGE else ""
    shown = {
        "import": found,
        "row": _head(office, found),
        "filters": _filters(office, found, chosen, here),
        "rows": [_row(office, each) for each in listed[:PAGE]],
        "sums": _sums(office, found, "money", "booked"),
        "credits": _sums(office, found, "credits", "credited"),
        "links": _links(office, found),
        "levels": _totals(office, found.counts.get("levels", {}), True),
        "states": _totals(office, found.counts.get("states", {}), False),
        "failure": import_words.failure(office.t, found.problem),
        "more": more,
        "paged": place > 0,
        "here": here,
        "at_work": found.status in AT_WORK,
        "refused": refused,
        "nothing": not found.verdicts.get("new") and not found.verdicts.get("change"),
        "errors": errors,
        "status_code": code,
    }
    if found.status in AT_WORK:
        shown["headers"] = {"refresh": REFRESH_SECONDS}
    return await show(request, office, "office/import.html", "imports", at=here if code != 200 else "", **shown)


def _head(office: Office, found: Import) -> dict[str, Any]:
    color, icon = TOKENS[found.status]
    return {
        "href": f"{office.base}/imports/{found.id}",
        "name": found.name,
        "status": office.t.gettext(import_words.STATUSES[found.status]),
        "color": color,
        "icon": icon,
        "new": found.verdicts.get("new", 0),
        "change": found.verdicts.get("change", 0),
        "refused": found.verdicts.get("refused", 0),
        "by": found.confirmed_by or found.created_by,
        "created_at": found.created_at,
    }


def _filters(office: Office, found: Import, chosen: str, here: str) -> list[dict[str, Any]]:
    counts = {"all": found.total, **found.verdicts, "stays": int(found.counts.get("stay", 0))}
    return [
        {
            "label": office.t.gettext(name),
            "count": counts.get(key, 0),
            "href": f"{here}?show={key}",
            "current": key == chosen,
        }
        for key, name in FILTERS.items()
        if counts.get(key) or key in ("all", chosen)
    ]


def _sums(office: Office, found: Import, of: str, in_books: str) -> dict[str, str]:
    """Opening balances or credits: what the file says, what of it is to be stored, and what the ledger has since."""
    money = found.counts.get(of, {})
    if not money:
        return {}
    told = {
        name: office.t.money(money[name], money["currency"]) for name in ("file", "new", "known", "refused", "left_out")
    }
    booked = found.counts.get(in_books)
    return told | ({"booked": office.t.money(booked, money["currency"])} if booked is not None else {})


def _links(office: Office, found: Import) -> list[dict[str, Any]]:
    out = []
    for key, count in sorted(found.counts.get("links", {}).items()):
        slug, tier, _ = key.split("/", 2)
        network = office.kept.by_slug[slug]
        out.append({"network": office.face(network), "tier": office.tier(tier, slug), "count": count})
    return out


def _totals(office: Office, groups: dict[str, dict[str, Any]], of_levels: bool) -> list[dict[str, Any]]:
    """Rows read, taken over, left out and refused, by a word of the file: they add up."""
    out = []
    for word, group in sorted(groups.items()):
        taken = sum(group.get(verdict, 0) for verdict in ("new", "change", "same"))
        level = office.tier(group["level"]) if of_levels and group.get("level") else ""
        told = {"read": group["read"], "taken": taken, "left_out": group.get("left_out", 0)}
        out.append({"word": word or "–", "level": level, **told, "refused": group.get("refused", 0)})
    return out


def _row(office: Office, row: Row) -> dict[str, Any]:
    t, detail = office.t, row.detail
    color, icon = VERDICT_TOKENS[row.verdict]
    stays = [t.gettext(import_words.STAYS[each]) for each in row.stays]
    said = any(each.field == "opening_amount" for each in detail.differences)
    owed = t.gettext("Opening balance: %(amount)s", amount=_money(office, detail.opening))
    owing = [owed] if row.verdict == "new" and detail.opening and not said else []
    links = [
        t.gettext(
            "Linked: %(tier)s in %(network)s",
            tier=office.tier(each["tier"], each["network"]),
            network=names.network_name(t, office.kept, each["network"]),
        )
        for each in detail.links
    ]
    return {
        "number": row.number,
        "name": row.name,
        "href": f"{office.base}/members/{row.organisation_id}" if row.organisation_id else "",
        "identifier": row.identifier,
        "level": office.tier(detail.level) if detail.level else "",
        "joined": detail.joined,
        "verdict": t.gettext(import_words.VERDICTS[row.verdict]),
        "color": color,
        "icon": icon,
        "problems": [_said(office, each) for each in detail.problems],
        "left_out": import_words.left_out(t, detail.left_out, detail.status),
        "differences": [_difference(office, each) for each in detail.differences],
        "hints": [_said(office, each) for each in detail.hints] + owing + links + stays,
    }


def _said(office: Office, problem: Problem) -> str:
    return import_words.problem(office.t, problem)


def _difference(office: Office, each: Any) -> dict[str, str]:
    old, new = each.old, each.new
    if each.field == "level":
        old, new = office.tier(old) if old else "", office.tier(new)
    elif each.field in ("opening_amount", "opening_credit"):
        new = _money(office, int(new))
    return {"field": import_words.field(office.t, each.field), "old": old, "new": new}


def _money(office: Office, amount: int) -> str:
    return office.t.money(amount, office.kept.book(office.network.slug, office.today).currency)


async def _find(office: Office, wanted: str) -> Import:
    """An import of this network; NotFound."""
    async with office.context.db.reading(office.actor.sees) as connection:
        found = await reads.one(connection, id_of("import", wanted))
    if found is None or found.network_id != office.network.id or found.status == "dropped":
        raise NotFound("import", wanted)
    return found


def _to(office: Office, wanted: Any) -> Redirect:
    return Redirect(f"{office.base}/imports/{wanted}", status_code=303, headers=NOT_KEPT)
