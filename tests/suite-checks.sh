#!/bin/sh
# The checks of the book see what they are for: each mistake is made once, in a small book of its own,
# and must be told with its chapter and line. (suite-tangle, suite-site and suite-spine do the same for
# what tangling, weaving and the pictures of the run refuse, and long-checks for what needs a browser.)
# lane: book
set -eu
LC_ALL=C.UTF-8
export LC_ALL
cd "$(dirname "$0")/.."
root=$PWD
work=$(mktemp -d "${TMPDIR:-/tmp}/folio-checks.XXXXXX")
trap 'rm -rf "$work"' EXIT

mkdir -p "$work/whole/book" "$work/whole/tests" "$work/whole/diagrams" "$work/whole/generated"
cp tangle.sh Makefile "$work/whole"
cp tests/suite-book.sh tests/prose.pl tests/transcripts.pl tests/*.pm "$work/whole/tests"
: >"$work/whole/tests/words.txt"
: >"$work/whole/book/terms.txt"
echo 'A small book.' >"$work/whole/README.md"
cat >"$work/whole/book/0-01-small.md" <<'BOOK'
# Small

It has a file of one function.

```c
<<kernel/small.c>>=
/* A file. */
/* The chapter "Small" tells it. */
int small(int x)
{
    <<make it smaller>>
    return x;
}
@
```

One is taken away, as the chapter [Small](0-01-small.md) says.

```c
<<make it smaller>>=
x--;
@
```

On the host it says so.

```host
$ echo small
small
```
BOOK
cp -r generated/weave "$work/weave"

# fault TEST "SED COMMAND" "PATTERN" [COMMAND]: with this change of the chapter the checks of the book,
# or the command, must tell a fault with these words.
fault() {
    rm -rf "$work/copy"
    cp -r "$work/whole" "$work/copy"
    cd "$work/copy"
    sed -i "$2" book/0-01-small.md
    sh -c "${4:-sh tests/suite-book.sh}" >"$work/said" 2>&1 || :
    cd "$root"
    if [ "$2" != "" ] && cmp -s "$work/copy/book/0-01-small.md" "$work/whole/book/0-01-small.md"; then
        echo "not ok checks $1: the fault could not be made"
    elif grep -q -e "^not ok .*$3" "$work/said"; then
        echo "ok checks $1"
    else
        echo "not ok checks $1: they say $(grep '^not ok' "$work/said" | tr '\n' '|' | cut -c1-300)"
    fi
}
