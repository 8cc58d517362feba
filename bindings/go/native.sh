#!/bin/sh
# Puts libtidegate.a and tidegate.h where internal/capi finds them. Git ignores both; the release
# workflow adds them to what it publishes.
#
#   ./native.sh                 builds the release library with cargo, for this machine
#   ./native.sh ARCHIVE         takes an archive that exists, such as target/release/libtidegate.a
#   PLATFORM=linux_arm64 ./native.sh ARCHIVE      for another platform (linux_amd64_musl, …)
set -eu
cd "$(dirname "$0")"
root=$(cd ../.. && pwd)

if [ $# -eq 0 ]; then
    (cd "$root" && cargo build --release --package tidegate-capi)
    set -- "${CARGO_TARGET_DIR:-$root/target}/release/libtidegate.a"
fi
[ -f "$1" ] || { echo "native.sh: there is no $1" >&2; exit 1; }
platform=${PLATFORM:-$(go env GOOS)_$(go env GOARCH)}

capi=internal/capi
mkdir -p "$capi/include" "$capi/lib/$platform"
scratch=$(mktemp)
trap 'rm -f "$scratch"' EXIT
cp "$1" "$scratch"
# What debuggers want is most of its size.
strip --strip-debug "$scratch" 2>/dev/null || true
cmp -s "$scratch" "$capi/lib/$platform/libtidegate.a" || cp "$scratch" "$capi/lib/$platform/libtidegate.a"
chmod 644 "$capi/lib/$platform/libtidegate.a"
cmp -s "$root/include/tidegate.h" "$capi/include/tidegate.h" || cp "$root/include/tidegate.h" "$capi/include/"

# Go looks at the headers of a package, and at no archive: this tells it that the archive changed.
cat "$capi"/lib/*/libtidegate.a "$capi/include/tidegate.h" | cksum |
    sed 's/^\([0-9]*\) \([0-9]*\).*/#define CAPI_ARCHIVE "\1-\2"/' >"$scratch"
cmp -s "$scratch" "$capi/archive.h" || cp "$scratch" "$capi/archive.h"
chmod 644 "$capi/archive.h"
echo "native.sh: $platform is in place"
