#!/bin/sh
# Two chapters on paper and for readers of e-books: numbers that are true, and errors in a sentence.
# The whole book is tried by long-paper.sh.
# lane: book
# shellcheck disable=SC2016 # what stands in single quotes is for awk and sed
set -eu
LC_ALL=C.UTF-8
export LC_ALL
cd "$(dirname "$0")/.."
root=$PWD
work=$(mktemp -d "${TMPDIR:-/tmp}/folio-paper.XXXXXX")
trap 'rm -rf "$work"' EXIT

verdict() { # NAME: the test passes if standard input is empty
    sed -n '1,5p' >"$work/found"
    if [ -s "$work/found" ]; then
        echo "not ok $1: $(tr '\n' '|' <"$work/found" | cut -c1-600)"
    else
        echo "ok $1"
    fi
}

for tool in xsltproc chromium pdfinfo qpdf xmllint; do
    command -v "$tool" >/dev/null || {
        echo "skip paper: $tool is missing; make deps-test installs it"
        exit 0
    }
done
if [ ! -s build/weave/titles ] || [ ! -s site/page.css ]; then
    sh generated/weave/weave.sh >/dev/null
fi

# A book of one part, two chapters and the bibliography.
mkdir -p "$work/build/weave"
ln -s "$root/site" "$root/generated" "$work/"
ln -s "$root/build/weave/fonts.css" "$work/build/weave/"
grep -E '^(2-0[012]|A-0[06])-' build/weave/chapters >"$work/build/weave/chapters"
grep '^bibliography' build/weave/titles >"$work/build/weave/titles"
cd "$work"
sh generated/weave/paper.sh 2>&1 | grep -v '^The book is printed: build/folio.pdf, [0-9]* pages$' |
    verdict "a small book is printed"
pdfinfo build/folio.pdf | grep -c '^Tagged: *yes' | grep -vx 1 | verdict "it has tags"
pdftotext -layout build/folio.pdf text
awk 'BEGIN { page = 1 } { while (sub(/^\f/, "")) page++; print page "\t" $0 }' text >lines
where=$(pdfinfo -dests build/folio.pdf | sed -n 's/^ *\([0-9]*\) .*"2-02-the-trap-frame"$/\1/p')
line() { # NAME PAGE PATTERN: the test passes if a line of the page matches
    if grep -qE "^$2	 *$3" lines; then echo "ok $1"; else echo "not ok $1: no line of page $2 matches $3"; fi
}
line "the contents name the page of a chapter" 3 "[0-9]+ +The trap frame +$where\$"
line "the chapter begins on that page" "$where" '[0-9]+ +The trap frame$'
line "its pages have running heads" "$((where + 1))" '([0-9]+ .*The trap frame|Part 2: Traps .*[0-9])$'
# A link on paper leads into the book, to a place that is there, and has its page.
tr '\n' ' ' <build/paper/bound.xhtml | grep -o '<[a-z][^<>]*>' >tags
sed -n 's/.* id="\([^"]*\)".*/\1/p' tags | sort >ids
{
    uniq -d ids | sed 's/^/twice: /'
    sed -nE 's/.* (data-to="|href="#)([^"]*)".*/\2/p' tags | sort -u >wanted
    comm -23 wanted ids | grep -E '^((2-0[012]|A-0[06])-[a-z-]+|bibliography|source/.*)(\.|$)'
} | verdict "links on paper lead to places that are there"
grep -c 'Exercise [0-9]' lines | grep -x 0 | verdict "hints stand at the end, with their exercises"

# The pages for readers of e-books, without the archive.
for page in 2-00-traps 2-02-the-trap-frame A-06-without-leaving-the-page bibliography; do
    xsltproc --nonet --stringparam page "$page" -o page.xhtml generated/weave/reader.xsl "site/$page.html"
    xmllint --noout --nonet page.xhtml 2>&1
    grep -n '<button\|<nav\|<script\|class="anchor\|\.html[#"]' page.xhtml | grep -v 'https\?:'
done | verdict "pages for e-books are well formed, and without furniture"

# Faults are told in a sentence, and leave what was there.
cp build/folio.pdf before.pdf
says() { # NAME SENTENCE COMMAND...: the command fails and says just this
    name=$1 sentence=$2
    shift 2
    if "$@" >said 2>&1; then echo "it did not fail" >said; fi
    grep -vxF "$sentence" said | verdict "$name"
}
mkdir bin
for tool in sh awk sed grep mkdir dirname; do ln -s "$(command -v "$tool")" bin/; done
says "a missing tool is named" \
    "make pdf: xsltproc is missing; 'make deps-pdf' installs what printing needs" \
    env PATH="$work/bin" sh generated/weave/paper.sh
says "so it is for the e-book" \
    "make epub: xsltproc is missing; 'make deps-epub' installs what packing needs" \
    env PATH="$work/bin" sh generated/weave/reader.sh
mv build/weave/chapters chapters
says "a site that is not woven is named" \
    "generated/weave/paper.sh: the pages are not there; make site weaves them" \
    sh generated/weave/paper.sh
cmp build/folio.pdf before.pdf 2>&1 | verdict "the book of the last time stays"
