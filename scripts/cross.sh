#!/usr/bin/env bash
# The tests for other machines than this one, cross-built and run here.
#
#   scripts/cross.sh musl [NAME…]      x86-64 with musl, static programs that run as they are
#   scripts/cross.sh user [NAME…]      aarch64 by qemu-user: no restartable sequences, so the fallback.
#                                      Processes cannot tell each other's age there; without NAMEs,
#                                      only tests that do not ask for it are run
#   scripts/cross.sh system [NAME…]    aarch64 in a virtual machine: 2 processors, Debian's kernel
#   scripts/cross.sh windows [NAME…]   x86-64 Windows by Wine, built by MinGW; programs that fork are
#                                      left out
#   scripts/cross.sh check WHERE       say what is missing for one of them
#
# NAME is a test program: `tidegate` (the unit tests), a file of tests/ or of tests/c; without NAMEs
# all are run. TESTS=ARGUMENTS goes to the Rust test programs, say TESTS="rseq --nocapture", and SHOW=1
# shows what all programs print, in the virtual machine at once. Everything is kept below target/cross; nothing outside is
# changed, and root is not needed.
set -euo pipefail
cd "$(dirname "$0")/.."

TARGET=$(realpath -m "${CARGO_TARGET_DIR:-target}")
# Emulated processors are some twenty times slower; most programs take seconds there.
ONE_LIMIT=1200
ALL_LIMIT=7200
# Tests that an emulated processor is too slow for: a crowd that spins, and a race for space.
TOO_SLOW="--skip no_probe_too_many --skip makers_that_do_not_all_fit"
# What does not ask /proc for other processes, which qemu-user shows in part.
ALONE="tidegate conformance formats golden limiter_model limiter_units objectives openmetrics
    test_histogram test_keys test_limiter test_limiter_units test_metrics test_threads test_snapshot"

usage() { sed -n '2,18s/^# \{0,1\}//p' "$0"; }

die() {
    echo "cross: $*" >&2
    exit 1
}

# Sets what depends on where the tests shall run.
choose() { # choose WHERE
    case "$1" in
    musl)
        TRIPLE=x86_64-unknown-linux-musl COMPILER=musl-gcc
        ;;
    windows)
        TRIPLE=x86_64-pc-windows-gnu COMPILER=x86_64-w64-mingw32-gcc
        ;;
    user | system)
        TRIPLE=aarch64-unknown-linux-gnu COMPILER=aarch64-linux-gnu-gcc
        export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=$COMPILER
        ;;
    *)
        usage >&2
        exit 2
        ;;
    esac
    WHERE=$1
    WORK=$TARGET/cross/$1
    BUILT=$TARGET/$TRIPLE/checked
}

# Wine's program; Debian's package wine64 has it beside the path.
find_wine() {
    command -v wine64 || command -v wine || echo /usr/lib/wine/wine64
}

check() { # check WHERE: fails and says what is missing
    local missing=()
    need() { command -v "$1" >/dev/null 2>&1 || missing+=("$2"); }
    need cargo "cargo: https://rustup.rs"
    [ -d "$(rustc --print sysroot)/lib/rustlib/$TRIPLE" ] || missing+=("rustup target add $TRIPLE")
    case "$1" in
    musl) need "$COMPILER" "apt-get install musl-tools" ;;
    windows)
        need "$COMPILER" "apt-get install gcc-mingw-w64-x86-64"
        need "$(find_wine)" "apt-get install wine64"
        ;;
    *) need "$COMPILER" "apt-get install gcc-aarch64-linux-gnu libc6-dev-arm64-cross" ;;
    esac
    case "$1" in
    user) need qemu-aarch64 "apt-get install qemu-user" ;;
    system)
        need qemu-system-aarch64 "apt-get install qemu-system-arm"
        need cpio "apt-get install cpio"
        need dpkg-deb "a Debian or a relative of it, for its arm64 packages"
        ;;
    esac
    [ ${#missing[@]} -eq 0 ] && return
    echo "cross: missing for $1:" >&2
    printf '  %s\n' "${missing[@]}" >&2
    return 1
}

# Builds the library and the Rust test programs, and lists these as `rust NAME PATH`.
build_rust() {
    cargo build --target "$TRIPLE" --profile checked --package tidegate-capi --lib
    cargo test --no-run --target "$TRIPLE" --profile checked --package tidegate --lib --tests 2>&1 |
        tee >(cat >&2) |
        sed -n 's|^ *Executable .* (\(.*\))$|\1|p' |
        while read -r path; do
            name=$(basename "$path" .exe)
            echo "rust ${name%-*} $(realpath "$path")"
        done >"$WORK/programs"
    [ -s "$WORK/programs" ] || die "cargo named no test program"
}

# Builds the programs of tests/c and lists them as `c NAME PATH`.
build_c() {
    local library=("-L$BUILT" -ltidegate -lpthread -lm)
    # Debian's musl-gcc brings the unwinder of glibc; Rust has one for musl.
    [ "$COMPILER" = musl-gcc ] && library=(-static "$BUILT/libtidegate.a"
        "$(rustc --print sysroot)/lib/rustlib/$TRIPLE/lib/self-contained/libunwind.a")
    local suffix=
    [ "$WHERE" = windows ] && suffix=.exe library=("-L$BUILT" -ltidegate -Wl,-Bstatic -lpthread)
    mkdir -p "$WORK/c"
    for source in tests/c/*.c; do
        grep -q 'main(' "$source" || continue
        [ "$WHERE" = windows ] && grep -qE 'fork\(|symlink\(' "$source" && continue
        name=$(basename "$source" .c)
        "$COMPILER" -std=c11 -O1 -g -Wall -Wextra -Wpedantic -Werror -Iinclude -Itests/c \
            -o "$WORK/c/$name$suffix" "$source" "${library[@]}"
        echo "c $name $WORK/c/$name$suffix" >>"$WORK/programs"
    done
}

# Keeps the programs that were named, in $WORK/programs.
keep() { # keep NAME…
    [ $# -eq 0 ] && return
    awk -v names="$*" 'BEGIN { n = split(names, list); for (i = 1; i <= n; i++) wanted[list[i]] = 1 }
        $2 in wanted' "$WORK/programs" >"$WORK/kept"
    [ -s "$WORK/kept" ] || die "no test program is named $*"
    mv "$WORK/kept" "$WORK/programs"
}

# Runs the programs here, behind the words of the command given, if any.
run_here() { # run_here WORD…
    local passed=0 failed=() arguments
    export TIDEGATE_ROOT=$PWD
    while read -r kind name path; do
        mkdir -p "$WORK/run"
        arguments=()
        # shellcheck disable=SC2206  # a list of words
        [ "$kind" = rust ] && arguments=(${TESTS:-})
        if (cd "$WORK/run" && timeout "$ONE_LIMIT" "$@" "$path" "${arguments[@]}") \
            >"$WORK/log" 2>&1 </dev/null; then
            passed=$((passed + 1))
            verdict=ok
        else
            failed+=("$name")
            verdict=FAILED
        fi
        [ $verdict = ok ] && [ -z "${SHOW:-}" ] || tail -n 60 "$WORK/log"
        printf '%-7s %s %s\n' $verdict "$name" "$(grep '^test result' "$WORK/log" || true)"
        rm -rf "$WORK/run"
    done <"$WORK/programs"
    echo "$passed passed, ${#failed[@]} failed ${failed[*]}"
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
    local tree=$WORK/tree here=$PWD
    rm -rf "$tree"
    mkdir -p "$tree"/{proc,sys,dev,tmp,tests,lib,bin} "$tree$here"
    cp -a "$WORK"/debian/{bin,lib,etc} "$tree/"
    git ls-files tests schema src include bindings/conformance examples |
        cpio -pdm --quiet "$tree$here"
    cp "$BUILT/libtidegate.so" "$tree/lib/"
    while read -r kind name path; do
        aarch64-linux-gnu-strip -o "$tree/tests/$name" "$path"
        echo "$kind $name"
    done <"$WORK/programs" >"$tree/tests/list"
    cat >"$tree/init" <<INIT
#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc none /proc
mount -t sysfs none /sys
mount -t devtmpfs none /dev
mkdir -p /dev/shm
mount -t tmpfs none /dev/shm
mount -t tmpfs none /tmp
export PATH=/bin TIDEGATE_ROOT=$here TIDEGATE_EXPECT_RSEQ=1 TIDEGATE_PATIENCE=30
export RUST_BACKTRACE=1 HOME=/tmp
uname -a
passed=0 failed=
while read -r kind name; do
    mkdir -p /tmp/run && cd /tmp/run
    arguments=
    [ \$kind = rust ] && arguments="${TESTS:-}"
    log=/tmp/log
    [ -n "${SHOW:-}" ] && log=/dev/console
    begun=\$(date +%s)
    if timeout $ONE_LIMIT /tests/\$name \$arguments >\$log 2>&1 </dev/null; then
        passed=\$((passed + 1))
        verdict=ok
    else
        failed="\$failed \$name"
        verdict=FAILED
        [ -f \$log ] && tail -n 60 \$log
    fi
    counts=\$([ -f \$log ] && grep '^test result' \$log)
    printf '%-7s %s, %s s %s\n' \$verdict \$name \$((\$(date +%s) - begun)) "\$counts"
    cd / && rm -rf /tmp/run
done </tests/list
[ -z "\$failed" ] && echo "\$passed passed, all of them" || echo "\$passed passed, failed:\$failed"
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

where=${1:-}
[ $# -gt 0 ] && shift
case "$where" in
-h | --help | help)
    usage
    exit
    ;;
check)
    choose "${1:-}"
    check "$1"
    echo "cross: everything is here for $1"
    exit
    ;;
esac

choose "$where"
check "$where"
mkdir -p "$WORK"
build_rust
build_c
# shellcheck disable=SC2086  # a list of words
[ "$where" = user ] && [ $# -eq 0 ] && set -- $ALONE
keep "$@"
# What Rust takes random numbers from, which Wine has from version 9 on.
random_library() {
    printf '%s\n' '#include <windows.h>' '#include <ntsecapi.h>' \
        'BOOL WINAPI ProcessPrng(PBYTE data, SIZE_T length);' \
        'BOOL WINAPI ProcessPrng(PBYTE data, SIZE_T length) { return RtlGenRandom(data, length); }' |
        "$COMPILER" -shared -o "$BUILT/bcryptprimitives.dll" -x c - -ladvapi32
}

case "$where" in
musl) run_here ;;
windows)
    random_library
    # A Windows of its own, which asks for no more than a kernel, and finds the library.
    export WINEPREFIX=$WORK/wine WINEDEBUG=-all WINEDLLOVERRIDES="mscoree,mshtml="
    export WINEPATH="Z:${BUILT//\//\\}"
    run_here "$(find_wine)"
    ;;
user)
    root=$(dirname "$($COMPILER -print-file-name=libc.so.6)")/..
    [ -n "${TESTS:-}" ] || TESTS="--skip this_process_and_this_host"
    run_here qemu-aarch64 -L "$root" -E LD_LIBRARY_PATH="$BUILT"
    ;;
system)
    fetch
    # shellcheck disable=SC2086,SC2116  # one line of words
    [ -n "${TESTS:-}" ] || TESTS=$(echo $TOO_SLOW)
    image
    run_system
    ;;
esac
