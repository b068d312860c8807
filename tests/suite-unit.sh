#!/bin/sh
# The unit tests: parts of the kernel that need no machine, compiled for the host under the address
# and undefined-behaviour sanitizers. tests/suite-unit.sh [NAME]... runs those named.
#
# Each tests/unit/NAME.c is a program that exits with 0, or says what went wrong. Its first line is
#     // sources: FILE...     what to compile with it, below build/lined/
# and a second line "// flags: FLAG..." may add flags for the compiler, or "// assembly: FILE..." files
# of tests/unit/ for the assembler. tests/unit/shim/ stands in for the machine; its headers come before
# the kernel's. A program that was compiled from the very same text is not compiled again, for the
# book's sessions run some of these tests too.
# lane: machine
set -eu
cd "$(dirname "$0")/.."
./tangle.sh >&2
out=build/unit
mkdir -p "$out"

if [ $# -eq 0 ]; then
    for file in tests/unit/*.c; do
        set -- "$@" "$(basename "$file" .c)"
    done
fi

listed() { # KEY FILE: what the file's line "// KEY: ..." lists
    sed -n "1,2s,^// $1: *,,p" "$2"
}

failed=0
fail() { # NAME WHY
    echo "not ok unit $1: $2"
    failed=1
}

assemble() { # SOURCE: as build/unit/SOURCE.o, with the kernel's own offsets
    make -s -f build/lined/build/folio.mk build/made/kernel/arch/offsets.inc >&2
    nasm -f elf64 -g -F dwarf -I build/made/ -I build/lined/ -o "$out/$1.o" "tests/unit/$1"
}

text_of() { # NAME: a sum over all that it may be compiled from
    find build/lined/kernel build/lined/include build/lined/user tests/unit/shim tests/unit/*.asm \
        "tests/unit/$1.c" tests/suite-unit.sh -type f | LC_ALL=C sort | xargs cat | cksum
}

for name in "$@"; do
    exec 9>"$out/$name.lock"
    flock 9
    file=tests/unit/$name.c
    if [ ! -f "$file" ]; then
        fail "$name" "there is no $file"
        continue
    fi
    sources=$(listed sources "$file" | sed 's,[^ ][^ ]*,build/lined/&,g')
    for source in $(listed assembly "$file"); do
        assemble "$source" && sources="$sources $out/$source.o"
    done
    text=$(text_of "$name")
    # shellcheck disable=SC2046,SC2086 # lists of words
    if [ "$text" = "$(cat "$out/$name.text" 2>/dev/null)" ]; then
        :
    elif ! gcc -std=gnu17 -O1 -g -Wall -Wextra -Werror -fno-strict-aliasing -fno-omit-frame-pointer \
        -fsanitize=address,undefined -fno-sanitize-recover=all \
        -I tests/unit/shim -I build/lined/kernel -I build/lined/include $(listed flags "$file") \
        -o "$out/$name" "$file" tests/unit/shim/host.c $sources >"$out/$name.log" 2>&1; then
        cat "$out/$name.log"
        fail "$name" "it doesn't compile"
        continue
    else
        echo "$text" >"$out/$name.text"
    fi
    if timeout 120 "$out/$name" >"$out/$name.log" 2>&1; then
        echo "ok unit $name"
    else
        cat "$out/$name.log"
        rm -f "$out/$name.text"
        fail "$name" "$(tail -n 1 "$out/$name.log")"
    fi
done
exit "$failed"
