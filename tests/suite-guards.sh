#!/bin/sh
# The kernel's guards: each trial of the chapter "What each guard stops" makes its mistake, on a
# processor that has the guard and on one that has not.
# lane: machine
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d "${TMPDIR:-/tmp}/folio-guards.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' HUP TERM

try() { # TRIAL PROCESSOR REPORT: the kernel must stop with this line; with "lives", not at all
    status=0
    CPU=$2 FOLIO_WORDS=trial:$1 tests/guest.sh -t 20 true >"$work/out" 2>"$work/report" || status=$?
    report=$(sed -n 's/^folio: panic: //p' "$work/report" | head -n 1)
    name="guards $1 on $2"
    if [ "$3" = lives ] && [ "$status" -eq 1 ]; then
        echo "ok $name"
    elif [ "$3" = lives ]; then
        echo "not ok $name: status $status, $report"
    elif [ "$status" -eq 125 ] && expr "$report" : "$3\$" >/dev/null; then
        echo "ok $name"
    else
        echo "not ok $name: status $status, $report"
    fi
}

tells() { # NAME WORDS: the last report must have these words
    if grep -q "$2" "$work/report"; then
        echo "ok guards $1"
    else
        echo "not ok guards $1: $(tail -n +2 "$work/report" | head -n 8 | tr '\n' '|')"
    fi
}

fault='exception 14 in the kernel, error'
try stack max 'exception 8 in the kernel, error 0, address ffff[c-f][0-9a-f]*'
tells "stack names the thread" 'in thread trial'
tells "stack tells why" 'its kernel stack is full'
for trial in door behind; do
    try $trial max 'exception 1 in the kernel, error 0, address 0'
    tells "$trial names the thread" 'in thread init'
done
try report max 'exception 8 in the kernel, error 0, address ffff[c-f][0-9a-f]*'
tells "report is not begun again" '^folio: panic: another failure while reporting the first'
try array max 'a function wrote beyond its part of the stack'
tells "array names the function" 'leave_an_array'
for cpu in max max,-smep; do
    try read $cpu "$fault 1, address 10000"
    try copy $cpu "$fault 1, address 10000"
done
try code max "$fault 3, address ffff[89ab][0-9a-f]*"
try execute max "$fault 11, address 10000"
try execute max,-smap "$fault 11, address 10000"
for cpu in max max,-smap qemu64; do
    try promise $cpu "$fault 0, address 11000"
done
for trial in read execute copy; do
    try $trial qemu64 lives
done
