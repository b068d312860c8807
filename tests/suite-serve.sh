#!/bin/sh
# make serve, with a browser: it shows what is saved, says what is wrong, and ends.
# lane: book
set -eu
cd "$(dirname "$0")/.."
for tool in node npm chromium; do
    command -v $tool >/dev/null || { echo "skip serve: $tool is missing; make deps-test installs it"; exit 0; }
done
work=$(mktemp -d "${TMPDIR:-/tmp}/folio-serve.XXXXXX")
trap 'rm -rf "$work"' EXIT
./tangle.sh
sh generated/weave/weave.sh >/dev/null
modules=$(sh tests/pages/modules.sh)
mkdir -p "$work/build"
cp -R tangle.sh Makefile LICENSE book diagrams generated site "$work"
cp -pR build/weave build/lined build/headers.map "$work/build"
node tests/pages/serve.mjs "$work" "$modules"
