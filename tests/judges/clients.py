"""Clients of the API that others' generators make from its document, and the same small sync written against each."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.judges import node

HERE = Path(__file__).parent
RUN_SECONDS = 180
TSC = {
    **{"strict": True, "noEmitOnError": True, "target": "es2022", "module": "es2022", "moduleResolution": "bundler"},
    **{"types": ["node"], "outDir": "out", "skipLibCheck": False},
}
Sync = Callable[..., dict[str, Any]]


def typescript(document: dict[str, Any], folder: Path) -> Sync:
    """openapi-typescript makes the types, tsc compiles the sync against them. AssertionError with tsc's words."""
    _document(document, folder)
    (folder / "node_modules").symlink_to(node.installed() / "node_modules")
    (folder / "package.json").write_text('{"type": "module"}')
    (folder / "sync.ts").write_text((HERE / "sync.ts").read_text())
    (folder / "tsconfig.json").write_text(json.dumps({"compilerOptions": TSC, "files": ["sync.ts"]}))
    _call([node.NODE, "node_modules/openapi-typescript/bin/cli.js", "openapi.json", "-o", "schema.d.ts"], folder)
    _call([node.NODE, "node_modules/typescript/bin/tsc"], folder)
    return _sync([node.NODE, "out/sync.js"], folder)


def python(document: dict[str, Any], folder: Path) -> Sync:
    """openapi-python-client makes a package; AssertionError when it leaves out a part of the document."""
    _document(document, folder)
    said = _call([_beside("openapi-python-client"), "generate", "--path", "openapi.json", *_PACKAGE], folder)
    assert not [each for each in _LEFT_OUT if each in said], said
    return _sync([sys.executable, HERE / "sync_generated.py"], folder, PYTHONPATH=str(folder))


_LEFT_OUT = ("Unable to", "will not be generated", "Could not find reference")
_PACKAGE = ("--meta", "none", "--output-path", "klynge_api")


def _document(document: dict[str, Any], folder: Path) -> None:
    (folder / "openapi.json").write_text(json.dumps(document))


def _sync(command: list[Any], folder: Path, **more: str) -> Sync:
    def run(address: str, network: str, key: str, before: dict[str, Any], forget: bool = False) -> dict[str, Any]:
        environment = {"ADDRESS": address, "NETWORK": network, "KEY": key, "FORGET": "yes" if forget else "", **more}
        return json.loads(_call(command, folder, json.dumps(before), **environment))

    return run


def _call(command: list[Any], folder: Path, given: str = "", **environment: str) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # the generator calls ruff
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PATH": path, "NO_COLOR": "1", **environment},
        input=given,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=RUN_SECONDS,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def _beside(name: str) -> Path:
    return Path(sys.executable).parent / name
