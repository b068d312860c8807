#!/bin/sh
# The soak: several processors worked for long, and afterwards nothing may be missing.
#
# SOAK_BALLS round trips between two processors (3,000,000), SOAK_FORKS children of each of four
# workers (100,000) and SOAK_MINUTES of everything at once on four processors (10). An hour of it,
# with ten million balls, wants a limit to match:
#   SUITE_LIMIT=14400 SOAK_BALLS=10000000 SOAK_MINUTES=60 tests/run -l soak
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d "${TMPDIR:-/tmp}/folio-soak.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' HUP TERM
limit=${SUITE_LIMIT:-3600}

if ! make -s -f tests/guest/guest.mk guest-programs >"$work/build" 2>&1; then
    echo "not ok soak compile: $(grep -m 1 -E 'error|Error' "$work/build")"
    exit 1
fi

soak() { # NAME PROCESSORS KIND AMOUNT [WORKERS]
    name=$1 processors=$2
    shift 2
    status=0
    tests/guest.sh -s "$processors" -t "$limit" -a build/tests/soak "/host/soak $*" \
        >"$work/out" 2>"$work/errors" || status=$?
    if [ "$status" -eq 0 ] && tail -n 1 "$work/out" | grep -q '^soak: .* s$'; then
        echo "ok soak $name: $(tail -n 1 "$work/out")"
    else
        echo "not ok soak $name: status $status, $(head -n 3 "$work/out" | tr '\n' '|')" \
            "$(head -n 20 "$work/errors" | tr '\n' '|')"
    fi
}

soak "balls between two processors" 2 balls "${SOAK_BALLS:-3000000}"
soak "children on four processors" 4 forks "${SOAK_FORKS:-100000}"
soak "everything on four processors" 4 mix $((60 * ${SOAK_MINUTES:-10})) 8
