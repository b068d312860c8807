#!/bin/sh
# The woven pages in a browser, from disk and from a server; and the source pages beside their files.
# lane: book
set -eu
cd "$(dirname "$0")/.."
for tool in node npm chromium; do
    command -v $tool >/dev/null || { echo "skip pages: $tool is missing; make deps-test installs it"; exit 0; }
done
./tangle.sh
sh generated/weave/weave.sh >/dev/null
perl tests/pages/same.pl

modules=build/pages
mkdir -p $modules
if ! cmp -s tests/pages/package-lock.json $modules/lock; then
    cp tests/pages/package.json tests/pages/package-lock.json $modules
    (cd $modules && npm ci --silent --ignore-scripts --no-audit --no-fund)
    cp tests/pages/package-lock.json $modules/lock
fi
node tests/pages/pages.mjs site $modules "${PAGES:-some}"
