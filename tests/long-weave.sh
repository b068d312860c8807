#!/bin/sh
# Nothing in the site is stale: after each kind of edit, what was woven again is what a clean weave makes.
# shellcheck disable=SC2016 # what stands in single quotes is Markdown and awk
set -eu
cd "$(dirname "$0")/.."
root=$PWD
for tool in pandoc dot ctags; do
    command -v "$tool" >/dev/null || {
        echo "skip weave: $tool is missing; make deps-site installs it"
        exit 0
    }
done
work=$(mktemp -d "${TMPDIR:-/tmp}/folio-weave.XXXXXX")
trap 'rm -rf "$work"' EXIT

# What is fetched or packed once for all weaves is taken along.
copy() { # FOLDER: a checkout that has woven nothing
    mkdir -p "$1/build/weave"
    cp -R tangle.sh LICENSE book diagrams "$1"
    for made in fonts.css fonts.key npm; do
        [ ! -e "$root/build/weave/$made" ] || cp -R "$root/build/weave/$made" "$1/build/weave"
    done
}
weave() { # FOLDER
    (cd "$1" && ./tangle.sh && sh generated/weave/weave.sh) >"$work/said" 2>&1
}

same() { # NAME: weaves the edited book again, and a clean copy of it
    if ! weave "$work/edited"; then
        echo "not ok $1: it cannot be woven: $(tail -n 3 "$work/said" | tr '\n' '|')"
        return
    fi
    (cd "$work/edited" && rm -rf "$work/clean" && copy "$work/clean")
    weave "$work/clean"
    diff -rq "$work/edited/site" "$work/clean/site" >"$work/differ" || :
    if [ -s "$work/differ" ]; then
        echo "not ok $1: $(sed "s,$work/,,g" "$work/differ" | head -n 5 | tr '\n' '|')"
    else
        echo "ok $1"
    fi
}

copy "$work/edited"
weave "$work/edited"
cd "$work/edited"

sed -i '$s/$/ One sentence more./' book/2-03-*.md
weave .
same "a sentence more"

sed -i 's,^void frame_put(.*,& /* an edit */,' book/1-04-*.md
same "a line of code"

# A chunk and its lead-in move to the end of another chapter, with the functions in it.
from=$(ls book/3-07-*.md) to=$(ls book/3-08-*.md)
awk -v to="$to" '
    /^```/ && !fence { opening = $0; fence = 1; next }
    opening != "" {
        moving = /^<<.*>>=$/ && $0 !~ /\// && !moved++
        if (moving) print "\nA chunk that has moved.\n" >>to
        if (moving) print opening >>to; else print opening
        opening = ""
    }
    moving { print >>to } !moving { print }
    fence && /^```$/ { fence = moving = 0 }
' "$from" >"$work/moved" && cp "$work/moved" "$from"
same "a function that moved to another chapter"

name=$(sed -n 's/^<<\([^/]*\)>>=$/\1/p' book/1-05-*.md | head -n 1)
sed -i "s,<<$name>>,<<$name for a test>>," book/*.md
same "a renamed chunk"

cat >book/3-99-an-edit.md <<'BOOK'
# An edit

It tells `edited_by_a_test`; see the chapter "Fork" and [the scheduler](3-05-the-scheduler.md).

```c
<<kernel/lib/edited.c>>=
/* An edit.
 * The chapter "An edit" tells it. */
int edited_by_a_test(void)
{
    return 1;
}
@
```
BOOK
echo 'See "An edit" about `edited_by_a_test`.' >>book/2-03-exceptions.md
same "a new chapter"

rm book/3-99-an-edit.md
same "a chapter that is gone"

figure=$(sed -n 's,.*](../\(diagrams/.*\.dot\))$,\1,p' book/3-*.md | head -n 1)
sed -i '0,/label="/s//label="edited /' "$figure"
printf '1\n' >>diagrams/the-run.trace
awk 'BEGIN { FS = OFS = "\t" } !/^#/ && $1 != "name" && !n++ { $2 = 424242 } { print }' \
    diagrams/bench.tsv >"$work/bench" && cp "$work/bench" diagrams/bench.tsv
same "a figure and a measurement"

rm site/3-07-*.html site/source/kernel/mm/frame.c.html site/page.css
same "pages that were lost"
