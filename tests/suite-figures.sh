#!/bin/sh
# The figures that follow from the code are those that the code makes now, no room calls upward, and
# the writer of sequence diagrams draws what it should and refuses what it can't.
# lane: book
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d "${TMPDIR:-/tmp}/folio-figures.XXXXXX")
trap 'rm -rf "$work"' EXIT

tab=$(printf '\t')
./tangle.sh
sh generated/figures/draw.sh "$work" >"$work/log" 2>&1 || echo "not ok the figures can be drawn: $(head -n 1 "$work/log")"
compare() { # FIGURE FOLDER: what differs between the figure as drawn now and as it is in the folder, as a sentence
    name=$(basename "$1")
    if [ ! -f "$1" ]; then
        echo "nothing draws $name"
    elif ! cmp -s "$1" "$2/$name"; then
        shown=$(grep -n "](../diagrams/$name)" book/*.md | cut -d: -f1,2 | head -n 1)
        echo "${shown:-diagrams/$name}: make diagrams draws $name anew;" \
            "$(diff "$1" "$2/$name" 2>&1 | grep -c '^[<>]') lines differ"
    fi
}
for figure in "$work"/*.dot; do
    difference=$(compare "$figure" diagrams)
    if [ -z "$difference" ]; then
        echo "ok figures $(basename "$figure") shows the code"
    else
        echo "not ok figures $(basename "$figure") shows the code: $difference"
    fi
done
mkdir "$work/old"
sed 's/rip/rep/' diagrams/trap-frame.dot >"$work/old/trap-frame.dot"
case $(compare "$work/trap-frame.dot" "$work/old") in
book/2-02-the-trap-frame.md:*': make diagrams draws trap-frame.dot anew; '[1-9]*) echo "ok figures an old figure is noticed" ;;
*) echo "not ok figures an old figure is noticed: $(compare "$work/trap-frame.dot" "$work/old")" ;;
esac

# The writer of sequence diagrams, fed with event texts; and what a scenario makes of events.
pandoc --from markdown --to plain --lua-filter tests/sequence.lua </dev/null
printf '%s\n' '1000 0 7.7 sleep pid=7' '1500 0 8.8 note pid=8' '13000 0 7.7 wake pid=7' >"$work/trace"
printf '%s\n' 'run x' 'know a is 7' 'know b is 8' 'party a' 'party b' 'from sleep' 'to wake' >"$work/head"
printf 'sleep\t1.2\tone.html#c\n' >"$work/emitters"
told() { # OUT NAME LINE...: what these lines at the end of a scenario make
    out=$1 name=$2
    shift 2
    { cat "$work/head"; printf '%s\n' "$@"; } >"$work/x.scenario"
    awk -f generated/weave/scenario.awk out="$out" "$work/x.scenario" table=emitters "$work/emitters" \
        table= "$work/trace" >"$work/told" 2>"$work/said" || :
    cat "$work/said" >>"$work/told"
}
like() { # WORDS: the last line told
    [ "$(tail -n 1 "$work/told")" = "$1" ] && echo "ok figures scenario: $name" ||
        echo "not ok figures scenario: $name: $(tail -n 1 "$work/told")"
}
told order "a span is in the order, without its time" 'show sleep : span a asleep' 'show wake : done a'
like "a${tab}done a "
told events "a span has the time that it took" 'show sleep : span a asleep' 'show wake : done a'
like "done${tab}a${tab}${tab}12 µs${tab}${tab}"
told order "a group belongs to all" 'show sleep : group the night' 'show wake : close'
like "all${tab}close "
told order "a span needs its beginning" 'show sleep : a is tired' 'show wake : done a'
like "$work/x.scenario:9: \`done a\` comes before \`span a\`"
told order "no party has the name of a drawing" 'party span'
like "$work/x.scenario:8: \`span\` begins a drawing, and can't be a party"

# What a recording that can be stepped through says: who has what after each row.
cat >"$work/y.scenario" <<'END'
run y
play
know a is 7
know b as pid of process_new parent=a
party a
party b
from call_enter by=a call=fork
show process_new : a +> b born
show exec by=b : b is new
show unmap : b is smaller
show capability_gone : b is poorer
to capability_gone
END
cat >"$work/y.trace" <<'END'
10 0 7.1 map start=0x1000 end=0x4000 protection=rw- what=zeros
11 0 7.1 capability_new pid=7 handle=0x12ab kind=calls object=1 rights=0x80000103 from=0x0
12 0 7.1 frame_pushed rip=0x1 rsp=0x2
13 0 7.1 call_enter call=fork
14 0 7.1 process_new pid=8 parent=7
15 0 7.1 capability_new pid=8 handle=0x12ab kind=calls object=1 rights=0x80000103 from=0x12ab
16 0 7.1 call_exit call=fork result=8
17 0 8.1 call_enter call=exec a0=0x1
18 0 8.1 map start=0x1000 end=0x9000 protection=r-x what=object
19 0 8.1 exec path=/x
20 0 8.1 call_exit call=exec result=0
21 0 8.1 call_enter call=munmap a0=0x2000
22 0 8.1 protect start=0x4000 end=0x5000 protection=r--
23 0 8.1 unmap start=0x2000 end=0x3000
24 0 8.1 capability_gone pid=8 handle=0x12ab
END
cat >"$work/y.expected" <<'END'
shelve("y", [{"a":{pid:"7",memory:"000000001000 000000004000 rw- zeros\n",capabilities:"0x12ab calls 1 files, programs, power\n",registers:"rip=0x1 rsp=0x2 ",},"b":{pid:"8",state:"Created",memory:"000000001000 000000004000 rw- zeros\n",},}
,{"b":{memory:"000000001000 000000009000 r-x object\n",capabilities:"0x12ab calls 1 files, programs, power\n",},}
,{"b":{memory:"000000001000 000000002000 r-x object\n000000003000 000000004000 r-x object\n000000004000 000000005000 r-- object\n000000005000 000000009000 r-x object\n",},}
,{"b":{capabilities:"",},}
]);
END
played() { # TRACE
    awk -f generated/weave/scenario.awk out=played name=y "$work/y.scenario" \
        table=rights generated/include/folio/capability.h table= "$1"
}
played "$work/y.trace" >"$work/y.told" 2>&1
if cmp -s "$work/y.expected" "$work/y.told"; then
    echo "ok figures what each row of a recording has changed"
else
    echo "not ok figures what each row of a recording has changed: $(diff "$work/y.expected" "$work/y.told" | head -n 2 | tr '\n' '|')"
fi
awk -f generated/weave/scenario.awk out=trace "$work/y.scenario" table= "$work/y.trace" >"$work/y.kept"
if [ "$(played "$work/y.kept" 2>&1)" = "$(cat "$work/y.expected")" ]; then
    echo "ok figures the lines that are kept can be played"
else
    echo "not ok figures the lines that are kept can be played: $(played "$work/y.kept" 2>&1 | head -n 1)"
fi

# The steps of the dance, as the chapter numbers them, are the calls of the recorded run in their order.
awk '/^## /{ steps = /As it looks from SYSTEM/ } steps && /^[0-9]+\. `/ { split($0, part, "`"); print part[2] }' \
    book/4-09-the-dance-in-pictures.md >"$work/steps"
calls_of_the_dance() { # TRACE
    awk '
        $4 == "process_name" && /name=sh$/ { split($5, pair, "="); sh = pair[2] }
        $4 == "process_new" && /parent=2$/ { split($5, pair, "="); child = pair[2] }
        $4 != "call_enter" { next }
        { call = substr($5, 6); who = $3; sub(/\..*/, "", who) }
        call == "channel_call" && who == sh { begun = 1 }
        begun && (who == sh || who == child || who == 2) && call != last { print call; last = call }
        begun && who == child && call == "exit" { exit }
    ' "$1"
}
calls_of_the_dance diagrams/spawn-made.trace >"$work/danced"
if [ -s "$work/steps" ] && cmp -s "$work/steps" "$work/danced"; then
    echo "ok figures the steps of the dance are those of the recorded run"
else
    echo "not ok figures the steps of the dance are those of the recorded run: $(diff "$work/steps" "$work/danced" | head -n 3 | tr '\n' '|')"
fi

# What an object of one room needs and only a higher room has: the symbols that go upward. Two may:
# the first call of all, into kernel_main, and the canary, which the compiler names in every room.
rooms=$(sed -n 's/^\([a-z][a-z]*\) .*/\1/p' diagrams/rooms.words)
(cd build/objects/kernel && find . -name '*.o' | LC_ALL=C sort | while read -r object; do
    nm "$object" | sed "s,^,$object ,"
done) | awk -v rooms="$rooms" '
    BEGIN { count = split(rooms, room); for (i = 1; i <= count; i++) level[room[i]] = i }
    { split($1, path, "/"); kind = NF == 4 ? $3 : $2; symbol = $NF }
    kind == "U" { needs[++n] = symbol; by[n] = path[2]; object[n] = $1; next }
    kind ~ /[A-Z]/ { home[symbol] = path[2] }
    END {
        for (i = 1; i <= n; i++)
            if (needs[i] in home && needs[i] !~ /^(kernel_main|__stack_chk_(fail|guard))$/ && level[home[needs[i]]] > level[by[i]])
                print object[i] " needs " needs[i] " of " home[needs[i]]
    }' >"$work/upward"
if [ -s "$work/upward" ]; then
    echo "not ok no room calls upward: $(head -n 3 "$work/upward" | tr '\n' '|')"
else
    echo "ok no room calls upward"
fi
