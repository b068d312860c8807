#!/bin/sh
# The woven book: complete, linked, well formed, and honest about faults in its source.
# lane: book
# shellcheck disable=SC2016,SC2035,SC2046 # what stands in single quotes is for awk and sed; no page begins with a dash
set -eu
LC_ALL=C.UTF-8
export LC_ALL
cd "$(dirname "$0")/.."
root=$PWD
work=$(mktemp -d "${TMPDIR:-/tmp}/folio-site.XXXXXX")
trap 'rm -rf "$work"' EXIT

# verdict NAME: the test passes if nothing was found, that is if standard input is empty.
verdict() {
    sed -n '1,5p' >"$work/found"
    if [ -s "$work/found" ]; then
        echo "not ok $1: $(tr '\n' '|' <"$work/found" | cut -c1-600)"
    else
        echo "ok $1"
    fi
}

# expect NAME PATTERN FILE: the test passes if a line of the file matches.
expect() {
    if grep -q -e "$2" "$3"; then echo "ok $1"; else echo "not ok $1: no line matches $2 in $3"; fi
}

for tool in pandoc dot ctags; do
    command -v "$tool" >/dev/null || {
        echo "skip site: $tool is missing; make deps-site installs it"
        exit 0
    }
done

# The whole book.
if sh generated/weave/weave.sh >"$work/output" 2>"$work/errors"; then
    verdict "the book weaves without a warning" <"$work/errors"
else
    echo "not ok the book weaves without a warning: $(tr '\n' '|' <"$work/errors" | cut -c1-600)"
    exit 1
fi
expect "it says where to open it" "file://$root/site/index.html" "$work/output"
sleep 1
touch "$work/stamp"
sh generated/weave/weave.sh >/dev/null 2>&1
find site -newer "$work/stamp" -type f | verdict "weaving again makes nothing anew"

perl tests/links.pl site book | verdict "every link and anchor leads somewhere, and ids are unique"
if command -v xmllint >/dev/null; then
    for page in site/*.html; do
        xmllint --noout --nonet "$page" 2>&1 | grep -E '(error|warning) :' || :
    done | verdict "every page is well formed"
else
    echo "skip every page is well formed: xmllint is missing; make deps-test installs it"
fi
grep -noE '<(script|img|iframe|link|source|use|image)[^>]* (src|href|xlink:href)="(https?:)?//[^"]*"|url\(["'\'']?(https?:)?//[^)]*|@import[^;]*' \
    site/*.html site/*.css | verdict "nothing is loaded from the network"

# Every chunk, once, with its very text. Uses of chunks stand alone on their lines on both sides.
written_chunks() { # each line of each chunk, behind its place
    awk '
        FNR == 1 { page = FILENAME; gsub(/^.*\/|\.md$/, "", page); open = inside = 0 }
        /^```/ { open = !open; next }
        open && /^<<.*>>=$/ { inside = 1; empty = 0; tell("chunk of " page); next }
        inside && /^@$/ { inside = 0; next }
        inside && /^$/ { empty++; next }
        inside {
            for (; empty > 0; empty--)
                tell("")
            if (/^[ \t]*<<.*>>$/) sub(/<<.*/, "use")
            gsub(/@<</, "<<")
            tell($0)
        }
        function tell(text) { sub(/[ \t]+$/, "", text); print FILENAME ":" FNR "\t" text }
    ' book/*.md
}
woven_chunks() { for chapter in book/*.md; do
    page=$(basename "$chapter" .md)
    awk -v page="$page" '
        /^<figure class="chunk/ { print "chunk of " page }
        sub(/^<pre><code class="[^"]*"( data-empty="[0-9]+")?>/, "") { inside = 1 }
        inside {
            line = $0
            if (sub(/<\/code><\/pre>$/, "", line)) last = 1
            if (line ~ /^[ \t]*<a href="[^"]*" class="use">.*<\/a>$/) sub(/<a.*/, "use", line)
            gsub(/<[^>]*>/, "", line)
            gsub(/&lt;/, "<", line); gsub(/&gt;/, ">", line)
            gsub(/&#39;/, "\047", line); gsub(/&quot;/, "\"", line); gsub(/&amp;/, "\\&", line)
            print line
            if (last) inside = last = 0
        }
    ' "site/$page.html"
done | sed 's/[[:space:]]*$//'; }
badly_woven() { # where the pages and the chapters have other chunks
    written_chunks >"$work/places"
    cut -f 2- "$work/places" >"$work/written"
    woven_chunks | diff "$work/written" - | awk -F '\t' '
        FNR == NR { place[FNR] = $1; next }
        /^[0-9]/ { at = $0 + 0; next }
        /^[<>]/ { print place[at] ": the page " (/^</ ? "lacks" : "has") " \"" substr($0, 3) "\""; at += /^</ }
    ' "$work/places" -
}
badly_woven | verdict "every chunk is woven once, with all its lines"

for page in site/*.html; do
    tr '\n' ' ' <"$page" | grep -o 'chapters\? “[^<][^”]*”' | sed "s,^,$page: ," || :
done | verdict "every chapter named by its title exists"

find generated -type f ! -path generated/README.md | sed 's,^generated/,,' | while read -r file; do
    grep -qF "id=\"$file\"" site/files.html || echo "$file"
done | verdict "every tangled file is listed"
# The reference: what the kernel's table has, and nothing else.
sed -n 's/^ *\[SYS_[A-Z0-9_]*\] = call_\([a-z0-9_]*\),.*/\1/p' generated/kernel/abi/native.c | sort >"$work/calls"
sed -n 's/^<h3 id="call-\([^"]*\)".*/\1/p' site/calls.html | sort | diff "$work/calls" - |
    verdict "the reference has every system call of the table, and no other"
awk '/^<h3 id="call-/ { name = $2; number = proto = handler = 0 }
    /<span class="number">[0-9]+<\/span>/ { number = 1 } /^<pre class="plain"><code>.*\(.*\);<\/code>/ { proto = 1 }
    /<dt>handler<\/dt><dd><a href="[^"]*#chunk-/ { handler = 1 }
    /^<\/dl>/ && !(number && proto && handler) { print name " lacks its number, prototype or handler" }
' site/calls.html | verdict "each call of the reference is whole"
grep -v '^#' generated/weave/call-errors.txt | tr ' ' '\n' | sort -u | while read -r word; do
    case $word in
    E*) grep -q "\<$word = " generated/include/folio/errno.h || echo "errno.h has no $word" ;;
    *) grep -qxF "$word" "$work/calls" || echo "the table has no $word" ;;
    esac
done | verdict "the errors of the reference are those of real calls, and real errors"
perl tests/errors.pl generated/weave/call-errors.txt generated/kernel |
    verdict "the errors of the reference are what the kernel's handlers return"
sed 's/^waitpid ECHILD/waitpid/; s/^munmap /munmap ENOSUCH /' generated/weave/call-errors.txt >"$work/faulty"
perl tests/errors.pl "$work/faulty" generated/kernel >"$work/said"
expect "an error that a handler's function returns and the reference lacks is found" ': waitpid lacks ECHILD, which process_wait returns' "$work/said"
expect "so is one that nobody returns" ':[0-9]*: no room of the kernel returns ENOSUCH$' "$work/said"
grep -c '^<figure class="drawing' site/[0-9A-Z]*-*.html | awk -F: '{ n += $2 } END { print n }' >"$work/figures"
grep -c '#figure-[0-9]*">' site/figures.html | diff -w "$work/figures" - | verdict "the list of figures has every figure"
grep -ho '<figure class="chunk' site/*.html | wc -l | sed 's/ //g' >"$work/chunks"
grep -A12 '<strong>all</strong>' site/colophon.html | grep -qF ">$(cat "$work/chunks")<" &&
    echo "ok the colophon counts the chunks" || echo "not ok the colophon counts the chunks: there are $(cat "$work/chunks")"
expect "the colophon says what the pages weigh" '<ul class="weights"><li>The site has [1-9].* KiB\.</li></ul>' site/colophon.html
expect "the colophon names the versions of the tools" \
    'Made with gcc [0-9.]*, NASM [0-9.]*, QEMU [0-9.]*, pandoc [0-9.]*, Universal Ctags [0-9.]*, graphviz [0-9.]*\.<' site/colophon.html
expect "the licences of what the pages carry are shipped" 'SIL OPEN FONT LICENSE' site/LICENSE.txt
expect "the colophon leads to the licences" 'href="LICENSE.txt"' site/colophon.html
grep -c '^[a-z].* | ' generated/weave/front.txt >"$work/steps"
grep -c '^<a href="[0-9].*<circle' site/index.html | diff "$work/steps" - |
    verdict "the picture of the front page has every step, and each leads to a chapter"
cut -f 1 build/weave/chapters >"$work/order"
sed -n 's/^\(<li>\|.*<h3>\)<a href="\([0-9A-Z]*-[^"]*\)\.html">.*/\2/p' site/index.html |
    diff "$work/order" - | verdict "the contents list every part and chapter in order"
basename -s .md -a book/*.md | sort | comm -23 - "$(sort "$work/order" >"$work/sorted" && echo "$work/sorted")" |
    verdict "every chapter has its place"
while read -r page; do
    case $page in
    *-00-*)
        part=$page
        [ ! -f "book/$page.md" ] || sed -n 's/^## //p' "book/$page.md" | while read -r heading; do
            grep -qF "$heading</h2>" "site/$page.html" || echo "$page: $heading is missing"
        done
        ;;
    *) grep -q "^<h3.*href=\"$page\.html\">" "site/$part.html" || echo "$part does not list $page" ;;
    esac
done <"$work/order" | verdict "the page of a part holds its introduction and lists its chapters"
page=$(head -n 1 "$work/order")
while [ -n "$page" ]; do
    echo "$page"
    page=$(sed -n 's/^<link rel="next" href="\(.*\)\.html" \/>$/\1/p' "site/$page.html")
done | diff "$work/order" - | verdict "the pages lead from the first chapter to the last"

# Colours: each ink on each ground that it stands on, by day and by night (WCAG 2.2, 1.4.3).
awk '
    function value(digits) {
        digit = "0123456789abcdef"
        return (16 * (index(digit, substr(digits, 1, 1)) - 1) + index(digit, substr(digits, 2, 1)) - 1) / 255
    }
    function linear(part) { return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ^ 2.4 }
    function luminance(c) {
        return 0.2126 * linear(value(substr(c, 2, 2))) + 0.7152 * linear(value(substr(c, 4, 2))) \
            + 0.0722 * linear(value(substr(c, 6, 2)))
    }
    function check(ink, ground,    a, b) {
        a = luminance(colour[ink]); b = luminance(colour[ground])
        ratio = a > b ? (a + 0.05) / (b + 0.05) : (b + 0.05) / (a + 0.05)
        if (ratio < 4.5)
            printf "line %d: --%s on --%s has %.2f to 1\n", FNR, ink, ground, ratio
    }
    {
        rest = $0
        while (match(rest, /--[a-z-]+: #[0-9a-f]+/)) {
            split(substr(rest, RSTART + 2, RLENGTH - 2), pair, ": ")
            colour[pair[1]] = pair[2]
            rest = substr(rest, RSTART + RLENGTH)
        }
    }
    /--directive: / {
        themes++
        split("ink faint rubric keyword type string literal comment directive", inks, " ")
        for (i in inks)
            check(inks[i], "panel")
        check("ink", "mark"); check("faint", "mark")
        check("ink", "paper"); check("faint", "paper"); check("rubric", "paper")
        check("screen-ink", "screen"); check("screen-faint", "screen")
    }
    END { if (themes != 4) print "there are " themes " palettes, not 4" }
' site/page.css | verdict "text has a contrast of 4.5 to 1 in both themes"

# A small book, on which faults are tried. It is tangled first, for the weaver is then laid over it.
mkdir -p "$work/small/book"
cd "$work/small"
cp "$root/tangle.sh" "$root/LICENSE" .
mkdir diagrams
for figure in weave the-run; do
    sed 's,URL="book/[^"]*",,' "$root/diagrams/$figure.dot" >"diagrams/$figure.dot"
done
printf '%s\n' '# comment' '1 The first part' 'A The appendix' >book/parts.txt
cat >book/1-00-the-first-part.md <<'BOOK'
# The first part

It begins [@lost; @found,
p. 7].
BOOK
cat >book/bibliography.yaml <<'BOOK'
references:
- id: found
  title-short: "Found 1999"
  type: book
  title: "A Book That Was Found"
  issued: 1999
- id: lost
  title-short: "Lost 1998"
  type: book
  title: "A Lost Book"
BOOK
printf '%s\n' 'double word; double words' 'figure; figures' >book/terms.txt
cat >book/1-01-one.md <<'BOOK'
# One

> **The run.** Somewhere.

> **Needs** nothing. **After it** you know `one`. And more.

The function `twice` in `one.c`; see [there](A-01-two.md#further) or the chapter "Two".

```c
<<kernel/one.c>>=
/* One file. */
int twice(int x);
int twice(int x)
{
    <<double the number>>
    return x;
}
@
```

It doubles.

```c
<<double the number>>=
x = x + x; /* twice */
@
```

A parameter has the name of a function.

```c
<<kernel/three.c>>=
/* Three. The chapter "One" tells it. */
struct once {
    int thrice;
};
int thrice(int twice, struct once *once);
int thrice(int twice, struct once *once)
{
    return twice + once->thrice;
}
@
```

The tool `thrice` is not the function. Type `run twice`, not `tests/twice` nor `all-twice`; C is `twice(1) + 1`.

```c
<<user/bin/thrice.c>>=
/* A tool. The chapter "One" tells it. */
#include "thrice.h"
@
```

Its header.

```c
<<user/bin/thrice.h>>=
/* A header. The chapter "One" tells it. */
@
```

> **Aside.** A note of more than just six words, "which" folds.

A *double word* is introduced,
and a [figure](A-01-two.md) is named early. A claim.[^source]

[^source]: Its source.

```session
$ echo hi
hi
```
BOOK
cat >book/A-01-two.md <<'BOOK'
# Two

It goes on: a **figure**, and a Double
word in it.

```c
<<double the number>>=
if (x < 0)
    twice(-x);
@
```

## Further

1. Try it.

   > **Hint.** Like this.

![A figure, 100 % drawn](../diagrams/weave.dot)
BOOK
lay_weaver() { # over what was tangled from the small book
    ./tangle.sh
    cp -r "$root/generated/weave" generated/
    sed -i '/0-01-preface/d' generated/weave/front.md # the words of the front page are those of the whole book
}
lay_weaver
mkdir -p build/weave
keep() { # FROM TO: takes along what is packed or fetched once
    for made in fonts.css fonts.key npm; do
        [ ! -e "$1/build/weave/$made" ] || cp -r "$1/build/weave/$made" "$2/build/weave/"
    done
}
keep "$root" .
weave() { sh generated/weave/weave.sh >"$work/output" 2>"$work/errors"; }

weave || :
one=site/1-01-one.html two=site/A-01-two.html
verdict "a small book weaves without a warning" <"$work/errors"
perl "$root/tests/links.pl" site book | verdict "the links of the small book lead somewhere"
expect "a chunk is numbered within its chapter" '>1\.2</a> <span class="name">double the number</span>' "$one"
expect "a use links to the definition" '<a href="#chunk-double-the-number" class="use">' "$one"
expect "a definition links to its continuation" 'continued in <a href="A-01-two.html#chunk-double' "$one"
expect "a continuation links back" 'continues <a href="1-01-one.html#chunk-double-the-number">1.2<' "$two"
expect "a definition links to its use" 'used in <a href="1-01-one.html#chunk-kernel-one-c">1.1<' "$two"
expect "a chunk links to its file" '<a href="source/kernel/one.c.html#' "$two"
expect "an identifier in code links to its definition" '<a href="1-01-one.html#chunk-kernel-one-c" [^>]*>twice</a>' "$two"
expect "the index of identifiers says where one is used" \
    '<a href="1-01-one.html#chunk-kernel-one-c">twice</a>.*>used in <a href="A-01-two.html#chunk-double-the-number">A.1</a></span></li>$' site/identifiers.html
expect "an identifier in prose links to its definition" '<code><a href="#chunk-kernel-one-c" [^>]*>twice</a></code>' "$one"
sed -n '/id="chunk-kernel-three-c"/,/<\/figure>/p' "$one" | grep -n '<a [^>]*>\(twice\|thrice\)<' |
    verdict "a parameter or a member that shares a function's name is no link"
expect "a header beside the file is linked" '<a href="#chunk-user-bin-thrice-h">&quot;thrice\.h&quot;</a>' "$one"
expect "a file in prose links to its chunk" '<a href="#chunk-kernel-one-c"><code>one.c</code></a>' "$one"
expect "the name of a tool links to the tool, in the chapter that tells it" '<a href="#chunk-user-bin-thrice-c"><code>thrice</code></a>' "$one"
grep -n '<code>[^<]*[^<(][ /-]<a' "$one" | verdict "the words of a command, a path or a hyphened name are no links"
expect "a call in the prose is one" '<code><a [^>]*>twice</a>(1) + 1</code>' "$one"
expect "a chapter in prose links to its page" '<a href="A-01-two.html">Two</a>' "$one"
grep -n 'co">.*<a ' "$one" | verdict "a word in a comment is no link"
expect "what is typed stands out" '<kbd>echo hi</kbd>' "$one"
expect "a heading has a link to itself" '>Further<a class="anchor" href="#further"' "$two"
expect "the sources of the chapters are in the site" '^# Two' site/book/A-01-two.md
expect "a chapter leads to its source" '<a href="book/A-01-two.md">' "$two"
EDIT_URL=https://forge.example/edit/main/ weave || :
expect "or to the forge that lets one edit it" '<a href="https://forge.example/edit/main/book/A-01-two.md">Edit' "$two"
weave || :
expect "an aside is a note that folds" 'class="aside" role="note"><details>' "$one"
expect "a closed aside says how it begins" '<span class="teaser">A note of more than just…</span>' "$one"
expect "a hint folds" '<details class="hint">' "$two"
grep -n 'Hint\.' "$two" | verdict "what a summary says is not said again"
expect "a footnote stands at the end" '<li id="fn1"><p>Its source\.' "$one"
expect "a footnote leads back" 'href="#fnref1" class="footnote-back"' "$one"
grep -c 'noteref\|<sup>' site/shelf/*.js | grep -v ':0$' | verdict "a shelf has no footnotes"
expect "a figure has its caption for a title, whatever stands in it" '<title id="figure-1-title">A figure, 100 % drawn</title>' "$two"
expect "a figure is drawn into the page" '<text[^>]*>chapters</text>' "$two"
part=site/1-00-the-first-part.html
expect "a part without an introduction has a page" '<span class="number">A</span> <a href="A-01-two.html">Two</a>' site/A-00-the-appendix.html
expect "the page of a part says what its chapters tell" '^<p>You know <code>one</code>\.</p>$' "$part"
expect "a citation leads to its source" '(<a href="bibliography.html#ref-lost" id="cite-lost" class="cite">Lost 1998</a>; <a href="bibliography.html#ref-found" id="cite-found" class="cite">Found 1999, p. 7</a>)\.' "$part"
expect "the bibliography holds what pandoc makes of a source" '<li id="ref-found">.*<em>A Book That Was Found</em>' site/bibliography.html
expect "the bibliography leads back" '<a href="1-00-the-first-part.html#cite-found">The first part</a>' site/bibliography.html
expect "the place that introduces a term has an address" '<span id="term-double-word"><em>double word</em></span>' "$one"
expect "the index of terms leads there, and to the uses" \
    '<a href="1-01-one.html#term-double-word">double word</a> <span class="number">1</span> .*<a href="A-01-two.html">A</a>' site/terms.html
terms() {
    awk -v check=1 -f generated/weave/terms.awk book/terms.txt book/1-00-the-first-part.md book/1-01-one.md book/A-01-two.md
}
terms | verdict "terms are in order"
cp -p book/1-01-one.md "$work/one.md"
printf '\nA *double word* again.\n' >>book/A-01-two.md
echo unheard >>book/terms.txt
sed -i 's/^It doubles\.$/The\nfigure doubles./' book/1-01-one.md
terms >"$work/terms" || echo "status $?" >>"$work/terms"
while read -r fault; do
    expect "a fault of the terms is reported: $fault" "$fault" "$work/terms"
done <<'FAULTS'
book/A-01-two\.md:2[0-9]: "double word" has been introduced already, at book/1-01-one\.md:
book/terms\.txt:3: "unheard" is introduced nowhere
book/1-01-one\.md:22: "figure" is used before book/A-01-two\.md:3
status 1
FAULTS
cp -p "$work/one.md" book/1-01-one.md
sed -i '/^A \*double word\* again/d' book/A-01-two.md
sed -i '/unheard/d' book/terms.txt
expect "an appendix has a letter" '<span class="number">A</span>' "$two"

# Two weaves at once take turns; a lock whose owner has died holds nobody up.
sed -i 's/^It goes on: /It goes on here: /' book/A-01-two.md
printf '# Three\n\nFor a moment.\n' >book/1-02-three.md
weave & first=$!
for _ in 1 2 3 4 5 6 7 8 9 10; do [ -e build/weave.lock ] || sleep 0.1; done
sh generated/weave/weave.sh >"$work/second" 2>&1 || echo "the second fails" >>"$work/errors"
wait $first || echo "the first fails" >>"$work/errors"
grep -v '^This book is being woven already\|^The book is woven\.' "$work/second" >>"$work/errors" || :
verdict "two weaves at once do not disturb each other" <"$work/errors"
expect "the second of them waits for the first" '^This book is being woven already' "$work/second"
[ ! -e build/weave.lock ] || echo "not ok a lock is left"
rm book/1-02-three.md
sed -i 's/^It goes on here: /It goes on: /' book/A-01-two.md
sh -c 'echo $$' >build/weave.lock
timeout 60 sh generated/weave/weave.sh >"$work/output" 2>&1 || echo "status $?" >>"$work/output"
expect "the lock of a weave that was killed is broken" '^The book is woven\.' "$work/output"

sleep 1
touch "$work/stamp"
printf '\nOne word more.\n' >>book/A-01-two.md
weave || :
find site -name '*.html' ! -name colophon.html -newer "$work/stamp" | diff - "$(echo "$two" >"$work/expected" && echo "$work/expected")" |
    verdict "a word of prose weaves one page, besides the colophon, which counts lines"

# After each edit the site is what a clean copy of the book makes.
same_as_clean() { # NAME
    lay_weaver
    weave || :
    rm -rf "$work/clean" && mkdir -p "$work/clean/build/weave"
    cp -r book diagrams generated LICENSE "$work/clean"
    keep . "$work/clean"
    (cd "$work/clean" && sh generated/weave/weave.sh >/dev/null 2>&1)  || :
    diff -rq -x '.*' site "$work/clean/site" >"$work/differ" 2>&1 || :
    verdict "$1" <"$work/differ"
}
cp -r book "$work/book"
sed -i 's/double the number/double what came/' book/*.md
printf '# Three\n\nSee "One" and `twice`.\n' >book/1-02-three.md
echo 'See "Three".' >>book/A-01-two.md
same_as_clean "a renamed chunk and a new chapter leave nothing stale"
rm book/1-02-three.md
sed -i 's/int twice(int x);/int thrice(int x);/' book/1-01-one.md
same_as_clean "a lost chapter and a renamed function leave nothing stale"
rm -r book && mv "$work/book" book
lay_weaver
mkdir -p site/pictures/old site/source/old site/shelf site/.git
for stale in old.html old.png old.svg old.js book/9-01-old.md book/old.png pictures/old/a.png source/old/a.c.html \
    shelf/old.js .git/ours .nojekyll; do
    echo stale >"site/$stale"
done
same_as_clean "what the book does not make goes from the site"
cat site/.git/ours site/.nojekyll 2>&1 | grep -v '^stale$' | verdict "but what begins with a dot stays"
rm -r site/.git site/.nojekyll

# seed NAME PATTERN: weaving must fail now, with a sentence on standard error that matches, and leave the site.
sum_site() { find site -type f | sort | xargs cksum; }
seed() {
    sum_site >"$work/before"
    if weave; then
        echo "not ok $1: the weave succeeds"
    elif grep -q -e "$2" "$work/errors"; then
        echo "ok $1"
    else
        echo "not ok $1: it says $(tr '\n' '|' <"$work/errors" | cut -c1-300)"
    fi
    sum_site | cmp -s - "$work/before" || echo "not ok $1: the site has changed"
}
cp site/1-01-one.html "$work/one.html"
awk '/^<figure class="chunk/ { chunk = "" } { chunk = chunk $0 "\n"; print } /^<\/figure>/ && !twice++ { printf "%s", chunk }' \
    "$work/one.html" >site/1-01-one.html
sed -i '/">return</d' site/1-01-one.html
badly_woven >"$work/woven"
expect "a chunk that is shown twice is found" '^book/1-01-one.md:[0-9]*: the page has "chunk of 1-01-one"' "$work/woven"
expect "a line that is not shown is found" '^book/1-01-one.md:[0-9]*: the page lacks "    return x;"' "$work/woven"
rm site/1-01-one.html
weave || :
badly_woven | verdict "a page that is lost is woven again, whole"
echo '0 0 0.0 stage name=reports' >diagrams/the-run.trace
seed "a step of the front page that has not happened is reported" \
    'diagrams/the-run\.trace: the step "memory gets an owner" of the front page has no record after that of "the first'
rm diagrams/the-run.trace
cp book/1-01-one.md book/9-01-lost.md
seed "a chapter of an unknown part is reported" 'book/9-01-lost\.md: book/parts\.txt has no part 9'
mv book/9-01-lost.md book/1-03-late.md
sed -i 's/^# One/# Late/; s/^<<kernel\/one/<<kernel\/late/' book/1-03-late.md
weave || :
expect "a hole in the order is reported" 'part 1 has no chapter 2' "$work/errors"
rm book/1-03-late.md
cp book/A-01-two.md "$work/two.md"
echo 'See [more](A-09-none.md).' >>book/A-01-two.md
seed "a link to a missing chapter is reported" 'book/A-01-two\.md:[0-9][0-9]*: a link goes to A-09-none\.md'
grep -v '^weave: book/' "$work/errors" | verdict "a fault is reported in one sentence"
expect "a page that cannot be woven stays as it was" 'double the number' "$two"
sed 's,weave\.dot,none.dot,' "$work/two.md" >book/A-01-two.md
seed "a missing figure is reported" 'book/A-01-two\.md:[0-9][0-9]*: there is no diagrams/none\.dot'
cp diagrams/weave.dot "$work/weave.dot"
link_figure() { # URL: the figure has a link to it
    sed "s,label=\"chapters\",& URL=\"$1\"," "$work/weave.dot" >diagrams/weave.dot
}
cp "$work/two.md" book/A-01-two.md
link_figure book/9-99-none.md
seed "a figure's link to a missing chapter is reported" 'book/A-01-two\.md:[0-9][0-9]*: a link goes to 9-99-none\.md'
echo 'digraph {' >diagrams/weave.dot
cp -p book/1-01-one.md "$work/one.md"
echo 'A sentence more.' >>book/1-01-one.md
seed "a figure that cannot be drawn is reported, and no page is made" 'Graphviz cannot draw diagrams/weave\.dot'
cp -p "$work/one.md" book/1-01-one.md
link_figure name:nothing
seed "a figure's link to an unknown name is reported" \
    'book/A-01-two\.md:[0-9][0-9]*: diagrams/weave\.dot has a link to nothing, which is no single thing'
link_figure name:twice
weave || :
expect "a figure links to an identifier" '<a href="1-01-one.html#chunk-kernel-one-c"' "$two"
cp "$work/weave.dot" diagrams/
sed 's,^!,See !,' "$work/two.md" >book/A-01-two.md
seed "a figure inside a sentence is reported" 'book/A-01-two\.md:[0-9][0-9]*: a figure stands alone'
{ cat "$work/two.md"; echo; echo 'A call takes [bench:call], or [bench:call:ns] ns.'; } >book/A-01-two.md
seed "a number that nobody measured is reported" 'book/A-01-two\.md:[0-9][0-9]*: no measurement is called bench:call'
printf '# A record\nname\tinstructions\tns\ncall\t1234567\t89\n' >diagrams/bench.tsv
weave || :
expect "a measured number takes the place of its name" 'takes 1,234,567, or 89 ns' "$two"
rm diagrams/bench.tsv
{ cat "$work/two.md"; echo; echo 'As `[@code]` has it [@found, p. 1; @none].'; } >book/A-01-two.md
seed "a citation of an unknown source is reported with its line" \
    "book/A-01-two\.md:$(wc -l <book/A-01-two.md): the bibliography has no source none"
sed 's,^# Two,Two,' "$work/two.md" >book/A-01-two.md
seed "a missing title is reported" 'book/A-01-two\.md:1: a chapter begins with its title'
sed '/^```/d' "$work/two.md" >book/A-01-two.md
seed "a chunk that pandoc does not see is reported" 'book/A-01-two\.md:[0-9][0-9]*: pandoc does not see the chunk'
cp "$work/two.md" book/A-01-two.md
sed 's,A-01-two\.md#further,A-01-two.md#nowhere,' "$work/one.md" >book/1-01-one.md
seed "a link to a missing heading is reported" 'book/1-01-one\.md:7: a link goes to a place that A-01-two.md does not have, #nowhere'
sed '/^\$ echo hi$/d' "$work/one.md" >book/1-01-one.md
seed "a session without a prompt is reported" 'book/1-01-one\.md:[0-9][0-9]*: a session begins with a prompt'
cp "$work/one.md" book/1-01-one.md
echo "# More" >book/A-02-two.md
cat >>book/A-02-two.md <<'BOOK'

```text
<<weave/front.txt>>=
# Steps
arch | one step | 1-01-one | stage
arch | `a | b` | A-08-renamed | stage
@
```

```markdown
<<weave/front.md>>=
See [one](1-01-one.md), [`x](y`](A-01-two.md#further).
<<the way in>>
@
```

```html
<<the way in>>=
<a href="A-09-renamed.html">Begin</a> or <a href="1-01-one.html#chunk-double-the-number">go on</a>
[there](A-01-two.md#renamed)
@
```
BOOK
seed "a step of the front page's picture that leads to a renamed chapter is reported" \
    "^weave: book/A-02-two\.md:$(grep -n 'A-08' book/A-02-two.md | cut -d : -f 1): a link goes to A-08-renamed\.md, which is not there"
expect "so is a link of its words" \
    "^weave: book/A-02-two\.md:$(grep -n 'A-09' book/A-02-two.md | cut -d : -f 1): a link goes to A-09-renamed\.md, which is not there" "$work/errors"
expect "or one to a heading" \
    "^weave: book/A-02-two\.md:$(grep -n '#renamed' book/A-02-two.md | cut -d : -f 1): a link goes to a place that A-01-two\.md does not have, #renamed" "$work/errors"
grep -vE 'A-0[89]-renamed|#renamed' "$work/errors" | verdict "their other links are not"
rm book/A-02-two.md
echo '1 The first part again' >>book/parts.txt
seed "a part that is listed twice is reported" 'book/parts\.txt:4: part 1 is listed already'
sed -i '$s/.*/2/' book/parts.txt
seed "a part without a title is reported" 'book/parts\.txt:4: a part is a word and a title'
sed -i '$s/.*/2 The part that is planned/' book/parts.txt
weave || :
verdict "a part without chapters may be planned" <"$work/errors"
grep -l 'part that is planned' site/*.html | verdict "and is on no page"
sed -i '$d' book/parts.txt
echo 'drawing; figures' >>book/terms.txt
seed "a word that the list of terms has twice is reported" 'book/terms\.txt:3: "figures" is listed already, with "figure"'
sed -i '$d' book/terms.txt
weave || :
verdict "without its faults the book weaves again" <"$work/errors"
