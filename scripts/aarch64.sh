#!/usr/bin/env bash
# The tests on aarch64, from any machine with Debian's packages: cross-built, then run by qemu.
#
#   scripts/aarch64.sh user [NAME…]     by qemu-user, which has no restartable sequences: the fallback;
#                                       without NAMEs only what needs no other process, see below
#   scripts/aarch64.sh system [NAME…]   in a virtual machine with 2 processors and Debian's kernel
#   scripts/aarch64.sh check            say what is missing
#
# NAME is a test program: `tidegate` (the unit tests), a file of tests/ or of tests/c. The default is
# all of them in the virtual machine. TESTS=ARGUMENTS goes to the Rust test programs, say TESTS="rseq --nocapture".
# Everything is kept below target/aarch64; nothing outside is changed, and root is not needed.
set -euo pipefail
cd "$(dirname "$0")/.."

TRIPLE=aarch64-unknown-linux-gnu
COMPILER=aarch64-linux-gnu-gcc
TARGET=$(realpath -m "${CARGO_TARGET_DIR:-target}")
WORK=$TARGET/aarch64
BUILT=$TARGET/$TRIPLE/checked
# Emulated processors are some twenty times slower; most programs take seconds there.
ONE_LIMIT=1200
ALL_LIMIT=7200

usage() { sed -n '2,11s/^# \{0,1\}//p' "$0"; }

die() {
    echo "aarch64: $*" >&2
    exit 1
}

check() { # check MODE: what is missing, as one sentence
    local missing=()
    need() { command -v "$1" >/dev/null 2>&1 || missing+=("$2"); }
    need "$COMPILER" "apt-get install gcc-aarch64-linux-gnu libc6-dev-arm64-cross"
    need cargo "cargo: https://rustup.rs"
    [ -d "$(rustc --print sysroot)/lib/rustlib/$TRIPLE" ] || missing+=("rustup target add $TRIPLE")
    if [ "$1" = user ]; then
        need qemu-aarch64 "apt-get install qemu-user"
    else
        need qemu-system-aarch64 "apt-get install qemu-system-arm"
        need cpio "apt-get install cpio"
        need dpkg-deb "a Debian or a relative of it, for its arm64 packages"
    fi
    if [ ${#missing[@]} -gt 0 ]; then
        echo "aarch64: missing:" >&2
        printf '  %s\n' "${missing[@]}" >&2
        return 1
    fi
}

# The Rust test programs, and their paths as `NAME PATH`.
build_rust() {
    export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=$COMPILER
    cargo build --target $TRIPLE --profile checked --package tidegate
    cargo test --no-run --target $TRIPLE --profile checked --package tidegate 2>&1 |
        tee /dev/stderr |
        sed -n 's|^ *Executable .* (\(.*\))$|\1|p' |
        while read -r path; do
            name=$(basename "$path")
            echo "${name%-*} $(realpath "$path")"
        done >"$WORK/rust.list"
    [ -s "$WORK/rust.list" ] || die "cargo named no test program"
}

# The programs of tests/c, linked with the shared library, as `NAME PATH`.
build_c() {
    mkdir -p "$WORK/c"
    : >"$WORK/c.list"
    for source in tests/c/*.c; do
        grep -q 'main(' "$source" || continue
        name=$(basename "$source" .c)
        "$COMPILER" -std=c11 -O1 -g -Wall -Wextra -Wpedantic -Werror -Iinclude -Itests/c \
            -o "$WORK/c/$name" "$source" "-L$BUILT" -ltidegate -lpthread -lm
        echo "$name $WORK/c/$name" >>"$WORK/c.list"
    done
}

wanted() { # wanted NAME LIST…: whether NAME is one of the list, or the list is empty
    local name=$1
    shift
    [ $# -eq 0 ] && return
    printf '%s\n' "$@" | grep -qx "$name"
}

run_user() {
    local passed=0 failed=() root kind
    root=$(dirname "$($COMPILER -print-file-name=libc.so.6)")/..
    for kind in rust c; do
        while read -r name path; do
            wanted "$name" "$@" || continue
            scratch=$(mktemp -d "$WORK/run.XXXXXX")
            # shellcheck disable=SC2086  # a list of words
            if (cd "$scratch" && TIDEGATE_ROOT=$OLDPWD timeout "$ONE_LIMIT" \
                qemu-aarch64 -L "$root" -E LD_LIBRARY_PATH="$BUILT" "$path" \
                $([ "$kind" = rust ] && echo "${TESTS:-}")) >"$WORK/log" 2>&1 </dev/null; then
                passed=$((passed + 1))
                echo "ok      $name $(grep '^test result' "$WORK/log" || true)"
            else
                failed+=("$name")
                tail -n 40 "$WORK/log"
                echo "FAILED  $name"
            fi
            rm -rf "$scratch"
        done <"$WORK/$kind.list"
    done
    echo "aarch64, qemu-user: $passed passed, ${#failed[@]} failed ${failed[*]}"
    [ ${#failed[@]} -eq 0 ]
}

# Debian's kernel, C library and busybox for arm64, unpacked into $WORK/debian.
fetch() {
    [ -e "$WORK/debian/done" ] && return
    rm -rf "$WORK/apt" "$WORK/debian"
    mkdir -p "$WORK/apt/lists/partial" "$WORK/apt/cache/archives/partial" "$WORK/debian"
    touch "$WORK/apt/status"
    # A package system of its own beside the machine's, with the machine's sources and keys.
    local apt=(-o "Dir::State::lists=$WORK/apt/lists" -o "Dir::Cache=$WORK/apt/cache"
        -o "Dir::State::status=$WORK/apt/status" -o APT::Sandbox::User=root
        -o APT::Architecture=arm64 -o APT::Architectures=arm64)
    apt-get "${apt[@]}" -qq update
    local kernel
    kernel=$(apt-cache "${apt[@]}" depends linux-image-arm64 | sed -n 's/.*Depends: //p' | head -n 1)
    [ -n "$kernel" ] || die "there is no package linux-image-arm64 for arm64 among apt's sources"
    (cd "$WORK/apt" && apt-get "${apt[@]}" -qq download "$kernel" busybox-static libc6 libgcc-s1)
    for package in "$WORK"/apt/*.deb; do
        dpkg-deb -x "$package" "$WORK/debian"
    done
    rm -rf "$WORK/debian/lib/modules" "$WORK/debian/usr/share" "$WORK/apt"
    touch "$WORK/debian/done"
}

# The file system that the virtual machine boots into: the programs, and those files of the
# repository that tests read, at the paths that they were built with.
image() {
    local tree=$WORK/tree kind here=$PWD
    rm -rf "$tree"
    mkdir -p "$tree"/{proc,sys,dev,tmp,tests,lib,bin}
    cp -a "$WORK"/debian/{bin,lib,etc} "$tree/"
    [ -d "$WORK/debian/usr/bin" ] && cp -a "$WORK/debian/usr/bin/." "$tree/bin/"
    mkdir -p "$tree$here"
    git ls-files tests schema src include bindings/conformance examples | cpio -pdm --quiet "$tree$here"
    cp "$BUILT/libtidegate.so" "$tree/lib/"
    : >"$tree/tests/list"
    for kind in rust c; do
        while read -r name path; do
            wanted "$name" "$@" || continue
            aarch64-linux-gnu-strip -o "$tree/tests/$name" "$path"
            echo "$kind $name" >>"$tree/tests/list"
        done <"$WORK/$kind.list"
    done
    [ -s "$tree/tests/list" ] || die "no test program has such a name"
    cat >"$tree/init" <<INIT
#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc none /proc
mount -t sysfs none /sys
mount -t devtmpfs none /dev
mkdir -p /dev/shm
mount -t tmpfs none /dev/shm
mount -t tmpfs none /tmp
export PATH=/bin TIDEGATE_ROOT=$here TIDEGATE_EXPECT_RSEQ=1 RUST_BACKTRACE=1 HOME=/tmp
uname -a
passed=0 failed=
while read -r kind name; do
    mkdir -p /tmp/run && cd /tmp/run
    arguments=
    [ \$kind = rust ] && arguments="${TESTS:-}"
    begun=\$(date +%s)
    if timeout $ONE_LIMIT /tests/\$name \$arguments >/tmp/log 2>&1 </dev/null; then
        passed=\$((passed + 1))
        echo "ok      \$name, \$((\$(date +%s) - begun)) s \$(grep '^test result' /tmp/log)"
    else
        failed="\$failed \$name"
        tail -n 60 /tmp/log
        echo "FAILED  \$name, \$((\$(date +%s) - begun)) s"
    fi
    [ -n "${SHOW:-}" ] && cat /tmp/log
    cd / && rm -rf /tmp/run
done </tests/list
[ -z "\$failed" ] && echo "aarch64, virtual machine: \$passed passed, all of them" ||
    echo "aarch64, virtual machine: \$passed passed, failed:\$failed"
poweroff -f
INIT
    chmod +x "$tree/init"
    (cd "$tree" && find . -print0 | cpio --null -o -H newc --quiet -R 0:0 | gzip -1) >"$WORK/image.gz"
}

run_system() {
    local kernel
    kernel=$(echo "$WORK"/debian/boot/vmlinuz-*)
    timeout "$ALL_LIMIT" qemu-system-aarch64 -machine virt -cpu max,pauth-impdef=on -smp 2 -m 3072 \
        -nographic -no-reboot -net none -kernel "$kernel" -initrd "$WORK/image.gz" \
        -append "console=ttyAMA0 quiet panic=-1" </dev/null | tee "$WORK/console" || true
    grep -q 'passed, all of them' "$WORK/console"
}

mode=${1:-}
[ $# -gt 0 ] && shift
case "$mode" in
user | system)
    check "$mode"
    mkdir -p "$WORK"
    build_rust
    build_c
    if [ "$mode" = user ]; then
        run_user "$@"
    else
        fetch
        image "$@"
        run_system
    fi
    ;;
check)
    check user && check system && echo "aarch64: everything is here"
    ;;
-h | --help | help)
    usage
    ;;
*)
    usage >&2
    exit 2
    ;;
esac
