#!/usr/bin/env bash
# Builds the wheel that users install without a compiler: one for every CPython from 3.10 on.
#
#   bindings/python/wheel.sh [glibc|musl|here] [x86_64|aarch64]
#
#   glibc    for Linux with glibc 2.17 or later (the default): manylinux_2_17
#   musl     for Linux with musl 1.2 or later, such as Alpine: musllinux_1_2
#   x86_64   or aarch64: the processor for these two; this machine's unless it is named
#   here     for the macOS (11 or later) or Windows that it runs on, with its own C compiler: clang, or
#            MinGW's gcc and `rustup target add x86_64-pc-windows-gnu`
#
# The wheel goes to bindings/python/dist, and its path is the last line that is printed. Needs cargo
# with `rustup target add x86_64-unknown-linux-gnu` or the like, and python3 (3.10 or later) with its
# headers; for another processor a python3 whose headers are not of one processor, as Debian's are. The C
# compiler is zig from PyPI, since it links for old versions of glibc and for musl anywhere; it and
# the tools that check the wheel are installed into an environment below target/.
#
# The wheel is checked: the stable ABI by abi3audit, and by wheel_check.py that it needs nothing but libc
# and shows nothing but its entry. That for glibc has to be what its name says to auditwheel too, and
# where it runs on this machine is installed into a new environment without compiler or index, and must
# pass `python -m tidegate`.
#
# TIDEGATE_LIBRARY names a libtidegate.a that is built already, for the same libc.
set -euo pipefail
cd "$(dirname "$0")/../.."

die() {
    echo "wheel: $*" >&2
    exit 1
}

usage() { sed -n '2,24s/^# \{0,1\}//p' bindings/python/wheel.sh; }

MACHINE=${2:-$(uname -m)}
case "${1:-glibc}" in
glibc) TRIPLE=$MACHINE-unknown-linux-gnu ZIG=$MACHINE-linux-gnu.2.17 TAG=manylinux_2_17_$MACHINE ;;
here) TRIPLE='' ZIG='' TAG='' ;;
musl) TRIPLE=$MACHINE-unknown-linux-musl ZIG=$MACHINE-linux-musl TAG=musllinux_1_2_$MACHINE ;;
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
[ $# -le 2 ] || die "one wheel at a time"

mkdir -p "${CARGO_TARGET_DIR:-target}"
TARGET=$(cd "${CARGO_TARGET_DIR:-target}" && pwd)
OUT=$PWD/bindings/python/dist
TOOLS=$TARGET/wheel-tools
PROGRAMS=bin
case "$(uname -s)" in
MINGW* | MSYS*) PROGRAMS=Scripts ;;
esac
PYTHON=$TOOLS/$PROGRAMS/python

# The wheel of the system that this runs on, as its own tools build it.
build_here() {
    case "$(uname -s)" in
    Darwin)
        # One processor, also where Python is for both.
        export MACOSX_DEPLOYMENT_TARGET=11.0
        export ARCHFLAGS="-arch $(uname -m)" _PYTHON_HOST_PLATFORM="macosx-11.0-$(uname -m)"
        ;;
    MINGW* | MSYS*) ;;
    *) die "wheels for Linux are those for glibc or musl" ;;
    esac
    [ -e "$PYTHON" ] || [ -e "$PYTHON.exe" ] || python -m venv "$TOOLS"
    "$PYTHON" -m pip install --quiet --disable-pip-version-check 'setuptools>=77' abi3audit
    rm -rf "$TARGET/wheel-here"
    "$PYTHON" -m pip wheel --quiet --disable-pip-version-check --no-build-isolation --no-deps \
        --wheel-dir "$TARGET/wheel-here" bindings/python
    local wheels=("$TARGET"/wheel-here/tidegate-*-cp310-abi3-*.whl)
    [ -f "${wheels[0]}" ] || die "$(ls "$TARGET/wheel-here") came out, which is no wheel for the stable ABI"
    "$PYTHON" -m abi3audit --strict --assume-minimum-abi3 3.10 "${wheels[0]}"
    python -m venv "$TARGET/wheel-here/fresh"
    (
        cd "$TARGET/wheel-here"
        "fresh/$PROGRAMS/python" -m pip install --quiet --disable-pip-version-check --no-index --no-cache-dir \
            "${wheels[0]}"
        "fresh/$PROGRAMS/python" -m tidegate
    )
    mkdir -p "$OUT"
    cp "${wheels[0]}" "$OUT/"
    echo "$OUT/${wheels[0]##*/}"
}

if [ "$LIBC" = here ]; then
    build_here
    exit
fi
case "$(uname -s) $MACHINE" in
Linux\ x86_64 | Linux\ aarch64) ;;
*) die "wheels for Linux are built on Linux, for x86_64 or aarch64" ;;
esac
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
    cargo rustc --release --locked --target "$TRIPLE" --package tidegate-capi --lib --crate-type staticlib
    TIDEGATE_LIBRARY=$TARGET/$TRIPLE/release/libtidegate.a
fi
export TIDEGATE_LIBRARY

# From a copy, so that objects of one libc never get into the wheel of the other.
WORK=$TARGET/wheel-$LIBC-$MACHINE
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
fi
if [ "$LIBC-$MACHINE" = "glibc-$(uname -m)" ]; then
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
