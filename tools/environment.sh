# Make .venv from requirements.lock (hashes and all); does nothing while the lock is the one installed.
set -eu
installed=.venv/installed.lock
if cmp -s requirements.lock "$installed" && [ -x .venv/bin/python ]; then
    exit 0
fi

python=
for each in python3.11 python3; do
    if command -v "$each" >/dev/null 2>&1 && "$each" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
        python=$each
        break
    fi
done
if [ -z "$python" ]; then
    echo "Python 3.11 is needed; neither python3.11 nor python3 here is that new." >&2
    exit 1
fi

if [ ! -x .venv/bin/python ]; then
    if ! "$python" -m venv .venv; then
        rm -rf .venv
        echo "$python cannot make an environment: on Debian and Ubuntu install its -venv package." >&2
        exit 1
    fi
fi
rm -f "$installed"
echo "Installing what requirements.lock names into .venv ..."
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
cp requirements.lock "$installed"
