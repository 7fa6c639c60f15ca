"""A whole database into one file and back: PostgreSQL's own pg_dump, pg_restore and psql, which come with the server.

A backup is one snapshot of a running system in PostgreSQL's custom format. It is put back in one transaction: all of
it, or nothing. The file holds everything, people's data and keys' hashes included: it is readable by its owner alone.
"""

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

import msgspec

from crm.gateways.postgres_place import PostgresError, binaries

Told = Callable[[int, int], None]
_TABLE = "dumping contents of table"
_MADE = re.compile(r"^;\s+Archive created at (.+?)\s*$", re.MULTILINE)
_ROWS = re.compile(r"^\d+; .* TABLE DATA \S+ (\S+) ", re.MULTILINE)
_MIGRATION = re.compile(r"^\d+\t(\S+)\tcrm\t", re.MULTILINE)
_OURS = frozenset({"migration", "audit", "feed_epoch"})
# After the archive, where pg_restore does not look: these words and the SHA-256 of all bytes before them.
_SEAL = b"\nKlynge backup, SHA-256 "
_CHUNK = 1024 * 1024
_LAST_WORDS = 600  # characters of what a program complained of


class BackupError(PostgresError):
    """The file cannot be written, read or put back; the sentence says why."""


class Contents(msgspec.Struct, frozen=True):
    """What a backup says of itself: when it was made (as the maker's clock wrote it), the migrations in it."""

    made: str
    migrations: frozenset[str]


def write(dsn: str, place: Path, tables: int, tell: Told) -> int:
    """Dump the database at `dsn` to the new file `place`, mode 0600, and give its bytes; it appears when it is whole.

    `tables`: how many there are, for `tell(done, tables)`. BackupError when the file is there already, cannot be
    written, or the server is of a newer version than the program.
    """
    if place.exists():
        raise BackupError(f"{place} is there already. Name another file.")
    unfinished = place.with_name(f".{place.name}.unfinished")
    try:
        os.close(os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except OSError as error:
        raise BackupError(f"{place} cannot be written: {error.strerror}.") from error
    try:
        _dump(dsn, unfinished, tables, tell)
        seal = _sha256(unfinished, unfinished.stat().st_size)
        with unfinished.open("ab") as file:
            file.write(_SEAL + seal)
            file.flush()
            os.fsync(file.fileno())
        unfinished.rename(place)
        return place.stat().st_size
    finally:
        unfinished.unlink(missing_ok=True)


def contents(place: Path) -> Contents:
    """What is in the file. BackupError when it is none of ours, or cut short in its list."""
    if not place.is_file():
        raise BackupError(f"There is no file {place}.")
    _must_be_whole(place)
    listed = _asked("--list", place)
    if _OURS.difference(_ROWS.findall(listed)):
        raise BackupError(f"{place} is a database, but no backup of Klynge.")
    found = _MADE.search(listed)
    done = _asked("--data-only", place, "--table=migration", "--file=-")
    return Contents(found[1] if found else "", frozenset(_MIGRATION.findall(done)))


def put_back(dsn: str, place: Path, before: str, after: str) -> None:
    """Put the file's tables into the empty database at `dsn`, between SQL `before` and `after`, in one transaction.

    BackupError, and the database as empty as it was, when the file is damaged or the server refuses anything.
    """
    options = ["--no-owner", "--exit-on-error", "--file=-"]
    with tempfile.TemporaryFile() as told, _address(dsn) as (safe, secret):
        reader = subprocess.Popen(  # noqa: S603 (our own program; paths are arguments)
            [_program("pg_restore"), *options, str(place)], stdout=subprocess.PIPE, stderr=told
        )
        writer = subprocess.Popen(  # noqa: S603
            [_program("psql"), "-X", "-q", "-o", os.devnull, "-v", "ON_ERROR_STOP=1", "-d", safe],
            stdin=subprocess.PIPE,
            stderr=told,
            env=secret,
        )
        assert reader.stdout and writer.stdin
        try:
            writer.stdin.write(f"begin;\n{before}\n".encode())
            shutil.copyfileobj(reader.stdout, writer.stdin, 1024 * 1024)
            if reader.wait() == 0:  # else nothing says "commit", and the server forgets it all
                writer.stdin.write(f"\n{after}\ncommit;\n".encode())
            writer.stdin.close()
        except BrokenPipeError:
            reader.kill()
        finally:
            reader.stdout.close()
            codes = (reader.wait(), writer.wait())
        if any(codes):
            told.seek(0)
            said = told.read().decode(errors="replace")
            raise BackupError(f"{place} could not be put back, and nothing of it was: {_last(said)}")


def _must_be_whole(place: Path) -> None:
    """The last bytes say what all before them were: pg_restore itself does not see every byte that was turned."""
    end = place.stat().st_size - len(_SEAL) - hashlib.sha256().digest_size
    with place.open("rb") as file:
        file.seek(max(end, 0))
        told = file.read()
    if end < 0 or not told.startswith(_SEAL):
        raise BackupError(f"{place} is no backup of Klynge, or cut short.")
    if told != _SEAL + _sha256(place, end):
        raise BackupError(f"{place} is damaged: it is not what was written.")


def _sha256(place: Path, size: int) -> bytes:
    """The digest of a file's first `size` bytes."""
    digest = hashlib.sha256()
    with place.open("rb") as file:
        while size and (chunk := file.read(min(size, _CHUNK))):
            digest.update(chunk)
            size -= len(chunk)
    return digest.digest()


def _asked(question: str, place: Path, *more: str) -> str:
    done = subprocess.run(  # noqa: S603 (our own program; the path is an argument)
        [_program("pg_restore"), question, *more, str(place)],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        raise BackupError(f"{place} is no backup of Klynge: {_last(done.stderr)}")
    return done.stdout


def _dump(dsn: str, place: Path, tables: int, tell: Told) -> None:
    with _address(dsn) as (safe, secret):
        # Level 1 is three times as quick as gzip's usual one, for a tenth more bytes.
        options = ["--format=custom", "--compress=gzip:1", "--no-owner", "--verbose"]
        running = subprocess.Popen(  # noqa: S603 (our own program; paths are arguments)
            [_program("pg_dump"), *options, f"--file={place}", f"--dbname={safe}"],
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            env=secret,
        )
        assert running.stderr
        done, said = 0, ""
        for line in running.stderr:
            if _TABLE in line:
                done += 1
                tell(min(done, tables), tables)
            said = (said + line)[-_LAST_WORDS:]
        if running.wait():
            raise BackupError(f"The backup was not made: {_last(said)}")


@contextmanager
def _address(dsn: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The address without its password, which stands in the environment: whoever lists processes sees arguments."""
    parts = urlsplit(dsn)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    if parts.password:
        environment["PGPASSWORD"] = unquote(parts.password)
    who, at, where = parts.netloc.rpartition("@")
    yield urlunsplit(parts._replace(netloc=f"{who.split(':')[0]}{at}{where}")), environment


def _program(name: str) -> str:
    path = binaries(None) / "bin" / name
    if not path.exists():
        raise BackupError(f"There is no {name} here: it comes with the embedded PostgreSQL, which this platform lacks.")
    return str(path)


def _last(said: str) -> str:
    """The end of what a program complained of, without its progress."""
    lines = [line for line in said.splitlines() if "error:" in line.lower() or "detail:" in line.lower()]
    return " ".join(lines or said.splitlines())[-_LAST_WORDS:].strip()
