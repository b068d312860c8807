#!/bin/sh
# tests/guest.sh and make exec: output, status, files, limits, mistakes.
# lane: machine
# shellcheck disable=SC2016 # the dollars are for the guest
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d "${TMPDIR:-/tmp}/folio-guest-tests.XXXXXX")
trap 'rm -rf "$work"' EXIT

# guest NAME STATUS OUTPUT ARGUMENT...: a run must end with STATUS and print exactly OUTPUT.
guest() {
    name=$1 wanted=$2 output=$3
    shift 3
    printf '%b' "$output" >"$work/expected"
    got=0
    "$@" >"$work/out" 2>"$work/err" || got=$?
    if [ "$got" -ne "$wanted" ]; then
        echo "not ok $name: status $got, not $wanted: $(tail -n 3 "$work/err" | tr '\n' '|')"
    elif ! cmp -s "$work/expected" "$work/out"; then
        echo "not ok $name: it printed: $(head -n 5 "$work/out" | tr '\n' '|')"
    else
        echo "ok $name"
    fi
}
mistake() { # NAME TEXT ARGUMENT...: refused with one sentence that holds TEXT, and status 2
    name=$1 text=$2
    shift 2
    guest "$name" 2 '' tests/guest.sh "$@"
    grep -q "$text" "$work/err" || echo "not ok $name says why: $(head -n 1 "$work/err")"
}

run=tests/guest.sh
guest "a loop of pipelines, and its status" 3 '1\n2\n3\n' $run 'for i in 1 2 3; do echo $i | cat; done; exit 3'
guest "status 0" 0 '' $run true
guest "status 255" 255 '' $run 'exit 255'
guest "the last command's status" 1 '' $run false
guest "quotes and dollars arrive" 0 "it's \$HOME and \"x\"\n" $run 'echo "it'\''s" '\''$HOME'\'' and '\''"x"'\'
guest "several lines" 0 'a\nb\n' $run 'echo a
echo b'
guest "a file of the host" 0 'some text\n' sh -c 'echo some text >"$1/a file"; cp "$1/a file" "$1/note"; exec tests/guest.sh -a "$1/note" "cat /host/note"' sh "$work"
guest "little memory" 0 'fine\n' $run -m 64M 'echo fine'
guest "a plain processor" 0 'plain\n' env CPU=qemu64 $run 'echo plain'
guest "two processors, of which one sleeps" 0 'one\n' $run -s 2 'echo one'
guest "past the limit" 124 '' $run -t 4 'sleep 100'
export FOLIO_WORDS=panic
guest "a panic" 125 '' $run true
unset FOLIO_WORDS
for i in 1 2 3; do
    $run "echo run $i" >"$work/run$i" 2>&1 &
done
wait
if [ "$(cat "$work/run1" "$work/run2" "$work/run3" | tr '\n' ' ')" = "run 1 run 2 run 3 " ]; then
    echo "ok three runs at a time"
else
    echo "not ok three runs at a time: $(cat "$work"/run? | tr '\n' '|')"
fi

guest "make exec takes the command as it is" 0 "\$x 'y'\n" make -s exec CMD='echo '\''$x'\'' "'\''y'\''"'
echo 'added' >"$work/added"
guest "make exec adds files" 0 'added\n' make -s exec CMD='cat /host/added' ADD="$work/added"
guest "make exec fails where the command fails" 2 '' make -s exec CMD='exit 7'

guest "make exec without a command" 2 '' make -s exec
mistake "no command" "one command is needed"
mistake "two commands" "one command is needed" true false
mistake "an unknown option" "an option is wrong" -x true
mistake "a wrong size" "size of the memory" -m much true
mistake "a wrong number" "number of processors" -s 0 true
mistake "a wrong limit" "the limit" -t -1 true
mistake "a missing file" "no readable file" -a "$work/none" true
mkdir "$work/other"
cp "$work/added" "$work/other/added"
mistake "two files of one name" "two files are called" -a "$work/added" -a "$work/other/added" true
