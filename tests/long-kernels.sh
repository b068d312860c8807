#!/bin/sh
# The kernels that look for their own mistakes, DEBUG=1, undefined and address: each stops the
# mistakes that it is for, and usertests find nothing in it, on one processor and on four.
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d "${TMPDIR:-/tmp}/folio-kernels.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' HUP TERM

try() { # TRIAL REPORT: this kernel must stop with such a line
    status=0
    FOLIO_WORDS=trial:$1 tests/guest.sh -t 60 true >"$work/out" 2>"$work/report" || status=$?
    report=$(sed -n 's/^folio: panic: //p' "$work/report" | head -n 1)
    if [ "$status" -eq 125 ] && expr "$report" : "$2\$" >/dev/null; then
        echo "ok kernels $FOLIO_DEBUG: $1"
    else
        echo "not ok kernels $FOLIO_DEBUG: $1: status $status, $report"
    fi
}

run() { # PROCESSORS: usertests on this kernel
    status=0
    FOLIO_WORDS="devices processes" tests/guest.sh -s "$1" -t 600 -a build/tests/usertests '/host/usertests -s 5' \
        >"$work/out" 2>"$work/report" || status=$?
    name="kernels $FOLIO_DEBUG: usertests with $1 processors"
    if [ "$status" -eq 0 ] && tail -n 1 "$work/out" | grep -q '^[0-9]* passed, 0 failed$'; then
        echo "ok $name: $(tail -n 1 "$work/out")"
    else
        echo "not ok $name: status $status, $(grep '^FAILED' "$work/out" | head -n 3 | tr '\n' ';')" \
            "$(head -n 3 "$work/report" | tr '\n' '|')"
    fi
}

make -s -f tests/guest/guest.mk guest-programs >"$work/build" 2>&1
for FOLIO_DEBUG in 1 undefined address; do
    export FOLIO_DEBUG
    if ! make -s image DEBUG="$FOLIO_DEBUG" >"$work/build" 2>&1; then
        echo "not ok kernels $FOLIO_DEBUG: $(grep -m 1 error "$work/build")"
        continue
    fi
    try twice '[0-9a-f]* is freed twice'
    case $FOLIO_DEBUG in
    address)
        try stale 'a load of 1 bytes at [0-9a-f]* is not allowed'
        try freed 'a store of 1 bytes at [0-9a-f]* is not allowed'
        try beyond 'a store of 1 bytes at [0-9a-f]* is not allowed'
        ;;
    *)
        try freed 'somebody wrote to a free frame: .*'
        try beyond 'somebody wrote to the red zone of an object: .*'
        ;;
    esac
    [ "$FOLIO_DEBUG" != undefined ] || try shift 'book/2-08[^:]*:[0-9]*: undefined: a shift by too many bits'
    run 1
    run 4
done
