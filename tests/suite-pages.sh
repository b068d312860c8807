#!/bin/sh
# The woven pages in a browser, from disk and from a server; the source pages beside their files; and
# what the checker of HTML says, of some pages, or with PAGES=all of every one.
# lane: book
set -eu
cd "$(dirname "$0")/.."
for tool in node npm chromium java; do
    command -v $tool >/dev/null || { echo "skip pages: $tool is missing; make deps-test installs it"; exit 0; }
done
./tangle.sh
sh generated/weave/weave.sh >/dev/null
perl tests/pages/same.pl

modules=$(sh tests/pages/modules.sh)

case ${PAGES:-some} in
all) find site -name '*.html' | sort ;;
*) for page in index 0-01-preface 1-03-the-tables 2-00-traps 2-02-the-trap-frame bibliography terms source/kernel/arch/entry.asm; do
    echo "site/$page.html"
done ;;
esac >"$modules/checked"
# One page more has a fault, in its first paragraph: the chapter's line must be told.
fault=$modules/0-01-preface.html
sed '0,/^<p>/s/^<p>/<p colour="red">/' site/0-01-preface.html >"$fault"
first=$(sed -n 's/^<p colour="red">\(.\{20\}\).*/\1/p' "$fault")
place=book/0-01-preface.md:$(grep -nF "$first" book/0-01-preface.md | cut -d: -f1)
# shellcheck disable=SC2046 # no page has a blank in its name
sh tests/pages/valid.sh "$modules" "$fault" $(cat "$modules/checked") >"$modules/said"
if grep -q "^$place: $fault:[0-9]*: error: Attribute .colour. not allowed" "$modules/said"; then
    echo "ok pages invalid HTML is found"
else
    echo "not ok pages invalid HTML is found: $(head -n 3 "$modules/said" | tr '\n' '|')"
fi
if grep -vF "$fault:" "$modules/said" >"$modules/found"; then
    echo "not ok pages valid HTML: $(head -n 5 "$modules/found" | tr '\n' '|')"
else
    echo "ok pages valid HTML: $(wc -l <"$modules/checked") pages"
fi
node tests/pages/pages.mjs site "$modules" "${PAGES:-some}"
