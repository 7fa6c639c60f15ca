"""Documents on members and agreements over HTTP: what may be kept, saved to disk, deleted and undone."""

import io
import zipfile
from typing import Any

import httpx
import pytest

from crm import file_types
from crm.context import Context
from tests.crm.web.office import CLAIRE, NORA, NORA_ONLY, count, member, send, sign_in, text, token

pytestmark = pytest.mark.anyio
PDF = b"%PDF-1.7\n" + b"content " * 60_000  # more than one piece
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


def zipped(**parts: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as written:
        for name, content in parts.items():
            written.writestr(name.replace("__", "/").replace("_xml", ".xml").replace("_bin", ".bin"), content)
    return out.getvalue()


DOCX = zipped(**{"[Content_Types].xml": "<Types/>", "word/document.xml": "<w/>"})
MACROS = zipped(**{"[Content_Types].xml": "<Types/>", "word/document.xml": "<w/>", "word/vbaProject.bin": "x"})


@pytest.fixture
async def page(client: httpx.AsyncClient, context: Context) -> str:
    await sign_in(client, NORA_ONLY)
    organisation, _ = await member(context, "eSmart Systems")
    return f"{NORA}/members/{organisation}/documents"


async def add(client: httpx.AsyncClient, page: str, name: str, content: bytes, **fields: Any) -> httpx.Response:
    data = {"_csrf_token": await token(client), "kind": "agreement", **fields}
    return await client.post(f"{page}/new", data=data, files={"file": (name, content, "application/octet-stream")})


async def test_a_file_is_kept_and_saved_again_as_it_came(
    client: httpx.AsyncClient, page: str, context: Context
) -> None:
    answer = await add(client, page, "Avtale 2026 – NORA.pdf", PDF, title="Agreement", signed_on="2026-01-10",
                       valid_until="2026-11-01")  # fmt: skip
    assert answer.status_code == 303, text(answer)
    shown = text(await client.get(page))
    assert "Agreement" in shown and "469 kB" in shown and "Ran out 1 Nov 2026" in shown
    wanted = await count(context, "select id from member_document")
    file = await client.get(f"{NORA}/documents/{wanted}/file")
    assert file.content == PDF and file.headers["content-type"] == "application/pdf"
    assert file.headers["content-disposition"].startswith('attachment; filename="Avtale 2026 _ NORA.pdf"')
    assert "filename*=UTF-8''Avtale%202026%20%E2%80%93%20NORA.pdf" in file.headers["content-disposition"]
    assert file.headers["x-content-type-options"] == "nosniff" and "sandbox" in file.headers["content-security-policy"]
    answer = await send(client, f"{NORA}/documents/{wanted}", title="The agreement", kind="minutes")
    assert answer.status_code == 303
    changes = text(await client.get(page.replace("/documents", "/changes?kind=notes")))
    assert "Document described anew: The agreement" in changes and "before: Agreement" in changes
    answer = await send(
        client, f"{NORA}/documents/{wanted}", title="x", signed_on="2026-02-01", valid_until="2026-01-01"
    )
    assert answer.status_code == 422 and "before it was signed" in text(answer)


async def test_deleting_is_hiding_and_can_be_undone(client: httpx.AsyncClient, page: str, context: Context) -> None:
    await add(client, page, "a.pdf", PDF)
    wanted = await count(context, "select id from member_document")
    answer = await send(client, f"{NORA}/documents/{wanted}/delete")
    gone = await client.get(answer.headers["location"])
    assert "a.pdf is deleted." in text(gone) and f"{NORA}/documents/{wanted}/restore" in gone.text
    assert (await client.get(f"{NORA}/documents/{wanted}/file")).status_code == 404
    assert f"{NORA}/documents/{wanted}/restore" in (await client.get(page.replace("/documents", "/changes"))).text
    await send(client, f"{NORA}/documents/{wanted}/restore")
    assert (await client.get(f"{NORA}/documents/{wanted}/file")).status_code == 200


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("page.html", b"<html><script>1</script></html>", "Files of these kinds"),
        ("picture.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "Files of these kinds"),
        ("program.pdf", b"MZ\x90\x00\x03", "Files of these kinds"),
        ("macros.docx", MACROS, "Files of these kinds"),
        ("letter.docx", PDF, "by its content the file is “pdf”"),
        ("noending", PDF, "by its content the file is “pdf”"),
        ("empty.pdf", b"", "The file is empty."),
        ("big.pdf", b"%PDF-" + b"0" * (20 * 2**20), "larger than 20 MB"),
        ("", b"", "This must be filled in."),
    ],
)
async def test_what_may_not_be_kept_is_said(
    client: httpx.AsyncClient, page: str, context: Context, name: str, content: bytes, said: str
) -> None:
    answer = await add(client, page, name, content, title="Typed before")
    assert answer.status_code == 422 and said in text(answer)
    assert 'value="Typed before"' in answer.text
    assert await count(context, "select count(*) from member_document") == 0


async def test_far_too_much_is_not_even_read(client: httpx.AsyncClient, page: str) -> None:
    answer = await add(client, page, "a.pdf", b"%PDF-" + b"0" * (21 * 2**20))
    assert answer.status_code == 413 and "larger than 20 MB" in text(answer)


@pytest.mark.parametrize(
    ("content", "media"),
    [
        (DOCX, WORD),
        (MACROS, ""),
        (b"PK\x03\x04 not a zip at all", ""),
        (zipped(mimetype="application/vnd.oasis.opendocument.text"), "application/vnd.oasis.opendocument.text"),
        (zipped(mimetype="text/html"), ""),
        (b"\x89PNG\r\n\x1a\n....", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        ("Møte 3. mai\n".encode(), "text/plain"),
        (b"  <!doctype html>", ""),
        (b"\x00\x01", ""),
        (b"\xff\xfe", ""),
    ],
)
async def test_what_a_file_is_by_its_bytes(content: bytes, media: str) -> None:
    assert file_types.sniffed(content) == media


async def test_of_an_agreement_each_party_has_its_own(client: httpx.AsyncClient, page: str, context: Context) -> None:
    code = await count(
        context,
        "select a.code from agreement a join network n on n.id = a.source_network_id"
        " where n.slug = 'nora-industry-network' limit 1",
    )
    here = f"{NORA}/setup/agreements/{code}/documents"
    assert (await add(client, here, "signed.pdf", PDF)).status_code == 303
    assert "signed.pdf" in text(await client.get(here))
    assert "Documents" in text(await client.get(f"{NORA}/setup/agreements"))
    wanted = await count(context, "select id from member_document")
    await sign_in(client, "claire@klynge.example")
    theirs = await client.get(here.replace(NORA, CLAIRE))
    assert theirs.status_code == 200 and "signed.pdf" not in text(theirs)
    assert (await client.get(f"{CLAIRE}/documents/{wanted}/file")).status_code == 404
    assert (await send(client, f"{CLAIRE}/documents/{wanted}/delete")).status_code == 404


async def test_contacts_are_added_and_changed_with_what_stood_before(
    client: httpx.AsyncClient, page: str, context: Context
) -> None:
    here = page.replace("/documents", "")
    fields = {"name": "Maria Solheim", "email": "Maria@esmart.example", "role": "partnerships", "language": "en"}
    answer = await send(client, f"{here}/contacts/new", communication="yes", **fields)
    assert answer.headers["location"].endswith("/people?done=contact"), text(answer)
    shown = text(await client.get(f"{here}/people"))
    assert "Maria Solheim" in shown and "maria@esmart.example" in shown and "news and invitations" in shown
    again = await send(client, f"{here}/contacts/new", **fields)
    assert again.status_code == 422 and "has a contact with that e-mail address already" in text(again)
    wanted = await count(context, "select id from contact where email = 'maria@esmart.example'")
    await send(client, f"{here}/contacts/{wanted}", main="yes", **{**fields, "role": "research"})
    assert await count(
        context, "select count(*) from contact where main and organisation_id = $1", here.split("/")[-1]
    ) == 1  # fmt: skip
    await send(client, f"{here}/contacts/{wanted}", **{**fields, "role": "management"})
    changes = text(await client.get(f"{here}/changes?kind=changes"))
    assert "Contact changed: Maria Solheim" in changes
    assert "Role before: partnerships now: management" in changes, "two edits within two minutes are one"
    assert "research" not in changes and "Ingrid Vik (web page)" in changes
