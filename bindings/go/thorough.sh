#!/bin/sh
# What takes too long for every commit. Run ./native.sh first.
#
#   ./thorough.sh            everything
#   FUZZ=5m ./thorough.sh    each target for so long; 20 s else
set -eux
cd "$(dirname "$0")"

go test -race ./...
GOEXPERIMENT=cgocheck2 go test .
# Without what the runtime does not promise: atomic counters, ordinary calls.
go test -tags tidegate_nolinkname .
GOEXPERIMENT=cgocheck2 go test -tags tidegate_nolinkname .
go test -race -tags tidegate_nolinkname .

for target in FuzzKeysOfParts FuzzOperation FuzzBreaker FuzzRecord; do
    go test -run '^$' -fuzz "^$target\$" -fuzztime "${FUZZ:-20s}" .
done
(cd otel && go test -run '^$' -fuzz '^FuzzParse$' -fuzztime "${FUZZ:-20s}" .)

for module in . prometheus otel grpc; do
    (cd "$module" && go run honnef.co/go/tools/cmd/staticcheck@v0.8.2 ./...)
done
