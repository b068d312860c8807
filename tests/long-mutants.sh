#!/bin/sh
# Each guard removed once: the test that is there for it must notice.
#
# A mutant is a file in tests/mutants/. It begins with what is removed and what that would do; then
#     run: COMMAND       what must fail, one of the functions below with its arguments
#     build: KIND        a kernel with DEBUG=KIND; otherwise the ordinary one
#     says: PATTERN      (may be missing) what the failing command must print
#     in: CHUNK          and lines with - and +: the change, as tests/mutate.pl tells
# or, where no emulated processor shows it, "skip: why" in the place of "run:".
# Each command is run first on the book as it is, where it must succeed. The book is changed and
# built in a copy, where a mutant costs some seconds. tests/long-mutants.sh [NAME]... tries those named.
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d "${TMPDIR:-/tmp}/folio-mutants.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' HUP TERM

copy=$work/copy
mkdir "$copy"
cp -Rp Makefile tangle.sh book build diagrams generated site tests "$copy"
rm -f "$copy/build/tangle.lock" "$copy/build/make.lock"

build() { # KIND: the kernel of this kind in the copy, and the tests with the library as it is there
    make -s -C "$copy" image DEBUG="$1" >"$work/log" 2>&1 &&
        make -s -C "$copy" -f tests/guest/guest.mk guest-programs >>"$work/log" 2>&1
}

# What a mutant may run, in the copy. Each succeeds on a kernel with all its guards.

guest() { # PROCESSORS SECONDS COMMAND: succeeds where the command does
    FOLIO_DEBUG=$kind "$copy/tests/guest.sh" -s "$1" -t "$2" -a "$copy/build/tests/usertests" "$3"
}

usertests() { # PROCESSORS NAME...: these tests pass
    processors=$1
    shift
    FOLIO_WORDS="devices processes" guest "$processors" 100 "/host/usertests -s 2 $*"
}

panics() { # TRIAL PROCESSOR PATTERN [PATTERN]: the kernel stops so, and says somewhere the other
    status=0
    CPU=$2 FOLIO_WORDS=trial:$1 guest 1 20 true >"$work/report" 2>&1 || status=$?
    cat "$work/report"
    [ "$status" -eq 125 ] && sed -n 's/^folio: panic: //p' "$work/report" | head -n 1 | grep -q -e "$3" &&
        grep -q -e "${4:-}" "$work/report"
}

suite() { # NAME: the suite of this name has no complaint
    sh "$copy/tests/suite-$1.sh" >"$work/suite" 2>&1
    cat "$work/suite"
    grep -q '^ok' "$work/suite" && ! grep -q '^not ok' "$work/suite"
}

unit() { # NAME: the unit test of this name passes
    sh "$copy/tests/suite-unit.sh" "$1"
}

# The tests while interrupts that cannot be masked strike everywhere: the processor looks for them
# after each instruction.
storm() { # PROCESSORS NAME...: these tests pass nevertheless
    processors=$1
    shift
    : >"$work/said"
    storming "$processors" "$*" >"$work/said" 2>&1 && status=0 || status=$?
    cat "$work/said"
    return "$status"
}
storming() {
    (
        while [ ! -s "$work/said" ]; do sleep 0.1; done
        while sleep 0.01; do
            printf "%s\n" nmi nmi nmi nmi nmi nmi nmi nmi nmi nmi
        done | socat - "UNIX-CONNECT:$work/monitor" >"$work/answers" 2>&1 || :
    ) &
    FOLIO_QEMU="-singlestep -monitor unix:$work/monitor,server=on,wait=off" \
        guest "$1" 60 "echo; /host/usertests -s 5 $2"
    ended=$?
    wait
    return "$ended"
}

value() { # KEY FILE
    sed -n "s/^$1: //p" "$2" | head -n 1
}

run() { # FILE: what it tells to run, its output in $work/out
    kind=$(value build "$1")
    eval "$(value run "$1")" >"$work/out" 2>&1
}

excerpt() {
    grep -E '^FAILED|^folio: panic:|limit of|not ok|assertion' "$work/out" | head -n 1 | cut -c1-160
}

try() { # NAME
    file=tests/mutants/$1
    reason=$(value skip "$file")
    if [ -n "$reason" ]; then
        echo "skip mutant $1: $reason"
        return
    fi
    kind=$(value build "$file")
    baseline=$work/passed.$(printf '%s' "$kind $(value run "$file")" | tr -c 'a-z0-9_' _)
    if [ ! -f "$baseline" ]; then
        if ! build "$kind" || ! run "$file"; then
            echo "not ok mutant $1: $(value run "$file") fails without it: $(excerpt)"
            return
        fi
        : >"$baseline"
    fi
    if ! perl tests/mutate.pl "$copy" "$file" 2>"$work/log"; then
        echo "not ok mutant $1: $(cat "$work/log")"
    elif ! build "$kind"; then
        echo "not ok mutant $1: it does not compile: $(grep -m 1 error "$work/log")"
    elif run "$file"; then
        echo "not ok mutant $1: $(value run "$file") did not notice"
    elif [ -n "$(value says "$file")" ] && ! grep -q -e "$(value says "$file")" "$work/out"; then
        echo "not ok mutant $1: it was not told as \"$(value says "$file")\": $(excerpt)"
    else
        echo "ok mutant $1: $(value run "$file") noticed: $(excerpt)"
    fi
    for chapter in book/*.md; do
        cmp -s "$chapter" "$copy/$chapter" || cp "$chapter" "$copy/$chapter"
    done
}

if ! build ''; then
    echo "not ok mutants build: $(grep -m 1 -E 'error|Error' "$work/log")"
    exit 1
fi
if [ $# -eq 0 ]; then
    for file in tests/mutants/*; do
        set -- "$@" "$(basename "$file")"
    done
fi
for name in "$@"; do
    try "$name"
done
