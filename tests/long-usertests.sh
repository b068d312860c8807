#!/bin/sh
# usertests many times in a row, each in a machine of its own: RUNS (30) with four processors, and a
# third as many with one, two and eight.
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d "${TMPDIR:-/tmp}/folio-runs.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' HUP TERM

if ! make -s -f tests/guest/guest.mk guest-programs >"$work/build" 2>&1; then
    echo "not ok usertests compile: $(grep -m 1 -E 'error|Error' "$work/build")"
    exit 1
fi

runs() { # PROCESSORS TIMES; the limits are long, for a host that has other work to do as well
    failed=0 run=1
    while [ "$run" -le "$2" ]; do
        status=0
        FOLIO_WORDS="devices processes" tests/guest.sh -s "$1" -t 900 -a build/tests/usertests '/host/usertests -s 10' \
            >"$work/out" 2>"$work/errors" || status=$?
        if [ "$status" -ne 0 ] || ! tail -n 1 "$work/out" | grep -q '^[0-9]* passed, 0 failed$'; then
            failed=$((failed + 1))
            echo "not ok usertests run $run with $1 processors: status $status," \
                "$(grep '^FAILED' "$work/out" | head -n 3 | tr '\n' ';')" \
                "after \"$(tail -n 1 "$work/out")\" $(head -n 20 "$work/errors" | tr '\n' '|')"
        fi
        echo "run $run of $2 with $1 processors: $(tail -n 1 "$work/out")"
        run=$((run + 1))
    done
    [ "$failed" -gt 0 ] || echo "ok usertests $2 runs in a row with $1 processors: $(tail -n 1 "$work/out") each"
}

runs 4 "${RUNS:-30}"
for processors in 1 2 8; do
    runs "$processors" $((${RUNS:-30} / 3))
done
