# The tests that look at pages need Chromium: use what is there, else install it. Never skipped in silence.
set -eu

found() {
    if [ -n "${CHROMIUM:-}" ]; then
        [ -x "$CHROMIUM" ]
        return
    fi
    command -v chromium >/dev/null 2>&1 || command -v chromium-browser >/dev/null 2>&1 || playwrights
}

playwrights() {
    .venv/bin/python -c '
import sys
from pathlib import Path
from playwright.sync_api import sync_playwright
with sync_playwright() as playwright:
    sys.exit(not Path(playwright.chromium.executable_path).exists())
'
}

if found; then
    exit 0
fi
echo "Chromium is missing: installing it ..."
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends chromium || true
else
    .venv/bin/python -m playwright install chromium || true
fi
if ! found; then
    echo "Chromium could not be installed, and the tests are not run without it." >&2
    echo "Install it by hand, or set CHROMIUM to where it is; then run make test again." >&2
    exit 1
fi
