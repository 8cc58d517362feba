#!/bin/sh
# Builds the peers and runs compare.py. 77: skipped, with the reason.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
library=${1:-$here/../../../target/checked/libtidegate.so}
home=${TIDEGATE_PEERS:-$here/../../../target/peers}/buckets
if [ ! -f "$library" ]; then
    echo "skipped: $library is not built (cargo build --profile checked)"
    exit 77
fi
library=$(cd "$(dirname "$library")" && pwd)/$(basename "$library")
command -v python3 >/dev/null || { echo "skipped: there is no python3"; exit 77; }
mkdir -p "$home"
home=$(cd "$home" && pwd)
set --

if ! command -v cargo >/dev/null; then
    echo "governor skipped: there is no cargo"
elif (cd "$here/governor" && CARGO_TARGET_DIR="$home/governor" cargo build --quiet --locked); then
    set -- "$@" governor "$home/governor/debug/peer-governor"
else
    echo "governor skipped: the crate registry is not reachable"
fi

if ! command -v go >/dev/null; then
    echo "x/time/rate skipped: there is no go"
elif (cd "$here/rate" && go build -o "$home/rate" .); then
    set -- "$@" x/time/rate "$home/rate"
else
    echo "x/time/rate skipped: the Go module proxy is not reachable"
fi

if [ $# -eq 0 ]; then
    echo "skipped: no peer is left"
    exit 77
fi
exec python3 "$here/compare.py" "$library" "$@"
