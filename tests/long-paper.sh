#!/bin/sh
# The whole book on paper and for readers of e-books: complete, with true page numbers, and valid.
# lane: book
# shellcheck disable=SC2016 # what stands in single quotes is for awk and sed
set -eu
LC_ALL=C.UTF-8
export LC_ALL
cd "$(dirname "$0")/.."
work=$(mktemp -d "${TMPDIR:-/tmp}/folio-paper.XXXXXX")
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

for tool in xsltproc chromium pdfinfo qpdf rsvg-convert zip java; do
    command -v "$tool" >/dev/null || {
        echo "skip paper: $tool is missing; make deps-long installs it"
        exit 0
    }
done
checker=/usr/share/java/epubcheck.jar

sh generated/weave/weave.sh >/dev/null 2>"$work/errors" || {
    echo "not ok paper: the book does not weave: $(tr '\n' '|' <"$work/errors" | cut -c1-600)"
    exit 1
}

# Paper.
if sh generated/weave/paper.sh >"$work/said" 2>"$work/errors"; then
    verdict "the book is printed without a complaint" <"$work/errors"
else
    echo "not ok the book is printed: $(tr '\n' '|' <"$work/errors" | cut -c1-600)"
    exit 1
fi
pdfinfo build/folio.pdf >"$work/info"
pages=$(sed -n 's/^Pages: *//p' "$work/info")
if [ "$pages" -lt 1200 ]; then echo "$pages pages"; fi | verdict "it has as many pages as such a book must have"
{
    grep -q '^Tagged: *yes' "$work/info" || echo "not tagged"
    grep -q '^Title: *Folio, an operating' "$work/info" || echo "no title"
    root=$(qpdf --show-object=trailer build/folio.pdf | sed -n 's,.*/Root \([0-9]*\) .*,\1,p')
    qpdf --show-object="$root" build/folio.pdf | grep -q '/Lang *(en' || echo "no language"
    grep -q '(A4)' "$work/info" || echo "not A4"
} | verdict "it has tags, a title, a language and its size"
pdffonts build/folio.pdf | awk 'NR > 2 && !/ yes +(yes|no) +(yes|no) +[0-9]+ +[0-9]+$/' |
    verdict "its fonts are embedded"
# The site's faces have no names of their own in a PDF, as Chromium cleans fonts that come with a page;
# one of the machine would have its name. A few signs that no face has are drawn, as Type 3.
pdffonts build/folio.pdf | awk 'NR > 2 && !/ Type 3 / {
        sub(/^[A-Z]*[+]/, "")
        if ($1 ~ /^(OTS-derived-font|Charis.*|JetBrains.*)$/) count++
        else print "set in " $1
    }
    END { if (count < 5) print "only " count + 0 " of the faces of the book" }' |
    verdict "it is set in the faces of the site"

# The text of all pages, each line with the number of its page in front.
pdftotext -layout build/folio.pdf "$work/text"
awk 'BEGIN { page = 1 } { while (sub(/^\f/, "")) page++; print page "\t" $0 }' "$work/text" >"$work/lines"
# (A figure of the chapter on paper shows such a reference as it is before its number is known.)
grep -E '(→|p\.) *000' "$work/lines" | grep -v 'bound: → 000' | verdict "every reference to a page has its number"
pdfinfo -dests build/folio.pdf | sed -n 's/^ *\([0-9]*\) \[.*\] "\(.*\)"$/\2\t\1/p' >"$work/places"

# Each chapter: its line in the contents, its place, its title on that page, its running head, which
# is the chapter's title on a left page and the part's on a right one.
awk -F '\t' '$2 != "" { print $1 "\t" $2 "\t" $5 "\t" $4 }' build/weave/chapters >"$work/chapters"
awk -F '\t' '
    function plain(text) {
        gsub(/`/, "", text)
        gsub(/\047/, "\342\200\231", text)
        gsub(/[[:space:]]+/, "", text)
        return text
    }
    FILENAME ~ /places$/ { place[$1] = $2; next }
    FILENAME ~ /lines$/ {
        text = $0
        sub(/^[0-9]*\t/, "", text)
        line = plain(text)
        if ($1 < 30) contents = contents "\n" line "\n"
        on[$1] = on[$1] line
        next
    }
    {
        entry = "\n" $2 plain($3) place[$1] "\n"
        if (!place[$1])
            print $1 ": no link leads to it"
        else if (!index(contents, entry))
            print $1 ": the contents do not say page " place[$1]
        else if (!index(on[place[$1]], $2 plain($3)))
            print $1 ": its title is not on page " place[$1]
        else if (!index(on[place[$1] + 1], plain((place[$1] + 1) % 2 ? $4 : $2 $3)))
            print $1 ": the page after has no running head"
    }' "$work/places" "$work/lines" "$work/chapters" |
    verdict "the contents name the page on which each chapter begins"
pdftohtml -q -xml -i -f 1 -l 1 build/folio.pdf "$work/outline" >/dev/null 2>&1
sed 's/<[^>]*>//g; s/&#160;/ /g; s/&amp;/\&/g; s/[[:space:]]//g' "$work/outline.xml" >"$work/outline"
awk -F '\t' '{ gsub(/`/, "", $3); gsub(/\047/, "\342\200\231", $3); gsub(/ /, "", $3); print $2 $3 }' \
    "$work/chapters" | grep -vxFf "$work/outline" | verdict "every chapter is in the outline"

# Every chunk of the book is on paper: its number and its name, of which the first words will do. A
# note in the margin may stand on the same line, behind the sign.
awk -F '\t' '{ print $2 }' build/weave/chunks | LC_ALL=C sort >"$work/chunks"
sed -n 's/^[0-9]*\t *\([0-9A-Zivx]*\.[0-9]*\) .*≡\(   .*\)\{0,1\}$/\1/p' "$work/lines" | LC_ALL=C sort >"$work/printed"
diff "$work/chunks" "$work/printed" | grep '^[<>]' | verdict "every chunk is printed once"
# What is said about a chunk's page is what its title says: "used in 10.11, p. 137".
awk -F '\t' '
    FNR == NR {
        text = $2
        if (text ~ /≡($|   )/ && sub(/^ */, "", text) && sub(/ .*/, "", text))
            on[text] = $1
        next
    }
    FNR > 1 && $1 == page { all = all " " $2; next }
    { check(); page = $1; all = $2 }
    END { check(); if (count < 5000) print "only " count + 0 " references" }
    function check(    said, part) {
        gsub(/ +/, " ", all)
        while (match(all, /[0-9A-Z]+\.[0-9]+, p\. [0-9]+/)) {
            said = substr(all, RSTART, RLENGTH)
            split(said, part, ", p. ")
            count++
            if (on[part[1]] != part[2])
                print "page " page ": " said " (it is on page " on[part[1]] ")"
            all = substr(all, RSTART + RLENGTH)
        }
    }' "$work/lines" "$work/lines" | verdict "references to chunks name the pages that they are on"
awk -F '\t' '
    /≡($|   )/ { title = $1; text = $0; next }
    title != "" && $0 !~ /^[0-9]+\t *$/ { if ($1 != title) print "page " title ": " text; title = "" }
    ' "$work/lines" | verdict "no page ends with the name of a chunk"

# A page of a chapter is at least half full, but for its last. (The text area ends 788 points below the edge.)
pdftotext -bbox build/folio.pdf "$work/words.html"
awk -F '[<>="]+' '
    FILENAME ~ /places$/ {
        split($0, field, "\t")
        if (field[1] ~ /^[0-9A-Z]+-[0-9][0-9]-[a-z0-9-]*$|^[a-z]+$/) begins[field[2]] = field[1]
        next
    }
    /<page / { page++; if (page in begins) leaf = begins[page]; of[page] = leaf; next }
    /<word / && $9 > lowest[page] { lowest[page] = $9 }
    END {
        for (i = 1; i < page; i++)
            if (lowest[i] < 400 && of[i] ~ /^[0-9A-Z]/ && of[i] == of[i + 1]) print "page " i " of " of[i] " ends at " lowest[i]
    }' "$work/places" "$work/words.html" | verdict "no page of a chapter is left half empty"

# The e-book.
if sh generated/weave/reader.sh >"$work/said" 2>"$work/errors"; then
    verdict "the e-book is packed without a complaint" <"$work/errors"
else
    echo "not ok the e-book is packed: $(tr '\n' '|' <"$work/errors" | cut -c1-600)"
    exit 1
fi
if [ -f "$checker" ]; then
    java -jar "$checker" build/folio.epub >"$work/check" 2>&1 || :
    grep -E '^(ERROR|WARNING|FATAL|USAGE)' "$work/check" >"$work/faults" || :
    grep -q 'No errors or warnings' "$work/check" || echo "the checker is not content" >>"$work/faults"
    verdict "the checker for e-books finds no error and no warning" <"$work/faults"
else
    echo "skip the checker for e-books: epubcheck is missing; make deps-long installs it"
fi
mkdir "$work/book"
(cd "$work/book" && unzip -q "$OLDPWD/build/folio.epub")
while read -r chapter rest; do
    [ -s "$work/book/$chapter.xhtml" ] || echo "no $chapter ($rest)"
    grep -q "href=\"$chapter.xhtml\"" "$work/book/nav.xhtml" || echo "$chapter is not in the navigation"
done <"$work/chapters" | verdict "every chapter is in the e-book and in its navigation"
cat "$work"/book/*.xhtml | grep -o '<figure class="chunk' | wc -l >"$work/count"
wc -l <build/weave/chunks | diff -w - "$work/count" | verdict "every chunk is in the e-book once"
grep -n '#[0-9a-f]\{3,6\}\b\|rgb(\|background' "$work/book/reader.css" | grep -v 'font-face' |
    verdict "the style of the e-book names no colour"
du -k build/folio.epub | awk '$1 > 8192 { print $1 " KB" }' | verdict "the e-book is not too large"
cp build/folio.epub "$work/first"
sh generated/weave/reader.sh >/dev/null 2>&1 || :
cmp build/folio.epub "$work/first" 2>&1 | verdict "the same text makes the same e-book"
