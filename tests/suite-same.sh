#!/bin/sh
# One book gives the same bytes: a clean copy in another folder against this checkout as it stands,
# however many edits its build has seen.
# lane: machine
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d "${TMPDIR:-/tmp}/folio-same-bytes.XXXXXX")
trap 'rm -rf "$work"' EXIT

copy=$work/a-folder/with-another-and-longer-path
mkdir -p "$copy"
cp -R tangle.sh Makefile book "$copy"
rm -f "$copy"/book/*.md~
umask 077
if ! make --no-print-directory -C "$copy" image >"$work/log" 2>&1; then
    echo "not ok a clean copy builds: $(tail -n 5 "$work/log" | tr '\n' '|')"
    exit 1
fi
echo "ok a clean copy builds"

same() { # WHAT PATH
    if differs=$(diff -rq --exclude=README.md "$2" "$copy/$2" 2>&1); then
        echo "ok the same bytes: $1"
    else
        echo "not ok the same bytes: $1: $(echo "$differs" | head -n 3 | tr '\n' '|')"
    fi
}
same "generated/" generated
same "the kernel's image" build/folio.elf
same "the initial ramdisk" build/initrd.cpio

# A build of what is already built does nothing; an edit compiles what it touches.
make --no-print-directory -C "$copy" image >"$work/log" 2>&1
if [ -s "$work/log" ]; then
    echo "not ok a second build does nothing: $(tr '\n' '|' <"$work/log")"
else
    echo "ok a second build does nothing"
fi
file=book/$(cd "$copy" && grep -l '^<<kernel/lib/string.c>>=$' book/*.md | head -n 1 | sed 's,.*/,,')
line=$(grep -n '^<<kernel/lib/string.c>>=$' "$file" | cut -d: -f1)
sed "$((line + 2))s,\$,\\n/* an edit */," "$copy/$file" >"$work/edited"
mv "$work/edited" "$copy/$file"
make --no-print-directory -C "$copy" image >"$work/log" 2>&1 || :
if grep -q 'gcc kernel/lib/string.c' "$work/log" && [ "$(grep -c 'gcc kernel/mm' "$work/log")" -eq 0 ]; then
    echo "ok an edit compiles what it touches: $(grep -c gcc "$work/log") files"
else
    echo "not ok an edit compiles what it touches: $(tr '\n' '|' <"$work/log")"
fi
