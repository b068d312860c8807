#!/bin/sh
# The tools against the host's: each line of tools-cases.txt is run by Folio's shell and by this
# machine's, in a folder with the same files. Output and status must be the same.
# lane: machine
# shellcheck disable=SC2016 # the dollars are for the shells that run the script
set -eu
LC_ALL=C
export LC_ALL
unset POSIXLY_CORRECT GREP_OPTIONS GREP_COLORS
cd "$(dirname "$0")/.."
top=$(pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/folio-tools.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' HUP TERM

# The files: words, numbers, columns, long lines, no lines.
mkdir "$work/files" "$work/here"
cd "$work/files"
awk 'BEGIN {
    srand(7)
    for (i = 0; i < 400; i++) {
        word = ""
        for (n = int(rand() * 8); n >= 0; n--)
            word = word substr("abcdeABC._- ", 1 + int(rand() * 12), 1)
        print word >"words"
        print int(rand() * 400) - 200 >"numbers"
        print int(rand() * 20) "." int(rand() * 100) >"fractions"
        printf "%s:%d:%s\n", substr("xyzxyz", 1 + int(rand() * 5), 2), rand() * 30, word >"fields"
    }
    for (i = 0; i < 9000; i++)
        printf "%d ", i * 7919 >"long"
    print "" >"long"
}'
: >empty
printf 'one\ntwo\nno newline' >unended
printf 'x\n\n\ny z\t w\n' >blanks
printf 'a\na\nb' >twice
printf 'a-b\\c\n' >dashed
printf 'a "b c" d\\ e\n'"'f g'\n" >quoted
cd "$top"

# One script for both, and between the cases a line that tells them apart.
{
    echo 'cd "$HERE"'
    n=0
    while IFS= read -r case; do
        case $case in '#'* | '') continue ;; esac
        n=$((n + 1))
        printf '%s\n' "$case" >"$work/case.$n"
        printf '{\n%s\n} 2>&1\necho "status $?"\necho "#### %s"\n' "$case" "$n"
    done <tests/tools-cases.txt
    echo "$n" >"$work/count"
} >"$work/script"

{ echo 'HERE=/tmp/here; mkdir $HERE; for f in /host/*; do cat $f > $HERE/${f#/host/}; done'
    cat "$work/script"
} >"$work/guest"
set --
for file in "$work"/files/*; do set -- "$@" -a "$file"; done
cp "$work"/files/* "$work/here"
status=0
tests/guest.sh -t 100 "$@" "$(cat "$work/guest")" >"$work/ours" 2>"$work/errors" || status=$?
[ "$status" -eq 0 ] || echo "not ok tools: the guest ended with $status: $(tail -n 3 "$work/errors" | tr '\n' '|')"
# Host tools name themselves by other texts in their complaints; only the first word is compared.
(cd "$work/here" && HERE=$work/here sh "$work/script" </dev/null >"$work/theirs" 2>/dev/null) || :

cut_cases() { # FILE PREFIX: one file for each case
    awk -v prefix="$2" 'BEGIN { n = 1 } /^#### / { close(prefix n); n++; next } { print >(prefix n) }' "$1"
}
cut_cases "$work/ours" "$work/ours."
cut_cases "$work/theirs" "$work/theirs."
n=0
while [ $((n += 1)) -le "$(cat "$work/count")" ]; do
    touch "$work/ours.$n" "$work/theirs.$n"
    if cmp -s "$work/ours.$n" "$work/theirs.$n"; then
        printf 'ok tools: %s\n' "$(head -n 1 "$work/case.$n")"
    else
        printf 'not ok tools: %s: %s\n' "$(head -n 1 "$work/case.$n")" "$(diff "$work/theirs.$n" "$work/ours.$n" |
            head -n 4 | cut -c1-200 | tr '\n' '|')"
    fi
done
