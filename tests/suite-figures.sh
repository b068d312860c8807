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
