#!/bin/sh
# Makes tests/fixtures again, with the pinned packages in an environment of its own.
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
venv=$here/.venv
if [ ! -x "$venv/bin/python" ]; then
    echo "creating $venv and installing PyTorch into it (about 5 GB, once)"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --requirement "$here/requirements.txt"
fi
exec "$venv/bin/python" "$here/make_fixture.py" "$@"
