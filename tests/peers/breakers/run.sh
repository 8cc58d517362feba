#!/bin/sh
# Gets the peers and runs compare.py. 77: skipped, with the reason.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
library=${1:-$here/../../../target/checked/libtidegate.so}
home=${TIDEGATE_PEERS:-$here/../../../target/peers}/breakers
if [ ! -f "$library" ]; then
    echo "skipped: $library is not built (cargo build --profile checked)"
    exit 77
fi
library=$(cd "$(dirname "$library")" && pwd)/$(basename "$library")
command -v python3 >/dev/null || { echo "skipped: there is no python3"; exit 77; }
mkdir -p "$home/node" "$home/go"
peers=

if [ ! -x "$home/venv/bin/python" ]; then
    python3 -m venv "$home/venv" || echo "pybreaker skipped: python3 has no venv"
fi
if "$home/venv/bin/python" -c 'import pybreaker' 2>/dev/null ||
    "$home/venv/bin/python" -m pip install --quiet pybreaker==1.4.1; then
    peers="$peers pybreaker"
else
    echo "pybreaker skipped: the Python package index is not reachable"
fi

cp "$here/opossum.mjs" "$home/node/"
if ! command -v npm >/dev/null; then
    echo "opossum skipped: there is no npm"
elif [ -d "$home/node/node_modules/opossum" ] ||
    npm install --silent --no-save --prefix "$home/node" opossum@10.0.0; then
    peers="$peers opossum"
else
    echo "opossum skipped: the npm registry is not reachable"
fi

cp "$here/gobreaker_test.go" "$here/go.mod" "$here/go.sum" "$home/go/"
if ! command -v go >/dev/null; then
    echo "gobreaker skipped: there is no go"
elif (cd "$home/go" && go test -c -o trace.test . ); then
    peers="$peers gobreaker"
else
    echo "gobreaker skipped: the Go module proxy is not reachable, or Go is older than 1.25"
fi

if [ -z "$peers" ]; then
    echo "skipped: no peer is left"
    exit 77
fi
python=$home/venv/bin/python
[ -x "$python" ] || python=python3
# shellcheck disable=SC2086
exec "$python" "$here/compare.py" "$library" "$home" $peers
