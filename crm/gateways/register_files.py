"""Files of the register between their upload and the job that reads them: in the data directory, for a while only.

Web and workers see the same directory (docs/operations.md). A file is written under another name and moved into place
when it is whole; nobody but this process's user can read it.
"""

import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from crm.errors import Refused

FOLDER = "register"
UPLOAD_MAX = 768 * 1024**2  # bytes; the whole register packed is about 200 MB
KEPT_SECONDS = 24 * 3600  # of a file that no run asks for any more
PIECE = 1024**2
_ENDING = ".upload"


def store(data_dir: Path, run: UUID, source: BinaryIO) -> int:
    """Copy a file there, piece by piece; how many bytes. Refused `register_upload_large`, `register_empty`,
    `register_no_room`: then nothing of it stays."""
    folder = data_dir / FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    place, begun = path(data_dir, run), folder / f"{run}.part"
    size = 0
    try:
        with os.fdopen(os.open(begun, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            while piece := source.read(PIECE):
                size += len(piece)
                if size > UPLOAD_MAX:
                    raise Refused("register_upload_large", "file", limit=UPLOAD_MAX // 1024**2)
                out.write(piece)
            out.flush()
            os.fsync(out.fileno())
        if not size:
            raise Refused("register_empty", "file")
        begun.replace(place)
    except OSError as error:
        raise Refused("register_no_room", "file") from error
    finally:
        begun.unlink(missing_ok=True)
    return size


def path(data_dir: Path, run: UUID) -> Path:
    """Where a run's file lies."""
    return data_dir / FOLDER / f"{run}{_ENDING}"


def forget(data_dir: Path, run: UUID) -> None:
    """It is not needed any more; twice is once."""
    path(data_dir, run).unlink(missing_ok=True)


def forget_others(data_dir: Path, wanted: Iterable[UUID]) -> int:
    """Files that no run at work waits for, once they have lain a day: how many went."""
    names, gone = {path(data_dir, run).name for run in wanted}, 0
    for each in (data_dir / FOLDER).glob("*"):
        if each.name not in names and each.stat().st_mtime < time.time() - KEPT_SECONDS:
            each.unlink(missing_ok=True)
            gone += 1
    return gone
