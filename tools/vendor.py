"""Re-make templates/static/vendor from npm packages: python tools/vendor.py, by hand, when a version changes.

Needs Node and npm, for this only; nothing at run time does. The versions are pinned here; VENDOR.toml records
the hash of every file, which tests/crm/web/test_assets.py compares with what is in the checkout.
"""

import hashlib
import shutil
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
VENDOR = ROOT / "templates/static/vendor"
THEME_CONFIG = VENDOR / "theme/designsystemet.config.json"
THEME_CLI = ("@digdir/designsystemet", "1.15.0", "MIT")


@dataclass(frozen=True)
class Package:
    name: str
    version: str
    licence: str
    folder: str
    files: dict[str, str]  # name here: path in the package


ICONS = """
    activity adjustments-horizontal alert-circle alert-triangle arrow-back-up arrow-down arrow-left
    arrow-merge arrow-right arrow-up award ban book bookmark building building-community calendar
    calendar-event chart-bar check checklist chevron-down chevron-left chevron-right circle-check
    circle-minus circle-x clipboard-check clock code color-swatch command database device-desktop dots
    download external-link eye file-export file-import file-text flag gift git-merge help history
    hourglass id inbox info-circle key keyboard language layout-dashboard link link-plus list-details
    lock login logout mail mail-forward menu-2 message moon network note paperclip pencil photo pin
    player-pause player-play plus printer receipt receipt-refund refresh report-analytics search
    selector send settings shield-check star sun table tag tags trash unlink upload user user-edit users
    world x
"""

PACKAGES = (
    Package(
        "@digdir/designsystemet-css",
        "1.22.0",
        "MIT",
        "designsystemet",
        {"designsystemet.css": "dist/src/index.css", "LICENSE": "LICENSE"},
    ),
    Package("htmx.org", "4.0.1", "0BSD", "htmx", {"htmx.min.js": "dist/htmx.min.js", "LICENSE": "LICENSE"}),
    Package(
        "@fontsource-variable/inter",
        "5.3.0",
        "OFL-1.1",
        "inter",
        {"inter-latin.woff2": "files/inter-latin-wght-normal.woff2", "LICENSE": "LICENSE"},
    ),
    Package(
        "@expo-google-fonts/inter",  # typst reads no woff2; here are the same letters as TrueType, all scripts
        "0.4.2",
        "OFL-1.1",
        "inter-print",
        {
            "Inter-Regular.ttf": "400Regular/Inter_400Regular.ttf",
            "Inter-Medium.ttf": "500Medium/Inter_500Medium.ttf",
            "Inter-SemiBold.ttf": "600SemiBold/Inter_600SemiBold.ttf",
            "LICENSE": "LICENSE_FONT",
        },
    ),
    Package(
        "@tabler/icons",
        "3.51.0",
        "MIT",
        "icons",
        {f"{name}.svg": f"icons/outline/{name}.svg" for name in ICONS.split()} | {"LICENSE": "LICENSE"},
    ),
)


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        entries = [fetch(package, Path(scratch)) for package in PACKAGES]
        entries.append(build_theme(Path(scratch)))
    (VENDOR / "VENDOR.toml").write_text(
        "# Written by tools/vendor.py; tests compare the hashes.\n\n" + "\n".join(entries), "utf-8"
    )


def fetch(package: Package, scratch: Path) -> str:
    target = VENDOR / package.folder
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    unpacked = pack(package.name, package.version, scratch)
    for name, source in package.files.items():
        (target / name).write_bytes((unpacked / source).read_bytes())
    return entry(package.name, package.version, package.licence, sorted(target.iterdir()))


def build_theme(scratch: Path) -> str:
    """The theme's CSS from the committed JSON, by the design system's own command."""
    name, version, licence = THEME_CLI
    run("npm", "install", "--silent", "--no-audit", "--no-fund", f"{name}@{version}", cwd=scratch)
    command = str(scratch / "node_modules/.bin/designsystemet")
    shutil.copy(THEME_CONFIG, scratch / "klynge.config.json")
    run(command, "tokens", "create", "--config", "klynge.config.json", cwd=scratch)
    run(command, "tokens", "build", "-t", "tokens", "-o", "built", cwd=scratch)
    target = THEME_CONFIG.parent
    (target / "klynge.css").write_text(light_on_paper((scratch / "built/klynge.css").read_text("utf-8")), "utf-8")
    shutil.copy(scratch / "node_modules" / name / "LICENSE", target / "LICENSE")
    return entry(name, version, licence, sorted(target.iterdir()))


def light_on_paper(css: str) -> str:
    """Dark colours are for screens: a page printed from a dark screen must be dark ink on white paper."""
    layer = "@layer ds.theme.color-scheme.dark {\n"
    start = css.index(layer) + len(layer)
    end = css.index("@media (prefers-color-scheme: dark)", start)
    on_screen = "@media screen {\n" + css[start:end].rstrip() + "\n}\n"
    css = css[:start] + on_screen + css[end:]
    return css.replace("@media (prefers-color-scheme: dark)", "@media screen and (prefers-color-scheme: dark)")


def pack(name: str, version: str, scratch: Path) -> Path:
    run("npm", "pack", "--silent", f"{name}@{version}", cwd=scratch)
    stem = name.removeprefix("@").replace("/", "-")
    target = scratch / stem
    with tarfile.open(scratch / f"{stem}-{version}.tgz") as archive:
        archive.extractall(target, filter="data")
    return target / "package"


def run(*command: str, cwd: Path) -> None:
    subprocess.run(command, cwd=cwd, check=True, stdout=subprocess.DEVNULL)


def entry(name: str, version: str, licence: str, files: list[Path]) -> str:
    lines = [
        "[[package]]",
        f'name = "{name}"',
        f'version = "{version}"',
        f'source = "npm:{name}@{version}"',
        f'licence = "{licence}"',
        "[package.sha256]",
    ]
    lines += [f'"{path.relative_to(VENDOR).as_posix()}" = "{sha256(path)}"' for path in files]
    return "\n".join(lines) + "\n"


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    main()
