#!/usr/bin/env bash
# Builds the wheel that users install without a compiler: one for every CPython from 3.10 on.
#
#   bindings/python/wheel.sh [glibc|musl]
#
#   glibc    for x86-64 Linux with glibc 2.17 or later (the default): manylinux_2_17
#   musl     for x86-64 Linux with musl 1.2 or later, such as Alpine: musllinux_1_2
#
# The wheel goes to bindings/python/dist, and its path is the last line that is printed. Needs cargo
# with `rustup target add x86_64-unknown-linux-gnu` or -musl, and python3 (3.10 or later) with its
# headers. The C compiler is zig from PyPI, since it links for old versions of glibc and for musl
# anywhere; it and the tools that check the wheel are installed into an environment below target/.
#
# The wheel is checked: the stable ABI by abi3audit, and by wheel_check.py that it needs nothing but libc
# and shows nothing but its entry. That for glibc has to be what its name says to auditwheel too, is
# installed into a new environment without compiler or index, and must pass `python -m tidegate`.
#
# TIDEGATE_LIBRARY names a libtidegate.a that is built already, for the same libc.
set -euo pipefail
cd "$(dirname "$0")/../.."

die() {
    echo "wheel: $*" >&2
    exit 1
}

usage() { sed -n '2,19s/^# \{0,1\}//p' bindings/python/wheel.sh; }

case "${1:-glibc}" in
glibc) TRIPLE=x86_64-unknown-linux-gnu ZIG=x86_64-linux-gnu.2.17 TAG=manylinux_2_17_x86_64 ;;
musl) TRIPLE=x86_64-unknown-linux-musl ZIG=x86_64-linux-musl TAG=musllinux_1_2_x86_64 ;;
-h | --help | help)
    usage
    exit
    ;;
*)
    usage >&2
    exit 2
    ;;
esac
LIBC=${1:-glibc}
[ $# -le 1 ] || die "one wheel at a time"
[ "$(uname -s)-$(uname -m)" = Linux-x86_64 ] || die "wheels are built on Linux, x86-64"

TARGET=$(realpath -m "${CARGO_TARGET_DIR:-target}")
OUT=$PWD/bindings/python/dist
TOOLS=$TARGET/wheel-tools
PYTHON=$TOOLS/bin/python
[ -x "$PYTHON" ] || python3 -m venv "$TOOLS"
"$PYTHON" -m pip install --quiet --disable-pip-version-check \
    'setuptools>=77' ziglang auditwheel abi3audit pyelftools

RUSTLIB=$(rustc --print sysroot)/lib/rustlib/$TRIPLE/lib
[ -d "$RUSTLIB" ] || die "rustup target add $TRIPLE"
if [ -z "${TIDEGATE_LIBRARY:-}" ]; then
    case "$LIBC" in
    # A shared object for musl links the C library dynamically.
    musl) export RUSTFLAGS="${RUSTFLAGS:-} -C target-feature=-crt-static" ;;
    esac
    cargo rustc --release --locked --target "$TRIPLE" --package tidegate --lib --crate-type staticlib
    TIDEGATE_LIBRARY=$TARGET/$TRIPLE/release/libtidegate.a
fi
export TIDEGATE_LIBRARY

# From a copy, so that objects of one libc never get into the wheel of the other.
WORK=$TARGET/wheel-$LIBC
rm -rf "$WORK"
mkdir -p "$WORK/bindings/python" "$WORK/dist" "$OUT"
cp -r include "$WORK/"
cp -r bindings/python/{README.md,pyproject.toml,setup.py,native,src} "$WORK/bindings/python/"
find "$WORK" -name '*.so' -delete
cp LICENSE-MIT LICENSE-APACHE "$WORK/bindings/python/"
COMPILER="$PYTHON -m ziglang cc -target $ZIG"
CC=$COMPILER LDSHARED="$COMPILER -shared" CFLAGS='' LDFLAGS='' TIDEGATE_LINK=unwind \
    ZIG_GLOBAL_CACHE_DIR=$TARGET/zig-cache \
    "$PYTHON" -m pip wheel --quiet --disable-pip-version-check --no-build-isolation --no-deps \
    --config-settings=--build-option="--plat-name=$TAG" --wheel-dir "$WORK/dist" "$WORK/bindings/python"
WHEELS=("$WORK"/dist/tidegate-*-cp310-abi3-"$TAG".whl)
WHEEL=${WHEELS[0]}
[ -f "$WHEEL" ] || die "$(ls "$WORK/dist") came out, which is no wheel for the stable ABI and $TAG"

"$PYTHON" bindings/python/wheel_check.py "$WHEEL" "$LIBC" "$RUSTLIB"
"$PYTHON" -m abi3audit --strict --assume-minimum-abi3 3.10 "$WHEEL"
if [ "$LIBC" = glibc ]; then
    "$PYTHON" -m auditwheel show "$WHEEL" | tee "$WORK/auditwheel"
    grep -q "following platform tag: \"$TAG" "$WORK/auditwheel" || die "it is not for $TAG, says auditwheel"
    python3 -m venv "$WORK/fresh"
    (
        cd /
        export PATH=$WORK/fresh/bin PYTHONNOUSERSITE=1
        unset TIDEGATE_LIBRARY PYTHONPATH
        pip install --quiet --disable-pip-version-check --no-index --no-cache-dir "$WHEEL"
        python -m tidegate
    )
fi
cp "$WHEEL" "$OUT/"
echo "$OUT/${WHEEL##*/}"
