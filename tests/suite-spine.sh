#!/bin/sh
# The pictures of the run show what the kernel does: recorded anew, each party's events are the same.
# lane: machine
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d "${TMPDIR:-/tmp}/folio-spine.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' HUP TERM

verdict() { # NAME: passed if standard input is empty
    sed -n '1,4p' >"$work/found"
    if [ -s "$work/found" ]; then
        echo "not ok spine: $1: $(tr '\n' '|' <"$work/found" | cut -c1-500)"
    else
        echo "ok spine: $1"
    fi
}

order() { # SCENARIO TRACE: the parties' events, one a line, without times and addresses
    awk -f generated/weave/scenario.awk out=order "$1" table= "$2" 2>&1
}

chapter_of() { # SCENARIO: the chapters that show it
    grep -l "](../$1)" book/*.md | tr '\n' ' ' | sed 's/ $//'
}

# The first difference between the events of a scenario in two traces, as a sentence.
difference() { # SCENARIO TRACE-OF-THE-PICTURE NEW-TRACE
    order "$1" "$2" >"$work/old" || sed 1q "$work/old"
    order "$1" "$3" >"$work/new" || sed 1q "$work/new"
    awk -F '\t' -v where="$(chapter_of "$1")" '
        FNR == NR { old[$1, ++olds[$1]] = $2; party[$1]; next }
        { new[$1, ++news[$1]] = $2; party[$1] }
        END {
            for (who in party)
                for (i = 1; i <= olds[who] || i <= news[who]; i++)
                    if (old[who, i] != new[who, i]) {
                        printf "%s: event %d of the party %s is \"%s\" in the picture, and now \"%s\"\n",
                            where, i, who, old[who, i], new[who, i]
                        break
                    }
        }' "$work/old" "$work/new" | LC_ALL=C sort
}

# What is there.
for scenario in diagrams/*.scenario; do
    [ -n "$(chapter_of "$scenario")" ] || echo "no chapter shows $scenario"
    [ -f "${scenario%.scenario}.trace" ] || echo "$scenario has no trace; make diagrams records it"
    run=$(sed -n 's/^run //p' "$scenario")
    [ -f "diagrams/$run.run" ] || echo "$scenario: there is no diagrams/$run.run"
done | verdict "each scenario has its run, its trace and its chapter"
for trace in diagrams/*.trace; do
    [ -f "${trace%.trace}.scenario" ] || echo "no scenario needs $trace"
done | verdict "each trace has its scenario"
for chapter in book/[12356]-*.md; do
    case $chapter in
    */?-00-* | */1-08-* | */2-0[789]-* | */3-10-* | */5-0[56]-* | */6-0[678]-*) continue ;; # the run passes them by
    esac
    sed -n '3,/^> \*\*Needs/p' "$chapter" | tr '\n' ' ' | grep -q '](../diagrams/[a-z-]*\.scenario)' ||
        echo "$chapter does not open with its stretch of the run"
done | verdict "each chapter of the core opens with its stretch of the run"

# The pictures against the kernel as it is.
for tool in qemu-system-x86_64 gcc; do
    command -v "$tool" >/dev/null || {
        echo "skip spine: $tool is missing; make deps-trace installs it"
        exit 0
    }
done
make -s -f build/lined/build/folio.mk build/trace-text >"$work/log" 2>&1 || :
# A scenario that the run doesn't fit any more is told below, with its chapter.
sh generated/weave/diagrams.sh "$work/first" >"$work/log" 2>&1 || :
for run in diagrams/*.run; do
    if [ ! -s "$work/first/$(basename "$run" .run).text" ]; then
        verdict "the runs can be recorded anew" <"$work/log"
        exit 1
    fi
done
echo "ok spine: the runs can be recorded anew"
for scenario in diagrams/*.scenario; do
    name=$(basename "$scenario" .scenario)
    run=$(sed -n 's/^run //p' "$scenario")
    difference "$scenario" "diagrams/$name.trace" "$work/first/$run.text" |
        verdict "the picture $name shows what the kernel does"
done
sh generated/weave/diagrams.sh "$work/second" >"$work/log" 2>&1 || :
# Keys come from outside of the machine, whose clock runs ahead while it waits for them. So the times
# of a sleeper may differ by a tick, and the numbers that are drawn, which are as long as no other; all else may not.
plain() { # TRACE: without times, and without handles
    sed 's/^[0-9]* //; s/=0x[0-9a-f]\{13,16\}/=HANDLE/g; s/=[0-9]\{16,19\}/=HANDLE/g' "$1"
}
for trace in "$work"/first/*.trace; do
    second=$work/second/$(basename "$trace")
    plain "$trace" >"$work/first.events"
    plain "$second" | diff "$work/first.events" - | sed "s,^,$(basename "$trace"): ,"
done | verdict "two recordings tell the same events with the same values"

# The comparison sees what it should.
awk '/call=fork result/ { held = $0; next } { print } held { print held; held = "" }' \
    diagrams/fork.trace >"$work/swapped"
cmp -s diagrams/fork.trace "$work/swapped" && echo "nothing was swapped" | verdict "two events are swapped"
difference diagrams/fork.scenario diagrams/fork.trace "$work/swapped" >"$work/said"
grep -q '^book/3-07-fork.md: event . of the party sh is ".*" in the picture, and now ".*"$' "$work/said" &&
    echo "ok spine: two events that change places are noticed" ||
    echo "not ok spine: two events that change places are noticed: $(tr '\n' '|' <"$work/said")"
sed 's/^\([0-9]*\) /9\1 /; s/0x[0-9a-f]*/0x1234/g' diagrams/demand-paging.trace >"$work/moved"
difference diagrams/demand-paging.scenario diagrams/demand-paging.trace "$work/moved" |
    verdict "other times and addresses are no difference"
for scenario in diagrams/*.scenario; do
    name=$(basename "$scenario" .scenario)
    run=$(sed -n 's/^run //p' "$scenario")
    order "$scenario" "$work/first/$run.text" >"$work/whole" || :
    order "$scenario" "$work/first/$name.trace" | cmp -s - "$work/whole" || echo "$name"
done | verdict "the lines that are kept tell what the whole trace tells"

# Mistakes in a scenario are told with their line.
mistake() { # NAME LINE PATTERN
    { cat diagrams/console.scenario; echo "$2"; } >"$work/wrong.scenario"
    if awk -f generated/weave/scenario.awk out=trace "$work/wrong.scenario" table= \
        "$work/first/the-run.text" >/dev/null 2>"$work/said"; then
        echo "not ok spine: $1: nothing is said"
    elif grep -q "^$work/wrong\.scenario:[0-9]*: $3" "$work/said"; then
        echo "ok spine: $1"
    else
        echo "not ok spine: $1: it says $(tr '\n' '|' <"$work/said")"
    fi
}
mistake "an unknown word is reported" 'draw wakeup' 'no line begins with .draw.'
mistake "an event that never comes is reported" 'show nothing : sh is glad' 'the stretch has no such event'
mistake "a stretch that never begins is reported" 'from nothing' 'the run has no such event'
mistake "an unknown party is reported" 'show call_exit call=write : cat is glad' 'there is no party .cat.'
mistake "an unknown arrow is reported" 'show call_exit call=write : sh => sh' '.=>. is no way to draw'
mistake "somebody who never appears is reported" 'know x as pid of process_name name=x' 'the run never shows who x is'
