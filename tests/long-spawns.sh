#!/bin/sh
# Ten thousand programs started by SYSTEM, with one processor and with four: nothing is lost.
set -eu
cd "$(dirname "$0")/.."
make -s -f tests/guest/guest.mk guest-programs >/dev/null
for processors in 1 4; do
    out=$(tests/guest.sh -s "$processors" -t 1200 -a build/tests/usertests '/host/usertests :spawns 10000' 2>&1) || :
    if [ "$out" = 'lost: 0 bytes, 0 objects, 0 processes, 0 threads' ]; then
        echo "ok 10,000 spawns with $processors processors lose nothing"
    else
        echo "not ok 10,000 spawns with $processors processors lose nothing: $out"
    fi
done
