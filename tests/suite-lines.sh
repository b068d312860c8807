#!/bin/sh
# Errors, gdb and backtraces name the chapter and its line, exactly.
# lane: machine
set -eu
LC_ALL=C.UTF-8
export LC_ALL
cd "$(dirname "$0")/.."
top=$(pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/folio-lines.XXXXXX")
trap 'rm -rf "$work"' EXIT

# Seeded errors: a book with one more chapter, compiled by the book's own rules.
mkdir "$work/seeded"
cp -R tangle.sh book "$work/seeded"
cd "$work/seeded"
cat >book/Z-99-seeded.md <<'BOOK'
# Seeded errors

Each file has one wrong line, marked.

```c
<<kernel/seeded/outer.c>>=
int outer(int x);
int outer(int x)
{
    <<work>>
    return wrong_after_a_chunk;
}
@
```

The chunk is right.

```c
<<work>>=
x++;
x--;
@
```

Here the chunk is wrong, on its second line.

```c
<<kernel/seeded/inner.c>>=
int inner(int x);
int inner(int x)
{
    <<wrong work>>
    return x;
}
@
```

This one.

```c
<<wrong work>>=
x++;
wrong_in_a_chunk++;
x--;
@
```

A header.

```c
<<kernel/seeded/header.h>>=
struct right {
    <<members of right>>
    int last;
};
wrong_in_a_header;
@
```

Its members.

```c
<<members of right>>=
int first;
@
```

Who includes it.

```c
<<kernel/seeded/header.c>>=
#include "seeded/header.h"
@
```

Assembly, wrong after a chunk.

```nasm
<<kernel/seeded/outer.asm>>=
outer:
    <<wait>>
    wrong_after rax
    ret
@
```

The chunk.

```nasm
<<wait>>=
nop
nop
@
```

Assembly, wrong in a chunk.

```nasm
<<kernel/seeded/inner.asm>>=
inner:
    <<wait wrongly>>
    ret
@
```

There.

```nasm
<<wait wrongly>>=
nop
wrong_in rax
@
```
BOOK
./tangle.sh
names_line() { # OBJECT WORD: building OBJECT fails, and its message names the chapter's line of WORD
    line=$(grep -n "^ *$2" book/Z-99-seeded.md | cut -d: -f1)
    if make -f build/lined/build/folio.mk "build/objects/kernel/seeded/$1.o" >said 2>&1; then
        echo "not ok an error in $1: it compiled"
    elif grep -q "^book/Z-99-seeded.md:$line:.*error" said; then
        echo "ok an error in $1 names the chapter's line"
    else
        echo "not ok an error in $1: line $line is not named: $(grep -m 1 error said)"
    fi
}
names_line outer.c "return wrong_after"
names_line inner.c wrong_in_a_chunk
names_line header.c wrong_in_a_header
names_line outer.asm wrong_after
names_line inner.asm wrong_in
cd "$top"

# gdb: the line of every function is the chapter's line that holds its name, or the macro that
# writes the function.
gdb -q -batch -ex 'set pagination off' -ex 'set width 0' -ex 'info functions' build/kernel.elf 2>/dev/null |
    sed -n 's/^File \(.*\):$/file \1/p; s/^\([0-9]*\):.*[ *]\([a-z_0-9]*\)(.*/line \1 \2/p' |
    awk '$1 == "file" { file = $2 } $1 == "line" { print file, $2, $3 }' >"$work/places"
wrong=0 right=0
while read -r file line name; do
    case $file in ./book/* | book/*) ;; *) continue ;; esac
    if sed -n "${line}p" "$file" | grep -qwE "$name|^[A-Z_]+\\(.*\\)"; then
        right=$((right + 1))
    else
        wrong=$((wrong + 1))
        echo "gdb places $name at $file:$line"
    fi
done <"$work/places"
if [ "$wrong" -eq 0 ] && [ "$right" -gt 50 ]; then
    echo "ok gdb names the chapter's line of $right functions"
else
    echo "not ok gdb names the chapter's lines: $right right, $wrong wrong"
fi

# gdb lists the chapter, and stops a running kernel at a chapter's line.
place=$(awk '$3 == "kernel_main" { print $1, $2 }' "$work/places")
chapter=${place% *} line=${place#* }
body=$(awk -v from="$line" 'NR > from && /;$/ { print NR; exit }' "$chapter")
gdb -q -batch -ex "list $(basename "$chapter"):$line" build/kernel.elf >"$work/listing" 2>&1 || :
if sed -n "${line}p" "$chapter" | grep -qF -f - "$work/listing"; then
    echo "ok gdb lists the chapter"
else
    echo "not ok gdb lists the chapter: $(head -n 3 "$work/listing" | tr '\n' '|')"
fi
qemu="exec qemu-system-x86_64 -machine pc -nodefaults -no-reboot -cpu max -m 128M -display none
    -serial null -kernel build/folio.elf -initrd build/initrd.cpio -append nokaslr -S -gdb stdio"
timeout -k 5 60 gdb -q -batch -ex "target remote | $(echo "$qemu" | tr '\n' ' ')" \
    -ex "break $(basename "$chapter"):$body" -ex continue -ex list -ex backtrace -ex kill \
    build/kernel.elf >"$work/session" 2>&1 </dev/null || :
if grep -q "^Breakpoint 1, kernel_main .* at .*$(basename "$chapter"):$body" "$work/session"; then
    echo "ok gdb stops at a breakpoint set by chapter line"
else
    echo "not ok gdb stops at a breakpoint set by chapter line: $(tail -n 6 "$work/session" | tr '\n' '|')"
fi

# The kernel's backtrace: each line of the report that names a chapter names a line that calls.
status=0
FOLIO_WORDS=panic tests/guest.sh -t 30 true >"$work/out" 2>"$work/report" || status=$?
if [ "$status" -eq 125 ]; then
    echo "ok a panic ends the guest with status 125"
else
    echo "not ok a panic ends the guest with status 125: it was $status"
fi
grep -oE '[a-z_0-9]+[^ ]* .*book/[A-Za-z0-9-]+\.md:[0-9]+' "$work/report" >"$work/frames" || :
if [ "$(wc -l <"$work/frames")" -ge 2 ] && grep -q kernel_main "$work/frames"; then
    echo "ok a panic prints functions and chapter lines"
else
    echo "not ok a panic prints functions and chapter lines: $(tail -n 20 "$work/report" | tr '\n' '|')"
fi
sed -n 's/.*\(book\/[A-Za-z0-9-]*\.md\):\([0-9]*\).*/\1 \2/p' "$work/frames" | while read -r file line; do
    sed -n "${line}p" "$file" | grep -qE '[(]|call ' || echo "$file:$line calls nothing: $(sed -n "${line}p" "$file")"
done >"$work/no-calls"
if [ -s "$work/no-calls" ]; then
    echo "not ok the lines of a backtrace are calls: $(tr '\n' '|' <"$work/no-calls")"
else
    echo "ok the lines of a backtrace are calls"
fi
