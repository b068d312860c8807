#!/bin/sh
# The benchmarks run, and no operation needs more instructions than it may. The count is that of
# QEMU's -icount with one processor: it is the same in each run, and no matter of time.
# lane: machine
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d "${TMPDIR:-/tmp}/folio-bench.XXXXXX")
trap 'rm -rf "$work"' EXIT
make --no-print-directory image >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }

# What each may need, in instructions.
cat >"$work/limits" <<'END'
null-call 120
pipe-round-trip 5000
pipe-64k 25000
channel-round-trip 1200
fork-exit-wait 45000
fork-exec-wait 110000
spawn-wait 75000
fork-100mib 500000
anonymous-fault 1500
copy-on-write-fault 2200
mmap-munmap 4000
mmap-touch 1500
END

FOLIO_QEMU='-icount shift=0,sleep=off -seed 1 -rtc base=2024-01-01,clock=vm' \
    tests/guest.sh -t 120 bench >"$work/counts" || {
    echo "not ok the benchmarks run to their end"
    exit 1
}
echo "ok the benchmarks run to their end"

while read -r name limit; do
    count=$(sed -n "s/^bench: $name \([0-9]*\) .*/\1/p" "$work/counts")
    if [ -z "$count" ]; then
        echo "not ok $name needs at most $limit instructions: it has not been measured"
    elif [ "$count" -le "$limit" ]; then
        echo "ok $name needs at most $limit instructions: $count"
    else
        echo "not ok $name needs at most $limit instructions: $count"
    fi
done <"$work/limits"

# A question and its answer through a channel cost less than a third of the same through two pipes.
channel=$(sed -n 's/^bench: channel-round-trip \([0-9]*\) .*/\1/p' "$work/counts")
pipes=$(sed -n 's/^bench: pipe-round-trip \([0-9]*\) .*/\1/p' "$work/counts")
if [ $((3 * ${channel:-99999})) -lt "${pipes:-0}" ]; then
    echo "ok channel-round-trip needs less than a third of pipe-round-trip"
else
    echo "not ok channel-round-trip needs less than a third of pipe-round-trip: $channel of $pipes"
fi

count_of() { # BENCHMARK
    sed -n "s/^bench: $1 \([0-9]*\) .*/\1/p" "$work/counts"
}

# To start a program by SYSTEM costs little more than by fork and exec, however large the requester is.
spawn=$(count_of spawn-wait) large=$(count_of spawn-100mib) exec=$(count_of fork-exec-wait)
if [ $((10 * ${spawn:-99999999})) -le $((13 * ${exec:-0})) ]; then
    echo "ok spawn-wait needs at most 1.3 times what fork-exec-wait needs"
else
    echo "not ok spawn-wait needs at most 1.3 times what fork-exec-wait needs: $spawn and $exec"
fi
if [ $((100 * ${large:-99999999})) -le $((105 * ${spawn:-0})) ]; then
    echo "ok a spawn costs the same for a requester of 100 MiB"
else
    echo "not ok a spawn costs the same for a requester of 100 MiB: $large and $spawn"
fi

# What the record says of Folio, this Folio can repeat. (A benchmark may be newer than the record.)
sed -n 's/^bench: \([a-z0-9-]*\) .*/\1/p' "$work/counts" | sort >"$work/measured"
awk -F '\t' '!/^#/ && $1 != "name" && $2 != "-" { print $1 }' diagrams/bench.tsv |
    sort >"$work/recorded"
lost=$(comm -13 "$work/measured" "$work/recorded" | tr '\n' ' ')
if [ -s "$work/recorded" ] && [ -z "$lost" ]; then
    echo "ok all that is recorded can be measured"
else
    echo "not ok all that is recorded can be measured: ${lost:-the record is empty}"
fi

# The same of what takes memory.
names() { # FILE: what it has a number of
    awk -F '\t' '!/^#/ && $1 != "name" && $2 > 0 { print $1 }' "$1" | sort
}
sh generated/bench/memory.sh >"$work/memory" || echo "not ok what takes memory can be counted"
names "$work/memory" >"$work/counted"
lost=$(names diagrams/memory.tsv | comm -13 "$work/counted" - | tr '\n' ' ')
if [ -s diagrams/memory.tsv ] && [ -z "$lost" ]; then
    echo "ok all that is recorded of memory can be counted"
else
    echo "not ok all that is recorded of memory can be counted: ${lost:-the record is empty}"
fi

# The same of the bare machine: what is recorded can be measured again, and each number is one.
if sh generated/bench/machine.sh >"$work/machine" 2>"$work/errors"; then
    awk -F '\t' '!/^#/ && $1 != "name" { print $1 }' diagrams/machine.tsv | sort >"$work/recorded"
    sed -n 's/^\([a-z0-9-]*\)\t[1-9][0-9]*$/\1/p' "$work/machine" | sort | comm -3 - "$work/recorded" >"$work/differ"
    if [ -s "$work/recorded" ] && [ ! -s "$work/differ" ]; then
        echo "ok what is recorded of the bare machine can be measured"
    else
        echo "not ok what is recorded of the bare machine can be measured: $(tr '\n' ' ' <"$work/differ")"
    fi
else
    echo "not ok the bare machine is measured: $(tr '\n' '|' <"$work/errors")"
fi
