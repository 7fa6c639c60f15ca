"""What a file is by its bytes: the kinds that may be kept as documents, and the endings their names may have.

Looked at, never run or unpacked: of a zip only its table of contents is read. That a file is of its kind does not make
it harmless; looking for viruses is the work of another program (docs/office.md).
"""

import io
import zipfile
from urllib.parse import quote

MEDIA_TYPES: dict[str, tuple[str, ...]] = {
    "application/pdf": ("pdf",),
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ("docx",),
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ("xlsx",),
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": ("pptx",),
    "application/vnd.oasis.opendocument.text": ("odt",),
    "application/vnd.oasis.opendocument.spreadsheet": ("ods",),
    "image/png": ("png",),
    "image/jpeg": ("jpg", "jpeg"),
    "text/plain": ("txt",),
}
ENDINGS = tuple(ending for endings in MEDIA_TYPES.values() for ending in endings)
MOST_PARTS = 5000  # in a zip; an office file has hundreds
_STARTS = {b"%PDF-": "application/pdf", b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}
_OFFICE = {"word/document.xml": "wordprocessingml.document", "xl/workbook.xml": "spreadsheetml.sheet"}
_OFFICE["ppt/presentation.xml"] = "presentationml.presentation"
_MIMETYPE_MAX = 100


def sniffed(content: bytes) -> str:
    """The media type, one of `MEDIA_TYPES`; empty for what is none of them, macros in an office file among that."""
    for start, media in _STARTS.items():
        if content.startswith(start):
            return media
    if content.startswith(b"PK\x03\x04"):
        return _zipped(content)
    return "text/plain" if _plain(content) else ""


def ending(name: str) -> str:
    """What a file's name ends with, in small letters; empty without an ending."""
    return name.rpartition(".")[2].lower() if "." in name else ""


def saved_only(name: str) -> dict[str, str]:
    """The headers of a file that is saved and never shown: whatever it holds does nothing on our pages."""
    plain = "".join(c if c.isascii() and (c.isalnum() or c in " .-_()") else "_" for c in name)
    return {
        "content-disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name)}",
        "x-content-type-options": "nosniff",
        "content-security-policy": "sandbox; default-src 'none'",
    }


def _zipped(content: bytes) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as opened:
            names = set(opened.namelist())
            if len(names) > MOST_PARTS or any("vbaproject" in name.lower() for name in names):
                return ""
            if "mimetype" in names and opened.getinfo("mimetype").file_size <= _MIMETYPE_MAX:
                told = opened.read("mimetype").decode("ascii", "replace").strip()
                return told if told in MEDIA_TYPES else ""
    except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError, RuntimeError):
        return ""
    if "[Content_Types].xml" not in names:
        return ""
    office = next((kind for part, kind in _OFFICE.items() if part in names), "")
    return f"application/vnd.openxmlformats-officedocument.{office}" if office else ""


def _plain(content: bytes) -> bool:
    """Text in UTF-8 without control characters, and not the beginning of a page or a program."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return False
    if any(ord(letter) < 32 and letter not in "\t\n\r\f" for letter in text):
        return False
    return text.lstrip()[:1] != "<" and not text.startswith("#!")
