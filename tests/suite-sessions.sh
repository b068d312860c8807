#!/bin/sh
# The program that repeats the book's sessions, tried on chapters of its own: what it writes anew,
# what it leaves alone, and when it refuses. See the chapter "Sessions that are repeated".
# lane: machine
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d "${TMPDIR:-/tmp}/folio-sessions.XXXXXX")
trap 'rm -rf "$work"' EXIT

replay() { # [-c] CHAPTER...: what it says, and its status in $status
    status=0
    SESSION_LIMIT=${limit:-30} perl generated/sessions/replay.pl "$@" >"$work/said" 2>&1 || status=$?
}

verdict() { # NAME: standard input is what the chapter should be; $work/a.md what it is
    if cmp -s - "$work/a.md"; then
        echo "ok sessions: $1"
    else
        echo "not ok sessions: $1: it says $(tr '\n' '|' <"$work/said"), and the chapter is $(tr '\n' '|' <"$work/a.md")"
    fi
}

says() { # NAME STATUS PATTERN
    if [ "$status" -eq "$2" ] && grep -q "$3" "$work/said"; then
        echo "ok sessions: $1"
    else
        echo "not ok sessions: $1: status $status, it says $(tr '\n' '|' <"$work/said")"
    fi
}

# What changed is written anew, exactly there; wildcards stay; other fences are left alone.
cat >"$work/a.md" <<'E1'
# A chapter

```text
$ echo "this is only text"
no output
```

````text
```host
$ echo "and so is this"
```
````

```host
$ printf '%s\n' a 17 end
a
[n]
end
$ printf '%s\n' first 2 'took 5 ms on host x' middle last
first
...
took [n] ms on [...] y
middle
old
$ for i in 1 2
> do echo $i; done
1
3
$ true
it printed this once
$ echo [1] 12 ends
[pid] [n] begins
```

The end.
E1
cp "$work/a.md" "$work/before"
replay -c "$work/a.md"
says "comparing names the line" 1 "a.md:22: the book says \"took \[n\] ms on \[...\] y\", the machine"
verdict "comparing writes nothing" <"$work/before"
replay "$work/a.md"
sed 's/^took .*/took [n] ms on host x/; s/^old$/last/; s/^3$/2/; /^it printed/d; s/^\[pid\] .*/[pid] [n] ends/' \
    "$work/before" >"$work/after"
sed 's/^took .*/took [n] ms on [...] x/' "$work/after" >"$work/after2"
if cmp -s "$work/after2" "$work/a.md"; then cp "$work/after2" "$work/after"; fi
verdict "what differs is written anew, exactly there, and wildcards stay" <"$work/after"
replay -c "$work/a.md"
says "what it has written is what it compares with" 0 '^ok transcripts a: 5 commands$'
touch -d @0 "$work/a.md"
replay "$work/a.md"
[ -z "$(find "$work/a.md" -newermt @1)" ] || echo changed >>"$work/said"
says "a chapter that is right is not written" 0 '^transcripts: no chapters are written anew$'
[ "$(stat -c %Y "$work/a.md")" = 0 ] || echo "not ok sessions: a chapter that is right was touched"

# Lines that come and go, around dots and without them.
printf '%s\n' '```host' '$ printf "%s\n" x a b new c' x a b c '```' >"$work/a.md"
replay "$work/a.md"
printf '%s\n' '```host' '$ printf "%s\n" x a b new c' x a b new c '```' | verdict "a line more"
printf '%s\n' '```host' '$ printf "%s\n" a c total' a b c '...' 'sum' '```' >"$work/a.md"
replay "$work/a.md"
printf '%s\n' '```host' '$ printf "%s\n" a c total' a c '...' total '```' | verdict "a line less, beside dots"

# What must not get into the book.
refused() { # NAME WHY COMMAND [KIND]: the chapter stays as it is, and a sentence says why
    printf '%s\n' '```host' '$ echo new' old '```' "\`\`\`${4:-host}" "$3" 'as it was' '```' >"$work/a.md"
    cp "$work/a.md" "$work/before"
    replay "$work/a.md"
    says "$1" 1 "$2.*; the chapter stays as it is$"
    verdict "$1: nothing is written" <"$work/before"
}
refused "a panic is refused" 'a.md:6: it prints "folio: panic: oh"' '$ echo "folio: panic: oh"'
refused "a failed test is refused" 'a.md:6: it prints "not ok a test"' '$ echo "not ok a test"'
refused "an unknown command is refused" 'a.md:6: "no-such-command" can.t be run' '$ no-such-command'
refused "an odd line is refused" 'would have another meaning' "\$ printf '\`\`\`\\n'"
limit=6
refused "a hang in the guest is refused" 'a.md:6: no prompt appears after "while' '$ while :; do :; done' session
FOLIO_WORDS=panic refused "a panic in the guest is refused" \
    'a.md:6: the guest panicked after the start: kernel_main' '$ echo x' session
refused "a guest that runs on is refused to the debugger" 'a.md:6: gdb does.*n.t stop after "continue"' \
    '(gdb) continue' gdb
limit=30

# The debugger and the guest's console in one block.
cat >"$work/a.md" <<'E2'
```gdb
(gdb) break trap if frame->vector == 3
(gdb) continue
$ frame registers breakpoint
(gdb) info line trap
```
E2
replay "$work/a.md"
says "a block of the debugger is written" 0 '1 chapter is written anew'
replay -c "$work/a.md"
says "a block of the debugger is repeated" 0 'ok transcripts a: 4 commands'

replay 0-99
says "an unknown chapter is a mistake" 2 '^transcripts: there is no chapter 0-99$'
