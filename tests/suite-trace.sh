#!/bin/sh
# Traces: two recordings of one run are the same bytes, what they tell could be the truth, several
# processors' records come whole and in order, nobody pays or writes when tracing is off, and the
# reader and make trace refuse what isn't right in one sentence.
# lane: machine
# shellcheck disable=SC2016 # the dollars are for the guest
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d "${TMPDIR:-/tmp}/folio-trace-test.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' HUP TERM

verdict() { # NAME: passed if standard input is empty
    sed -n '1,4p' >"$work/found"
    if [ -s "$work/found" ]; then
        echo "not ok trace: $1: $(tr '\n' '|' <"$work/found" | cut -c1-500)"
    else
        echo "ok trace: $1"
    fi
}

record() { # OUT CMD [VARIABLE=VALUE]...: the command's output goes to $work/out
    out=$1 cmd=$2
    shift 2
    make -s trace CMD="$cmd" OUT="$out" "$@" >"$work/out" 2>"$work/errors"
}

# One processor: the same bytes twice.
if ! record "$work/1.bin" 'echo hi | cat'; then
    echo "not ok trace: a recording can be made: $(tail -n 2 "$work/errors" | tr '\n' '|')"
    exit 1
fi
echo "ok trace: a recording can be made"
[ "$(cat "$work/out")" = hi ] && echo "ok trace: the command's output is its own" ||
    echo "not ok trace: the command's output is its own: $(head -n 3 "$work/out")"
sleep 2 # the time of day must not matter
record "$work/2.bin" 'echo hi | cat' || :
cmp "$work/1.bin" "$work/2.bin" 2>&1 | verdict "two recordings of one run are the same bytes"
record "$work/1.text" 'echo hi | cat' || :
build/trace-text "$work/1.bin" | cmp - "$work/1.text" 2>&1 |
    verdict "a file that isn't called .bin gets the text"

# What it tells.
awk -f tests/trace-check.awk "$work/1.text" | verdict "one processor's trace could be the truth"
{
    echo 'exec path=/bin/echo'
    echo 'pipe_write bytes=3 left=3'
    echo 'exec path=/bin/cat'
    echo 'pipe_read bytes=3 left=0'
    echo 'power_off status=0'
} >"$work/expected"
grep -oE '(exec path=/bin/(echo|cat)|pipe_.*|power_off status.*)$' "$work/1.text" |
    diff "$work/expected" - | verdict "the story of echo hi | cat"
for stage in reports memory time threads processors files first_program; do
    grep -q "stage name=$stage\$" "$work/1.text" || echo "no stage $stage"
done | verdict "the startup is in it from its first stage on"
grep -m 1 ' trap_exit .*user=1$' "$work/1.text" | grep -v ' vector=0 ' |
    verdict "the first frame of all is made of zeros"

# A run with stops, signals, memory and many records, so that the rings are emptied several times.
FOLIO_WORDS=processes record "$work/3.text" 'sleep 9 & kill -STOP $!; kill -CONT $!; kill $!; wait $!; ls -l /bin | sort | wc -l;
    bench mmap-munmap; loan; tickets; twin; spawn true; for i in 1 2 3 4 5 6 7 8 9; do (exit $i) | cat; done; true' || :
awk -f tests/trace-check.awk "$work/3.text" | verdict "a longer trace could be the truth"
# With `frames`, each trap out of a program has its registers: those of a call are its arguments.
record "$work/4.text" 'echo hi | cat' FOLIO_WORDS=frames || :
awk '
    $4 == "trap_enter" { rax = ""; told = 0 }
    $4 ~ /^frame_/ { told++ }
    $4 == "frame_letters" {
        for (i = 5; i <= NF; i++)
            register[substr($i, 1, 3)] = substr($i, 5)
        if (result != "" && register["rax"] != sprintf("0x%x", result))
            print "after a result of " result ": " $0
        result = ""
    }
    $4 == "call_enter" && $5 ~ /call=(read|write)$/ {
        calls++
        if (told != 3 || $6 != "a0=" register["rdi"] || $7 != "a1=" register["rsi"] || $8 != "a2=" register["rdx"])
            print "after " told " records of registers, " $0
    }
    $4 == "call_exit" && $5 ~ /call=write$/ { result = substr($6, 8) }
    END { if (calls < 2) print "no calls" }
' "$work/4.text" | verdict "a trace with frames has the registers of each trap"
for event in $(sed -n 's/^TRACE_EVENT(\([A-Z_]*\),.*/\1/p' generated/include/folio/trace_events.h |
    tr '[:upper:]' '[:lower:]'); do
    case $event in
    lost | ipi | protect | part_parent) ;; # never in a recording; with several processors; by usertests, both
    frame_*) grep -q " $event " "$work/4.text" || echo "no event $event" ;;
    *) grep -q " $event " "$work/3.text" || echo "no event $event" ;;
    esac
done | verdict "each event of the list happens"
[ "$(wc -l <"$work/3.text")" -gt 2000 ] && echo "ok trace: several rings full" ||
    echo "not ok trace: several rings full: $(wc -l <"$work/3.text") events"

# Four processors at once, in the host's time.
record "$work/4.text" 'for i in 1 2 3 4 5 6 7 8; do { ls -l /bin | sort | wc -l >/dev/null; } & done; wait
    for i in 1 2 3 4; do (true) & (true) & (true) & wait; done' SMP=4 || cat "$work/errors"
awk -f tests/trace-check.awk "$work/4.text" | verdict "four processors' records are whole and in order"
[ "$(cut -d' ' -f2 "$work/4.text" | sort -u | tr -d '\n')" = 0123 ] &&
    echo "ok trace: all four processors wrote some" ||
    echo "not ok trace: all four processors wrote some: $(cut -d' ' -f2 "$work/4.text" | sort -u | tr '\n' ' ')"
grep -q ' ipi to=' "$work/4.text" && echo "ok trace: interrupts between processors are events" ||
    echo "not ok trace: interrupts between processors are events"

# Off: nothing is written to the port, though somebody listens there.
FOLIO_QEMU="-chardev file,id=trace,path=$work/off -device isa-debugcon,iobase=0xea,chardev=trace" \
    tests/guest.sh 'echo hi | cat' >"$work/out" || :
[ -f "$work/off" ] && [ ! -s "$work/off" ] && echo "ok trace: without the word nothing is recorded" ||
    echo "not ok trace: without the word nothing is recorded"
# On, and nobody listens: the run is as ever, and the log says so.
FOLIO_WORDS='trace' tests/guest.sh 'dmesg | grep -c "nobody listens"; ls /bin | sort | wc -l >/dev/null' >"$work/out" || :
[ "$(cat "$work/out")" = 1 ] && echo "ok trace: without a listener the newest events stay in memory" ||
    echo "not ok trace: without a listener the newest events stay in memory: $(cat "$work/out")"

# A panic: the last events are in the report, and the recording is whole.
FOLIO_WORDS='trace panic' tests/guest.sh true >"$work/out" 2>&1 || :
{
    grep -q '^the last 16 events:$' "$work/out" || echo "no last events: $(tail -n 1 "$work/out")"
    tail -n 1 "$work/out" | grep -q ' thread_state pid=1 tid=1 from=Created to=Ready$' ||
        echo "the last event is $(tail -n 1 "$work/out")"
} | verdict "a panic shows the last events"
status=0
FOLIO_WORDS=panic record "$work/5.text" true || status=$?
grep -q 'thread_state pid=1 tid=1 from=Created to=Ready$' "$work/5.text" && [ "$status" -ne 0 ] &&
    echo "ok trace: a kernel that panics has left its record" ||
    echo "not ok trace: a kernel that panics has left its record: status $status"

# The reader and rubbish: one sentence and a status that isn't 0.
refused() { # NAME WORDS COMMAND...: refused with one sentence that has these words
    name=$1 words=$2 status=0
    shift 2
    "$@" >"$work/out" 2>"$work/errors" || status=$?
    grep -vE '^make(\[[0-9]+\])?: ' "$work/errors" >"$work/sentence" || :
    {
        [ "$status" -ne 0 ] || echo "status 0"
        [ ! -s "$work/out" ] || echo "it printed: $(head -n 1 "$work/out")"
        [ "$(wc -l <"$work/sentence")" -eq 1 ] || echo "not one sentence: $(cat "$work/sentence")"
        grep -q -- "$words" "$work/sentence" || echo "it said: $(cat "$work/sentence")"
    } | verdict "$name"
}
: >"$work/empty"
head -c 5000 /dev/urandom >"$work/random"
head -c 30001 "$work/1.bin" >"$work/short"
head -c 40 "$work/1.bin" >"$work/shorter"
{ head -c 880 "$work/1.bin" && head -c 8800 /dev/zero; } >"$work/zeros"
{ head -c 16 "$work/1.bin" && printf '12345678' && tail -c +25 "$work/1.bin"; } >"$work/other"
{ head -c 88 "$work/1.bin" && tail -c 88 "$work/1.bin" && tail -c +89 "$work/1.bin"; } >"$work/order"
refused "the reader: no file" "can't open" build/trace-text "$work/none"
refused "the reader: a directory" "can't read" build/trace-text "$work"
refused "the reader: an empty file" "is empty" build/trace-text "$work/empty"
refused "the reader: rubbish" "is no recording" build/trace-text "$work/random"
refused "the reader: less than a header" "is no recording" build/trace-text "$work/shorter"
refused "the reader: another kernel's recording" "other events" build/trace-text "$work/other"
refused "the reader: a recording cut short" "middle of a record" build/trace-text "$work/short"
refused "the reader: records of nothing" "is damaged" build/trace-text "$work/zeros"
refused "the reader: time that runs backwards" "is older" build/trace-text "$work/order"
refused "the reader: no argument" "usage" build/trace-text

# make trace: what is missing or can't be is said, and what was there stays.
refused "make trace without CMD" "say what to run" make -s trace OUT="$work/x"
refused "make trace without OUT" "say where to put" make -s trace CMD=true
refused "make trace into a folder that isn't there" "no folder" make -s trace CMD=true OUT="$work/no/x"
refused "make trace onto a directory" "is a directory" make -s trace CMD=true OUT="$work"
echo before >"$work/kept"
status=0
make -s trace CMD='exit 3' OUT="$work/kept" SMP=none >"$work/out" 2>&1 || status=$?
[ "$status" -ne 0 ] && [ "$(cat "$work/kept")" = before ] &&
    echo "ok trace: a run that can't be leaves what was there" ||
    echo "not ok trace: a run that can't be leaves what was there: status $status"
# make's own status for a failure is 2 whatever the recipe's was; the recipe's is in what it says.
record "$work/6.text" 'exit 3' || :
grep -q 'Error 3$' "$work/errors" && [ -s "$work/6.text" ] &&
    echo "ok trace: the command's status is passed on" ||
    echo "not ok trace: the command's status is passed on: $(tail -n 1 "$work/errors")"

# Each system call has a name and a shape.
sed -n 's/^ *SYS_\([A-Z0-9_]*\) = .*/\1/p' generated/include/folio/calls.h | grep -v '^LIMIT$' | sort >"$work/calls"
sed -n 's/^CALL_SHAPE(\([A-Z0-9_]*\), .*/\1/p' generated/include/folio/call_shapes.h | sort |
    diff "$work/calls" - | verdict "each system call has a shape"

# ... and belongs to a group, or to anybody.
sed -n 's/^CALL_GROUP(\([A-Z0-9_]*\), .*/\1/p' generated/include/folio/call_groups.h | sort |
    diff "$work/calls" - | verdict "each system call is in a group"
