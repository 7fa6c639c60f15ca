"""A merger of networks as a TOML file that a manager can write and read."""

import tomllib
from pathlib import Path

import msgspec

from cluster_rules.network_mergers import NetworkMerger
from crm.folder import FolderError

LARGEST_FILE = 200_000


def read(path: Path) -> NetworkMerger:
    """The plan in a file. FolderError names the field (or the line) and what is wrong with it."""
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise FolderError(path.name, 0, "file", f"larger than {LARGEST_FILE} bytes")
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise FolderError(path.name, 0, "file", str(error)) from error
    try:
        return msgspec.convert(document, NetworkMerger)
    except msgspec.ValidationError as error:
        why, _, at = str(error).partition(" - at `$")
        raise FolderError(path.name, 0, at.strip("`.") or "document", why) from error
