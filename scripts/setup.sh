#!/bin/sh
# What this machine needs to build and test tidegate.
#
#   scripts/setup.sh --check [build|demo|test]   say what is missing; exit 1 if anything is
#   scripts/setup.sh                             install it (Debian and its relatives)
#
# Each group contains the one before it: build, demo, test.
set -eu
cd "$(dirname "$0")/.."

RUST_MIN=1.88
missing=""        # what, for people
packages=""       # what, for apt-get
rust=""           # ok, old or missing

need() { # need PROGRAM PACKAGE
    command -v "$1" >/dev/null 2>&1 || want "$1" "$2"
}

want() { # want WHAT PACKAGE
    missing="$missing
  $1 (package $2)"
    case " $packages " in *" $2 "*) ;; *) packages="$packages $2" ;; esac
}

header() { # header FILE PACKAGE
    printf '#include <%s>\n' "$1" | cc -E - >/dev/null 2>&1 || want "$1" "$2"
}

# True when version $1 is at least $2; both begin with two numbers.
at_least() {
    [ "${1%%.*}" -gt "${2%%.*}" ] && return 0
    [ "${1%%.*}" -eq "${2%%.*}" ] || return 1
    minor=${1#*.}
    wanted=${2#*.}
    [ "${minor%%.*}" -ge "${wanted%%.*}" ]
}

# The version of a package that apt-get would install, two numbers at least; 0.0 when there is none.
candidate() { # candidate PACKAGE
    found=$(apt-cache policy "$1" 2>/dev/null |
        sed -n 's/^ *Candidate: \([0-9]*:\)\{0,1\}\([0-9][0-9]*\.[0-9][0-9.]*\).*/\2/p')
    echo "${found:-0.0}"
}

check_rust() {
    if ! command -v cargo >/dev/null 2>&1 && [ -x "${CARGO_HOME:-$HOME/.cargo}/bin/cargo" ]; then
        PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"
    fi
    if ! command -v cargo >/dev/null 2>&1; then
        rust=missing
        missing="$missing
  cargo, Rust $RUST_MIN or newer: apt-get install rustup && rustup default stable,
    or, where there is no such package, as https://rustup.rs says"
        return
    fi
    version=$(rustc --version | cut -d' ' -f2)
    if at_least "$version" "$RUST_MIN"; then
        rust=ok
    else
        rust=old
        missing="$missing
  Rust $RUST_MIN or newer, found $version: rustup update stable"
    fi
}

check_all() { # check_all GROUP
    missing="" packages=""
    need cc build-essential
    need make build-essential
    check_rust
    [ "$1" = build ] && return
    if command -v cc >/dev/null 2>&1; then
        header sqlite3.h libsqlite3-dev
    else
        want sqlite3.h libsqlite3-dev
    fi
    [ "$1" = demo ] && return
    need gcc build-essential
    need g++ build-essential
    need nm binutils
    need readelf binutils
    need diff diffutils
    need pkg-config pkg-config
    need valgrind valgrind
    need sqlite3 sqlite3
    need gzip gzip
    need python3 python3
    python3 -c 'import ensurepip' >/dev/null 2>&1 || want "python3 -m venv" python3-venv
    node_tools
    python3 -c 'import os, sysconfig as s; os.stat(s.get_path("include") + "/Python.h")' \
        >/dev/null 2>&1 || want Python.h python3-dev
    # cargo-c, which installs the library, is built against it.
    pkg-config --exists openssl 2>/dev/null || want "openssl.pc" libssl-dev
    if [ "$rust" = ok ]; then
        for part in fmt clippy; do
            cargo "$part" --version >/dev/null 2>&1 || missing="$missing
  cargo $part: rustup component add rustfmt clippy"
        done
    fi
}

# The Node package is tested with Node 18 or newer, npm and the headers of Node-API, which Debian
# keeps in three packages and others in one. Where no package is new enough, its step is skipped.
node_tools() {
    if ! command -v node >/dev/null 2>&1; then
        if ! at_least "$(candidate nodejs)" 18.0; then
            echo "setup: no Node 18 or newer among the packages: the tests of bindings/node are skipped" >&2
            return
        fi
        want node nodejs
    fi
    command -v npm >/dev/null 2>&1 || want npm npm
    for folder in "$(command -v node 2>/dev/null | sed 's|/bin/node$||')/include/node" \
        /usr/include/node /usr/include/nodejs/src; do
        [ -e "$folder/node_api.h" ] && return
    done
    want node_api.h libnode-dev
}

# promtool reads our Prometheus text in one test, which is skipped without it. Debian's package
# would start a server on this machine, so the program alone is taken out of it.
promtool() {
    command -v promtool >/dev/null 2>&1 && return
    [ -x target/tools/bin/promtool ] && return
    command -v apt-get >/dev/null 2>&1 && command -v dpkg-deb >/dev/null 2>&1 || return 0
    scratch=$(mktemp -d)
    chmod 755 "$scratch"
    if (cd "$scratch" && apt-get -qq download prometheus && dpkg-deb -x prometheus_*.deb .) \
        >"$scratch/log" 2>&1 && [ -x "$scratch/usr/bin/promtool" ]; then
        mkdir -p target/tools/bin
        cp "$scratch/usr/bin/promtool" target/tools/bin/
        echo "setup: promtool put into target/tools/bin"
    else
        echo "setup: no promtool (package prometheus); its test is skipped without it"
    fi
    rm -rf "$scratch"
}

# The Go module's tests are skipped without Go, or with one that is older than this.
GO_MIN=1.24

golang() {
    if command -v go >/dev/null 2>&1; then
        version=$(go env GOVERSION)
        at_least "${version#go}" "$GO_MIN" && return
        echo "setup: ${version} is older than Go $GO_MIN; the Go module's tests are skipped"
        return
    fi
    command -v apt-cache >/dev/null 2>&1 || return 0
    packaged=$(candidate golang-go)
    if at_least "$packaged" "$GO_MIN"; then
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends golang-go
    else
        echo "setup: no Go $GO_MIN or newer (package golang-go has $packaged); the Go module's tests are skipped"
    fi
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null 2>&1; then
        sudo "$@"
    else
        echo "setup: neither root nor sudo; run this as root: $*" >&2
        exit 1
    fi
}

install_all() {
    if [ -n "$packages" ]; then
        if ! command -v apt-get >/dev/null 2>&1; then
            echo "setup: no apt-get here; with your package manager, install what corresponds to:" >&2
            echo "$missing" >&2
            exit 1
        fi
        echo "setup: apt-get install$packages"
        as_root apt-get update -qq
        # shellcheck disable=SC2086  # a list of words
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages
    fi
    if [ "$rust" = missing ] && at_least "$(candidate rustup)" 1.0; then
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq rustup
        rustup default stable
    fi
    if [ "$rust" = ok ] && command -v rustup >/dev/null 2>&1; then
        cargo fmt --version >/dev/null 2>&1 && cargo clippy --version >/dev/null 2>&1 ||
            rustup component add rustfmt clippy
    fi
    promtool
    golang
}

case "${1:-}" in
--check)
    check_all "${2:-test}"
    if [ -n "$missing" ]; then
        echo "missing:$missing" >&2
        echo "\`make setup\` installs what a package manager can." >&2
        exit 1
    fi
    ;;
"")
    check_all test
    install_all
    check_all test
    if [ -n "$missing" ]; then
        echo "setup: still missing:$missing" >&2
        exit 1
    fi
    echo "setup: everything is here"
    ;;
*)
    sed -n '2,7s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
