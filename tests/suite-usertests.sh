#!/bin/sh
# The kernel tried from inside, by tests/guest/usertests: as it is, with little memory, on a plain
# processor, and under a storm of interrupts that cannot be masked. The machine's words "devices" and "processes" let
# the tests have some of the first and make some of the second.
#
# With USERTESTS_TIMES=N the whole is run N times in one guest, for a soak.
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d "${TMPDIR:-/tmp}/folio-usertests.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' HUP TERM

if ! make -s -f tests/guest/guest.mk guest-programs >"$work/build" 2>&1; then
    echo "not ok usertests compile: $(grep -m 1 -E 'error|Error' "$work/build")"
    exit 1
fi
place=$work
times=${USERTESTS_TIMES:-1}
limit=$((100 * times))

guest() { # [OPTION]...: runs the tests, their output in $place/out, the guest's status in $status
    status=0
    FOLIO_WORDS="devices processes" tests/guest.sh -t "$limit" -a build/tests/usertests "$@" "/host/usertests -r $times -s ${stretch:-1}" \
        >"$place/out" 2>"$place/errors" || status=$?
}

# The last line tells that all tests were run; a panic or a hang leaves none.
why_not() { # what went wrong, or nothing
    if ! tail -n 1 "$place/out" | grep -q '^[0-9]* passed, [0-9]* failed$'; then
        echo "status $status after \"$(tail -n 1 "$place/out")\": $(head -n 3 "$place/errors" | tr '\n' '|')"
    elif [ "$status" -ne 0 ]; then
        grep '^FAILED' "$place/out" | head -n 3 | tr '\n' ';'
    fi
}

variant() { # NAME [OPTION]...: the whole of it once more, told in one line
    name=$1
    shift
    guest "$@"
    why=$(why_not)
    if [ -z "$why" ]; then
        echo "ok usertests $name: $(tail -n 1 "$place/out")"
    else
        echo "not ok usertests $name: $why"
    fi
}

begin=$(date +%s)
guest
took=$(($(date +%s) - begin))
sed -n -e 's/^ok /ok usertests /p' -e 's/^FAILED /not ok usertests /p' "$work/out"
if ! tail -n 1 "$work/out" | grep -q '^[0-9]* passed, [0-9]* failed$'; then
    echo "not ok usertests end: $(why_not)"
elif [ "$took" -lt $((60 * times)) ]; then
    echo "ok usertests end within a minute"
else
    echo "not ok usertests end within a minute: it took $took s"
fi

# Two guests of one processor each have room beside each other.
mkdir "$work/small"
(place=$work/small && variant "with 64 MiB" -m 64M) >"$work/said" &
small=$!
CPU=qemu64
export CPU
variant "on a plain processor"
unset CPU
wait "$small"
cat "$work/said"
variant "with four processors" -s 4

# With two processors they run here only (tests/long-usertests.sh runs them so without a storm). The monitor sends one
# interrupt for each line, a thousand in a second at most, once the guest has said its first word: before it has gates,
# nothing can survive one.
: >"$work/out"
FOLIO_QEMU="-monitor unix:$work/monitor,server=on,wait=off"
export FOLIO_QEMU
(
    while [ ! -s "$work/out" ]; do sleep 0.1; done
    while sleep 0.01; do
        printf "%s\n" nmi nmi nmi nmi nmi nmi nmi nmi nmi nmi
    done | socat - "UNIX-CONNECT:$work/monitor" >"$work/answers" 2>&1 || :
    grep -c nmi "$work/answers" >"$work/count" || :
) &
storm=$!
stretch=5
variant "under a storm of NMIs" -s 2
wait "$storm"
count=$(cat "$work/count")
if [ "$count" -gt 1000 ]; then
    echo "ok usertests the storm was one"
else
    echo "not ok usertests the storm was one: only $count interrupts were sent"
fi
