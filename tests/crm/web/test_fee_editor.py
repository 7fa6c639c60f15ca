"""The fees of a level written in rows: a form reads back as the same document, mistakes stand beside their rows."""

import tomllib
from pathlib import Path

import msgspec
import pytest

from crm.demo import DATA
from crm.gateways import rulebook_text
from crm.web import fee_forms
from crm.web import rulebook_forms as forms
from tests.crm.web.office import send, sign_in, text
from tests.crm.web.rule_forms import DRAFT, begin, fields_of, save, stored

pytestmark = pytest.mark.anyio
FEES = f"{DRAFT}/fees"
TABLES = sorted((Path(__file__).parents[2] / "fee_tables").glob("*.toml"))
EXAMPLES = sorted(path for path in DATA.rglob("*.toml") if "tiers" in tomllib.loads(path.read_text("utf-8")))


async def stand_in(context, file):
    """A rulebook from a file as the draft of NORA's; its networks need not be there."""
    book = msgspec.structs.replace(rulebook_text.read(file.read_text("utf-8")), network="nora-industry-network")
    async with context.db.tx() as connection:
        await connection.execute("update rulebook_draft set body = $1", msgspec.to_builtins(book))
    return book


@pytest.mark.parametrize("file", [*TABLES, *EXAMPLES], ids=lambda path: path.stem)
async def test_every_fee_table_shown_as_a_form_reads_back_as_the_same_document(client, context, file):
    await sign_in(client)
    await begin(client)
    book = await stand_in(context, file)
    for tier in forms.document(book)["tiers"]:
        for language in ("nb", "en"):
            client.cookies.set("lang", language)
            typed = fields_of(await client.get(f"{FEES}?code={tier['code']}"), "fees")
            made = fee_forms.applied(language, tier["fees"], typed)
            assert (made.fees, made.mistakes) == (tier["fees"], {}), tier["code"]
