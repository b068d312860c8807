#!/bin/sh
# The book's own checks: what is tangled is shown, chunks are small and introduced, chapters have
# their form. They read the chapters with pandoc, as a reader's viewer would, and not with noweb.
# lane: book
set -eu
LC_ALL=C.UTF-8
export LC_ALL
cd "$(dirname "$0")/.."
./tangle.sh
work=$(mktemp -d "${TMPDIR:-/tmp}/folio-book.XXXXXX")
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

# The code blocks as pandoc sees them: a line "BLOCK chapter language", then the lines, each
# after a vertical bar. To start pandoc for each chapter would take longer than to read it.
cat >"$work/blocks.lua" <<'LUA'
local chapter
local rules = {
    Link = function(link) print("LINK " .. chapter .. " " .. link.target) end,
    Image = function(image) print("LINK " .. chapter .. " " .. image.src) end,
    CodeBlock = function(block)
        print("BLOCK " .. chapter .. " " .. (block.classes[1] or "none"))
        for line in (block.text .. "\n"):gmatch("(.-)\n") do
            print("|" .. line)
        end
    end,
}
function Pandoc()
    for path in io.popen("ls book/*.md"):lines() do
        chapter = path
        local file = assert(io.open(path))
        pandoc.read(file:read("a"), "markdown"):walk(rules)
        file:close()
    end
end
LUA
pandoc --from markdown --to plain --lua-filter "$work/blocks.lua" --output /dev/null /dev/null >"$work/blocks"

# The same chunks as the chapters' own lines have them: "chapter<TAB>name<TAB>line".
grep -Hn '^<<.*>>=$' book/*.md | sed 's/^\([^:]*\):\([0-9]*\):<<\(.*\)>>=$/\1\t\3\t\2/' >"$work/defined"

# chunks: each as "chapter<TAB>name<TAB>lines<TAB>line of the chapter"; and the code on its own.
awk -v code="$work/code" -v defined="$work/defined" '
    BEGIN {
        while ((getline line <defined) > 0) {
            split(line, part, "\t")
            at[part[1], part[2], ++count[part[1], part[2]]] = part[3]
        }
    }
    /^LINK / { next }
    /^BLOCK / { chapter = $2; first = 1; inside = 0; next }
    first { first = 0; if (/^\|<<.*>>=$/) { name = substr($0, 4, length($0) - 6); inside = 1; lines = 0; next } }
    inside && /^\|@$/ { print chapter "\t" name "\t" lines "\t" at[chapter, name, ++seen[chapter, name]]; inside = 0; ended = 1; next }
    inside { lines++; print substr($0, 2) >code }
' "$work/blocks" >"$work/chunks"
: >>"$work/code"

# What is tangled and what is shown are the same lines, whatever their order and indentation.
lines_of() { sed 's/^[[:space:]]*//; s/[[:space:]]*$//' "$@" | grep -v '^$' | sort -u; }
grep -v '^[[:space:]]*<<.*>>[[:space:]]*$' "$work/code" | sed 's/@<</<</g; s/@>>/>>/g' >"$work/shown.all"
lines_of "$work/shown.all" >"$work/shown"
find generated -type f ! -path generated/README.md >"$work/files"
while read -r file; do
    cat "$file"
done <"$work/files" >"$work/tangled.all"
lines_of "$work/tangled.all" >"$work/tangled"
places() { # SENTENCE: what is wrong with each line of the input, and where the book has it
    head -n 5 | while IFS= read -r line; do
        place=$(grep -nF -e "$line" book/*.md | head -n 1 | cut -d: -f1,2)
        echo "${place:-generated/}: $1 \"$line\""
    done
}
comm -23 "$work/tangled" "$work/shown" | places "no page shows" | verdict "every tangled line is shown"
comm -13 "$work/tangled" "$work/shown" | places "no file has" | verdict "every shown line of a chunk is tangled"
awk -F '\t' '
    FNR == NR { shown[$1, $2, $4]++; next }
    shown[$1, $2, $3] != 1 { print $1 ":" $3 ": pandoc does not show the chunk \"" $2 "\" as a block of its own" }
' "$work/chunks" "$work/defined" | verdict "every chunk is shown once, as a block of its own"

# Sizes.
awk -F '\t' '$3 > 40 { print $1 ":" $4 ": the chunk \"" $2 "\" has " $3 " lines" }' "$work/chunks" |
    verdict "no chunk has more than 40 lines"
cut -f3 "$work/chunks" | sort -n | awk '
    { size[NR] = $1 }
    END { if (size[int((NR + 1) / 2)] > 8) print "the median is " size[int((NR + 1) / 2)] " of " NR }
' >"$work/median"
if [ -s "$work/median" ]; then
    cut -f1 "$work/chunks" | sort -u | while read -r chapter; do
        grep "^$chapter" "$work/chunks" | cut -f3 | sort -n | awk -v chapter="${chapter##*/}" '
            { size[NR] = $1 } END { print size[int((NR + 1) / 2)], chapter }'
    done | sort -rn | awk '$1 > 8' | tr '\n' ',' >>"$work/median"
fi
verdict <"$work/median" "the median chunk has at most 8 lines"
awk '
    /^```/ { fenced = !fenced; next }
    fenced && /^<<.*>>=$/ { chunk = 1; next }
    fenced && /^@$/ { chunk = 0 }
    fenced && chunk && length($0) > 110 { print FILENAME ":" FNR ": " length($0) " columns" }
' book/*.md | verdict "no line of code is longer than 110 columns"

# Every chunk has prose of its own right before it: since the last block, a line that is no
# heading, no figure, no margin note.
awk '
    FNR == 1 { prose = 0; open = 0 }
    /^```/ && !open { open = 1; at = FNR; first = 1; next }
    open && first && /^<<.*>>=$/ && !prose { print FILENAME ":" FNR ": " $0 " comes without a word" }
    open && /^```/ { open = 0; prose = 0; next }
    open { first = 0; next }
    /^[^#!>|[:space:]]/ { prose = 1 }
    /^#/ { prose = 0 }
' book/*.md | verdict "every chunk is preceded by prose of its own"

# Names: a chunk is a phrase; two that differ in case or punctuation alone would be taken for one.
cut -f2 "$work/chunks" | grep -v '/' | sort -u | awk '
    { key = tolower($0); gsub(/[^a-z0-9]/, "", key) }
    key in seen { print "\"" $0 "\" and \"" seen[key] "\"" }
    { seen[key] = $0 }
' | verdict "no two names differ by letters' case alone"
cut -f2 "$work/chunks" | grep -v '[/.]' | grep -iE ' (part|step) [0-9]+$|^[^ ]*$|[.;:]$' | sort -u |
    verdict "the names of chunks are phrases"

# A list that grows through the book is used in one place. A name that two chapters define and that
# is used in two places is two chunks, which noweb would join.
awk '
    /^<<.*>>=$/ { name = substr($0, 3, length($0) - 5); if (!((name, FILENAME) in seen)) chapters[name]++; seen[name, FILENAME] }
    /^ *<<.*>>$/ { name = $0; sub(/^ *<</, "", name); sub(/>>$/, "", name); uses[name]++ }
    END { for (name in uses) if (uses[name] > 1 && chapters[name] > 1) print name }
' book/*.md | verdict "no name means two things"

# The form of a chapter: those that come before the run and the appendices stand beside it.
for chapter in book/*.md; do
    head -n 1 "$chapter" | grep -q '^# [^ ]' || echo "$chapter has no title on its first line"
    case $chapter in book/0-* | book/[A-Z]-* | book/*-00-*) continue ;; esac
    [ "$(grep -c '^> \*\*The run\.\*\*' "$chapter")" -eq 1 ] || echo "$chapter: where is the run?"
    grep -q '^> \*\*Needs\*\*' "$chapter" || echo "$chapter does not say what it needs"
    [ "$(grep -E '^## ' "$chapter" | tail -n 2 | tr '\n' '|')" = "## What real systems do|## Exercises|" ] ||
        echo "$chapter does not end with what real systems do and exercises"
done | verdict "chapters have their form"
basename -a book/*.md | grep -vE '^([0-9]+|[A-Z])-[0-9][0-9]-[a-z0-9-]+\.md$' |
    verdict "chapters are named by part, number and subject"

# The first two lines of a tangled file say what it is and which chapter tells it.
sed -n 's/^# //p' book/*.md | sort >"$work/titles"
while read -r file; do
    case $file in *.html | *.json | */etc/*) continue ;; esac
    title=$(head -n 6 "$file" | grep -oE '[Tt]he chapters? "[^"]*"' | head -n 1 | cut -d '"' -f 2)
    grep -qxF -e "$title" "$work/titles" || echo "$file names no chapter of the book: \"$title\""
done <"$work/files" | verdict "every tangled file names its chapter"

# Links between chapters lead somewhere.
sed -n 's/^LINK //p' "$work/blocks" | while read -r chapter link; do
    case $link in *:* | '#'*) continue ;; esac
    [ -e "book/${link%%#*}" ] ||
        echo "$chapter:$(grep -nF "$link" "$chapter" | head -n 1 | cut -d: -f1): $link does not exist"
done | verdict "links between chapters and to figures lead somewhere"

# A table is read aloud cell by cell, each with the name of its column.
awk '
    FNR == 1 { fenced = 0; head = "" }
    /^```/ { fenced = !fenced }
    fenced { next }
    /^\|[-: |]*-[-: |]*\|$/ && head ~ /\|[[:space:]]*\|/ { print FILENAME ":" FNR - 1 ": a column of the table has no name" }
    { head = $0 }
' book/*.md | verdict "every column of a table has a name"

# What a machine can see of the prose.
if command -v hunspell >/dev/null && [ -e /usr/share/hunspell/en_GB.dic ]; then
    perl tests/prose.pl tests/words.txt README.md book/*.md >"$work/prose" 2>&1 ||
        echo "not ok the prose can be read: $(tail -n 1 "$work/prose")"
    mistakes() { sed -n "s/^$1\t//p" "$work/prose"; }
    mistakes spelling | verdict "every word is spelt as the dictionary has it, or is in the project's list"
    mistakes words | verdict "the project's list of words is in order, and each is needed"
    mistakes doubled | verdict "no word stands there twice"
    mistakes dashes | verdict "dashes and quotation marks are the book's"
else
    echo "skip spelling: hunspell or its British dictionary is missing; make deps-test installs it"
fi

# Terms: each is introduced in one place, and no chapter uses it before. (A small book may have its weaver elsewhere.)
weaver=${WEAVER:-generated/weave}
printf '%s\n' book/*.md | awk -f "$weaver/order.awk" book/parts.txt - 2>"$work/order" | cut -f 1 |
    while read -r chapter; do [ ! -f "book/$chapter.md" ] || echo "book/$chapter.md"; done >"$work/chapters"
{
    grep -v warning "$work/order" || :
    status=0
    xargs awk -v check=1 -f "$weaver/terms.awk" book/terms.txt <"$work/chapters" || status=$?
    case $status in 0 | 1 | 123) ;; *) echo "the terms can't be read" ;; esac
} 2>&1 | verdict "no term is used before the place that introduces it"

# A line of noise that belongs in no chapter.
grep -rnIE '\b(TO''DO|FIX''ME|XX''X|HA''CK)\b' book tangle.sh Makefile tests README.md |
    verdict "nothing is put off"
