#!/bin/sh
# The checks of the book see what they are for: each mistake is made once, in a small book of its own,
# and must be told with its place. Suites whose checks need more than a small book do the same for
# themselves: tangle, site, sessions, figures, spine, pages.
# lane: book
set -eu
LC_ALL=C.UTF-8
export LC_ALL
cd "$(dirname "$0")/.."
root=$PWD
./tangle.sh
WEAVER=$root/generated/weave
export WEAVER
work=$(mktemp -d "${TMPDIR:-/tmp}/folio-checks.XXXXXX")
trap 'rm -rf "$work"' EXIT

mkdir -p "$work/book" "$work/tests"
cp tangle.sh Makefile "$work"
cp tests/suite-book.sh tests/prose.pl "$work/tests"
cd "$work"
: >tests/words.txt
: >book/terms.txt
printf '%s\n' '0 Before the run' '1 The run' >book/parts.txt
echo 'A small book.' >README.md
cat >book/0-01-small.md <<'BOOK'
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
BOOK

# Without a fault all is well.
sh tests/suite-book.sh >"$work/said" 2>&1 || :
if grep -q '^not ok' "$work/said" || [ "$(grep -c '^ok' "$work/said")" -lt 20 ]; then
    echo "not ok checks a book without a fault: $(grep -v '^ok' "$work/said" | tr '\n' '|' | cut -c1-300)"
else
    echo "ok checks a book without a fault"
fi

# The faults of the text, all at once: each has a place of its own, and so has its sentence.
{
    cat <<'BOOK'

One word is mispelt.

It is is there twice, 3-5 lines further on. See [elsewhere](0-02-none.md).

| what | |
| --- | --- |
| a cell | another |

<!--

Nobody sees this.

```c
<<kernel/hidden.c>>=
/* Another. */
/* The chapter "Small" tells it. */
int hidden;
@
```

-->

A chunk that is too long, and one that comes without a word:

```c
<<kernel/long.c>>=
/* A third. */
/* The chapter "Small" tells it. */
BOOK
    seq 41 | sed 's/.*/int line&;/'
    cat <<'BOOK'
@
```

```c
<<kernel/mute.c>>=
/* A fourth. */
/* The chapter "Small" tells it. */
/* It has a line that is so long that nobody would like to read it to the end, even if there were room for it. */
@
```

Names are made with care.

```c
<<kernel/names.c>>=
/* A fifth. */
/* The chapter "Smaller" tells it. */
<<Make it smaller>>
<<shrink, part 2>>
<<make it smaller>>
int lost;
@
```

Two more.

```c
<<Make it smaller>>=
int first;
@
```

The last of them.

```c
<<shrink, part 2>>=
int second;
@
```
BOOK
} >>book/0-01-small.md
cat >book/1-1-second.md <<'BOOK'
# Second

Everything is here, and also the kitchen sink, which is PUT-OFF. There is more to take away.

```c
<<make it smaller>>=
x -= 2;
@
```

A *kitchen sink* is what comes last.
BOOK
sed -i 's/PUT-OFF/TO''DO/' book/1-1-second.md
echo 'kitchen sink; kitchen sinks' >book/terms.txt
printf '%s\n' alpha zulu inode >tests/words.txt
echo 'sed -i /lost/d generated/kernel/names.c' >>tangle.sh
sh tests/suite-book.sh >"$work/said" 2>&1 || :

line() { # TEXT [CHAPTER]: the chapter and its first line with this text
    chapter=book/${2:-0-01-small}.md
    echo "$chapter:$(grep -n -m 1 -F -e "$1" "$chapter" | cut -d: -f1)"
}
seen() { # TEST SENTENCE: a check has failed with these words
    if grep '^not ok' "$work/said" | grep -qF -e "$2"; then
        echo "ok checks $1"
    else
        echo "not ok checks $1: they say $(grep -v '^ok' "$work/said" | tr '\n' '|' | cut -c1-2000)"
    fi
}
seen "a tangled line that nobody is shown" "$(line 'int hidden'): no page shows \"int hidden;\""
seen "a line that is shown and not tangled" "$(line 'int lost'): no file has \"int lost;\""
seen "a chunk that nobody is shown" "$(line 'kernel/hidden.c'): pandoc does not show the chunk \"kernel/hidden.c\""
seen "a long chunk" "$(line 'kernel/long.c'): the chunk \"kernel/long.c\" has 43 lines"
seen "a chunk without a word before it" "$(line kernel/mute.c): <<kernel/mute.c>>= comes without a word"
seen "a long line" "$(line 'so long that'): 113 columns"
seen "two names for one" "\"make it smaller\" and \"Make it smaller\""
seen "a name that says nothing" "phrases: shrink, part 2|"
seen "a name for two things" "no name means two things: make it smaller|"
seen "a file that names no chapter" 'generated/kernel/names.c names no chapter of the book: "Smaller"'
seen "a chapter without its place in the run" "book/1-1-second.md: where is the run?"
seen "a chapter without exercises" "book/1-1-second.md does not end with what real systems do and exercises"
seen "a chapter with an odd name" "subject: 1-1-second.md|"
seen "a word before its introduction" \
    "$(line 'also the kitchen' 1-1-second): \"kitchen sink\" is used before $(line 'A *kitchen' 1-1-second) introduces it"
seen "a misspelt word" "$(line mispelt): \"mispelt\" is in no dictionary"
seen "a word that stands twice" "$(line 'is is'): \"is\" stands there twice in a row"
seen "a hyphen for a dash" "$(line 3-5): a hyphen stands between two numbers"
seen "a list of words out of order" 'tests/words.txt:3: "inode" comes after "zulu"'
seen "a word of the list without a use" 'tests/words.txt:2: the list need not have "zulu": nothing uses it'
seen "a column without a name" "$(line '| what | |'): a column of the table has no name"
seen "a link to no chapter" "$(line 0-02-none): 0-02-none.md does not exist"
seen "something that is put off" "$(line 'Everything is here' 1-1-second):"

# Pages: what leads nowhere, what is there twice, what is no address.
mkdir -p site/source
cat >site/0-01-small.html <<'PAGE'
<p id="one" aria-labelledby="none">See <a href="0-02-none.html">elsewhere</a>, <a href="#two">here</a> and
<a href="https://example org/">there</a>.</p>
<svg id="one"><a href="source/a.c.html"><text>a.c</text></a><rect fill="url(#paint)"/></svg>
PAGE
echo '<p><a href="../0-01-small.html#one">one</a> <a href="../../up.html">up</a>' >site/source/a.c.html
perl "$root/tests/links.pl" site book | sed 's/^/not ok /' >"$work/said"
seen "a page that does not exist" "$(line 0-02-none): the link 0-02-none.html leads to a page that does not exist"
seen "a place that does not exist" "0-01-small.html:1: the link #two leads to a place that does not exist"
seen "an id of a picture that is there twice" "0-01-small.html:3: the id one is there twice"
seen "a label that names nothing" "0-01-small.html:1: the attribute aria-labelledby names none, which is no id"
seen "a colour that names nothing" "0-01-small.html:3: the attribute fill names paint, which is no id"
seen "an address that is none" "0-01-small.html:2: the address https://example org/ is none"
seen "a link out of the site" "source/a.c.html:1: the link ../../up.html leads out of the site"
if [ "$(wc -l <"$work/said")" -eq 7 ]; then
    echo "ok checks links that lead somewhere are left alone"
else
    echo "not ok checks links that lead somewhere are left alone: $(tr '\n' '|' <"$work/said")"
fi
