#!/usr/bin/env bash
# The C packages: library, header, pkg-config file and program, one archive for each platform.
#
#   scripts/package.sh [TRIPLE…]     makes target/packages/tidegate-VERSION-TRIPLE.tar.gz and SHA256SUMS
#
# TRIPLE is x86_64-unknown-linux-gnu, x86_64-unknown-linux-musl, aarch64-unknown-linux-gnu,
# aarch64-unknown-linux-musl; on a Mac x86_64-apple-darwin or aarch64-apple-darwin, with GNU's bash,
# coreutils and tar; anywhere x86_64-pc-windows-gnu, by MinGW and without the program, which is not for
# Windows. The default is this machine's. Each archive is then used as a stranger would use it: a
# program is built through its pkg-config file, and run where that is possible.
#
# A library for glibc needs the glibc it was built with, or a newer one: build releases on an old system.
set -euo pipefail
cd "$(dirname "$0")/.."

TARGET=$(realpath -m "${CARGO_TARGET_DIR:-target}")
OUT=$TARGET/packages
VERSION=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
HOST=$(rustc -vV | sed -n 's/^host: //p')

die() {
    echo "package: $*" >&2
    exit 1
}

# Sets the compiler for programs of a triple, and what runs them here with an environment.
choose() { # choose TRIPLE
    case "$1" in
    *-apple-darwin) COMPILER=cc ;;
    *-pc-windows-gnu) COMPILER=x86_64-w64-mingw32-gcc ;;
    "$HOST") COMPILER=cc ;;
    "${HOST%%-*}-unknown-linux-musl") COMPILER=musl-gcc ;;
    *-unknown-linux-musl) COMPILER=${1%%-*}-linux-musl-gcc ;;
    *-unknown-linux-gnu) COMPILER=${1%%-*}-linux-gnu-gcc ;;
    *) die "there is no package for $1: see --help" ;;
    esac
    FLAGS=()
    case "$1" in
    x86_64-apple-darwin) FLAGS=(-arch x86_64) ;;
    aarch64-apple-darwin) FLAGS=(-arch arm64) ;;
    esac
    case "$1" in
    *-apple-darwin) RUN=(env) ;;
    *-pc-windows-gnu) RUN=(Windows) ;;
    "${HOST%%-*}"-*) RUN=(env) ;;
    *) RUN=("qemu-${1%%-*}" -L "/usr/${1%%-*}-linux-gnu" -E) ;;
    esac
    command -v "$COMPILER" >/dev/null || die "$COMPILER is missing, for $1"
    [ -d "$(rustc --print sysroot)/lib/rustlib/$1" ] || die "rustup target add $1"
    local variable=${1//-/_}
    export "CARGO_TARGET_${variable^^}_LINKER=$COMPILER"
}

build() { # build TRIPLE FOLDER
    local built=$TARGET/$1/release minor=${VERSION%.*} kinds=staticlib link=()
    mkdir -p "$2"/{bin,include,lib/pkgconfig}
    case "$1" in
    *-linux-gnu) kinds=cdylib,staticlib link=(-C "link-arg=-Wl,-soname,libtidegate.so.$minor") ;;
    *-apple-darwin)
        kinds=cdylib,staticlib
        link=(-C "link-arg=-Wl,-install_name,@rpath/libtidegate.$minor.dylib")
        ;;
    *-pc-windows-gnu)
        # Its tools make objects without sections of what debuggers want, which its strip refuses.
        kinds=cdylib,staticlib
        export CARGO_PROFILE_RELEASE_DEBUG=0
        ;;
    esac
    cargo rustc --release --locked --target "$1" --package tidegate-capi --lib --crate-type "$kinds" \
        -- "${link[@]}"
    install -m 644 include/tidegate.h "$2/include/"
    install -m 644 "$built/libtidegate.a" "$2/lib/"
    # With the unwinder that it was made for: musl-gcc on a glibc system brings that of glibc.
    case "$1" in
    *-musl)
        printf 'open %s\naddlib %s\nsave\nend\n' "$2/lib/libtidegate.a" \
            "$(rustc --print sysroot)/lib/rustlib/$1/lib/self-contained/libunwind.a" | ar -M
        ;;
    esac
    local strip=strip
    case "$1" in
    *-apple-darwin | "${HOST%%-*}"-unknown-linux-*) ;;
    *-pc-windows-gnu) strip=x86_64-w64-mingw32-strip ;;
    *) strip=${1%%-*}-linux-gnu-strip ;;
    esac
    case "$1" in
    *-pc-windows-gnu) ;;
    *)
        cargo build --release --locked --target "$1" --package tidegate-cli
        install -m 755 "$built/tidegate" "$2/bin/"
        "$strip" "$2/bin/tidegate"
        ;;
    esac
    [ -n "${CARGO_PROFILE_RELEASE_DEBUG:-}" ] || "$strip" -S "$2/lib/libtidegate.a"
    case "$1" in
    *-linux-gnu)
        install -m 755 "$built/libtidegate.so" "$2/lib/libtidegate.so.$VERSION"
        "$strip" --strip-unneeded "$2/lib/libtidegate.so.$VERSION"
        ln -s "libtidegate.so.$VERSION" "$2/lib/libtidegate.so.$minor"
        ln -s "libtidegate.so.$minor" "$2/lib/libtidegate.so"
        ;;
    *-apple-darwin)
        install -m 755 "$built/libtidegate.dylib" "$2/lib/libtidegate.$minor.dylib"
        "$strip" -x "$2/lib/libtidegate.$minor.dylib"
        ln -s "libtidegate.$minor.dylib" "$2/lib/libtidegate.dylib"
        ;;
    *-pc-windows-gnu)
        install -m 755 "$built/tidegate.dll" "$2/bin/"
        install -m 644 "$built/libtidegate.dll.a" "$2/lib/"
        "$strip" --strip-unneeded "$2/bin/tidegate.dll"
        ;;
    esac
    cat >"$2/lib/pkgconfig/tidegate.pc" <<PC
prefix=\${pcfiledir}/../..
libdir=\${prefix}/lib
includedir=\${prefix}/include

Name: tidegate
Description: Metrics, rate limits and guardrails in one shared memory region
Version: $VERSION
Libs: -L\${libdir} -ltidegate
Libs.private: $(private_libraries "$1")
Cflags: -I\${includedir}
PC
    cp LICENSE-MIT LICENSE-APACHE README.md CHANGELOG.md "$2/"
}

# What a program needs besides when it links the static library.
private_libraries() { # private_libraries TRIPLE
    case "$1" in
    *-linux-gnu) echo "-lgcc_s -lutil -lrt -lpthread -lm -ldl" ;;
    *-apple-darwin) echo "-liconv" ;;
    *-pc-windows-gnu) echo "-lkernel32 -lntdll -luserenv -lws2_32 -ldbghelp" ;;
    *) echo "-lpthread -lm" ;;
    esac
}

# Unpacks the archive somewhere else, builds a program against it and runs that.
try() { # try TRIPLE ARCHIVE
    local scratch flags libraries kind
    scratch=$(mktemp -d)
    tar -xzf "$2" -C "$scratch" --strip-components 1
    export PKG_CONFIG_PATH=$scratch/lib/pkgconfig TIDEGATE_ROOT=$PWD
    read -ra flags <<<"$(pkg-config --cflags tidegate)"
    for kind in shared static; do
        case "$1-$kind" in
        *-apple-darwin-shared)
            read -ra libraries <<<"$(pkg-config --libs tidegate) -Wl,-rpath,$scratch/lib"
            ;;
        *-gnu-shared) read -ra libraries <<<"$(pkg-config --libs tidegate)" ;;
        *-shared) continue ;;
        *-musl-static) read -ra libraries <<<"-static $(pkg-config --static --libs tidegate)" ;;
        *-static)
            read -ra libraries <<<"$(pkg-config --static --libs tidegate)"
            rm -f "$scratch"/lib/libtidegate.so* "$scratch"/lib/*.dylib "$scratch"/lib/libtidegate.dll.a
            rm -f "$scratch/bin/tidegate.dll"
            ;;
        esac
        "$COMPILER" "${FLAGS[@]}" -std=c11 -Wall -Wextra -Werror -Itests/c "${flags[@]}" -o "$scratch/program" \
            tests/c/test_version.c "${libraries[@]}"
        if ! command -v "${RUN[0]}" >/dev/null; then
            echo "package: $1: a $kind program builds; ${RUN[0]} would run it, and is missing"
            continue
        fi
        (cd "$scratch" && "${RUN[@]}" "LD_LIBRARY_PATH=$scratch/lib" ./program) ||
            die "the $kind program failed on $1"
        echo "package: $1: a $kind program builds and runs"
    done
    rm -rf "$scratch"
}

case "${1:-}" in
-h | --help | help)
    sed -n '2,12s/^# \{0,1\}//p' "$0"
    exit
    ;;
esac
[ $# -gt 0 ] || set -- "$HOST"
mkdir -p "$OUT"
for triple in "$@"; do
    choose "$triple"
    name=tidegate-$VERSION-$triple
    rm -rf "${OUT:?}/$name"
    build "$triple" "$OUT/$name"
    tar -czf "$OUT/$name.tar.gz" -C "$OUT" --owner=0 --group=0 --sort=name "$name"
    rm -rf "${OUT:?}/$name"
    try "$triple" "$OUT/$name.tar.gz"
done
(cd "$OUT" && sha256sum -- *.tar.gz >SHA256SUMS && cat SHA256SUMS)
