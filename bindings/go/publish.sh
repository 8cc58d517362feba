#!/bin/sh
# Makes what `go get` finds: a commit on top of HEAD with the archives inside the module, and a tag for
# each module. Branches never see it; the release workflow pushes the tags.
#
#   ./native.sh ARCHIVE          for each platform, before
#   ./publish.sh v0.1.0          then prints the tags
set -eu
cd "$(dirname "$0")"
[ $# -eq 1 ] || { echo "publish.sh: expected a version, such as v0.1.0" >&2; exit 1; }
version=$1
module=github.com/tidegate/tidegate/bindings/go
root=$(git rev-parse --show-toplevel)
[ -f internal/capi/archive.h ] || { echo "publish.sh: run ./native.sh first, for each platform" >&2; exit 1; }
[ -z "$(git status --porcelain --untracked-files=no)" ] || { echo "publish.sh: commit everything first" >&2; exit 1; }

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export GIT_INDEX_FILE="$scratch/index"
git read-tree HEAD
git add --force internal/capi/include internal/capi/lib internal/capi/archive.h

put() { # put FILE PATH: FILE's content at PATH of the commit
    git update-index --add --cacheinfo "100644,$(git hash-object -w --stdin <"$1"),$2"
}
for license in "$root"/LICENSE-*; do
    put "$license" "bindings/go/$(basename "$license")"
done
tags=bindings/go/$version
for inner in prometheus otel grpc; do
    cp "$inner/go.mod" "$scratch/go.mod"
    go mod edit -dropreplace="$module" -require="$module@$version" "$scratch/go.mod"
    put "$scratch/go.mod" "bindings/go/$inner/go.mod"
    tags="$tags bindings/go/$inner/$version"
done

commit=$(git commit-tree "$(git write-tree)" -p HEAD -m "Go modules $version, with their archives")
for tag in $tags; do
    git tag --force "$tag" "$commit" >/dev/null
    echo "$tag"
done
