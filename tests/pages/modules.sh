#!/bin/sh
# Fetches what the tests in a browser need, once, and prints where it is.
set -eu
modules=build/pages
mkdir -p $modules
if ! cmp -s tests/pages/package-lock.json $modules/lock; then
    cp tests/pages/package.json tests/pages/package-lock.json $modules
    (cd $modules && npm ci --silent --ignore-scripts --no-audit --no-fund) >&2
    cp tests/pages/package-lock.json $modules/lock
fi
echo $modules
