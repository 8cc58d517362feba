#!/bin/sh
# Runs compare.py in a virtual environment of its own. 77: skipped, with the reason.
set -eu
here=$(dirname "$0")
library=${1:-$here/../../../target/checked/libtidegate.so}
home=$here/../../../target/peers/limits
if [ ! -f "$library" ]; then
    echo "skipped: $library is not built (cargo build --profile checked)"
    exit 77
fi
if [ ! -x "$home/bin/python" ]; then
    python3 -m venv "$home" || { echo "skipped: python3 has no venv"; exit 77; }
fi
if ! "$home/bin/python" -c 'import limits, http_sf' 2>/dev/null; then
    "$home/bin/python" -m pip install --quiet limits==5.8.0 http-sf==1.5.0 ||
        { echo "skipped: the package index is not reachable"; exit 77; }
fi
exec "$home/bin/python" "$here/compare.py" "$library"
