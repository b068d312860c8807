#!/bin/sh
# The tangler: what it makes of a good book, and the sentence it has for each bad one.
# lane: book
# shellcheck disable=SC2016 # what stands in single quotes is for sed
set -eu
LC_ALL=C
export LC_ALL
tangler=$(cd "$(dirname "$0")/.." && pwd)/tangle.sh
work=$(mktemp -d "${TMPDIR:-/tmp}/folio-tangle.XXXXXX")
trap 'rm -rf "$work"' EXIT

ok() { echo "ok $1"; }
not_ok() { echo "not ok $1: $2"; }
check() { # NAME WHY COMMAND...: the command must succeed
    name=$1 why=$2
    shift 2
    if "$@"; then ok "$name"; else not_ok "$name" "$why"; fi
}

# A small book in a folder of its own, tangled once. Line numbers below are those of a.md.
new_book() {
    rm -rf "$work/book"
    mkdir -p "$work/book/book"
    cd "$work/book"
    cp "$tangler" tangle.sh
    cat >book/a.md <<'BOOK'
# A chapter

The whole function first.

```c
<<kernel/one.c>>=
int one(int x)
{
    <<do the work>>
    return x << 3;
}
@
```

The work comes in two steps; this is the first.

```c
<<do the work>>=
x++;
if (x > 3) {
    <<stop early>>
}
@
```

Stop means return.

```c
<<stop early>>=
return 0;
@
```

And the second step.

```c
<<do the work>>=
x--;
@
```

A header, for which there are no directives.

```c
<<kernel/one.h>>=
int one(int x);
@
```
BOOK
    cat >book/b.md <<'BOOK'
# Another

Assembly.

```nasm
<<kernel/two.asm>>=
two:
    <<wait a moment>>
    ret
@
```

Waiting is easy.

```nasm
<<wait a moment>>=
nop
nop
@
```

Make has tabs.

```make
<<build/x.mk>>=
all:
	echo all
	<<steps of all>>
@
```

The steps.

```make
<<steps of all>>=
echo first
echo second
@
```
BOOK
    ./tangle.sh
}

snapshot() { find "$1" -type f -exec ls -l --time-style=full-iso {} + | sort -k9; }

# What a good book becomes.
new_book
cat >expected <<'TEXT'
int one(int x)
{
    x++;
    if (x > 3) {
        return 0;
    }
    x--;
    return x << 3;
}
TEXT
check "clean C is indented as it is used" "$(diff expected generated/kernel/one.c || :)" cmp -s expected generated/kernel/one.c
cat >expected <<'TEXT'
#line 7 "book/a.md"
int one(int x)
{
#line 19 "book/a.md"
x++;
if (x > 3) {
#line 30 "book/a.md"
return 0;
#line 22 "book/a.md"
}
#line 38 "book/a.md"
x--;
#line 10 "book/a.md"
    return x << 3;
}
TEXT
grep -v '^ *$' build/lined/kernel/one.c >got
check "lined C names every line" "$(diff expected got || :)" cmp -s expected got
cat >expected <<'TEXT'
%line 6 book/b.md
two:
%line 16 book/b.md
nop
nop
%line 8 book/b.md
    ret
TEXT
grep -v '^ *$' build/lined/kernel/two.asm >got
check "lined assembly names every line" "$(diff expected got || :)" cmp -s expected got
printf 'all:\n\techo all\n\techo first\n\techo second\n' >expected
check "make rules keep their tabs" "$(cat generated/build/x.mk)" cmp -s expected generated/build/x.mk
check "headers carry no directives" "they differ" cmp -s generated/kernel/one.h build/lined/kernel/one.h
check "a table tells where a header's lines come from" "$(cat build/headers.map)" \
    grep -qx 'build/lined/kernel/one.h 1 book/a.md:46' build/headers.map

# Files that need no change keep their time; files that the book has lost go.
snapshot generated >before
sleep 0.01
./tangle.sh
snapshot generated >after
check "an unchanged book touches no file" "$(diff before after || :)" cmp -s before after
sed 's/ret$/iretq/' book/b.md >b.new && mv b.new book/b.md
./tangle.sh
snapshot generated >after
diff before after | sed -n 's/^> .* //p' >changed || :
check "an edit rewrites its own file alone" "$(cat changed)" test "$(cat changed)" = generated/kernel/two.asm
sed '1s/$/ with a longer title/' book/a.md >a.new && mv a.new book/a.md
snapshot generated >before
./tangle.sh
snapshot generated >after
check "an edit of prose rewrites no file" "$(diff before after || :)" cmp -s before after
rm book/b.md
echo kept >generated/README.md
./tangle.sh
check "a lost root's files are deleted" "$(find generated build/lined)" \
    test ! -e generated/kernel/two.asm -a ! -e build/lined/kernel/two.asm -a ! -e generated/build
check "generated/README.md stays" "it is gone" test -f generated/README.md
echo "int strange;" >generated/kernel/one.c
./tangle.sh
check "an edit below generated/ is undone" "$(cat generated/kernel/one.c)" grep -q 'int one' generated/kernel/one.c
new_book
for _ in 1 2 3 4; do
    ./tangle.sh &
done
wait
check "runs at the same time don't disturb each other" "$(find build)" \
    test "$(find build generated -type f | wc -l)" -eq 9
ls build >left
check "nothing is left behind" "$(cat left)" test "$(tr '\n' ' ' <left)" = "headers.map lined "

# What a bad book gets: one sentence that begins with PLACE and holds TEXT, and no change.
refused() { # NAME PLACE TEXT: after the caller has spoiled the book
    snapshot generated >"$work/before"
    snapshot build >>"$work/before"
    status=0
    ./tangle.sh >"$work/out" 2>"$work/err" || status=$?
    snapshot generated >"$work/after"
    snapshot build >>"$work/after"
    if [ "$status" -eq 0 ]; then
        not_ok "$1" "tangle.sh took it"
    elif [ "$(wc -l <"$work/err")" -ne 1 ]; then
        not_ok "$1" "not one sentence: $(tr '\n' '|' <"$work/err")"
    elif ! grep -q "^$2.*$3" "$work/err"; then
        not_ok "$1" "another sentence: $(cat "$work/err")"
    elif ! cmp -s "$work/before" "$work/after"; then
        not_ok "$1" "generated/ or build/ changed: $(diff "$work/before" "$work/after" | tr '\n' '|')"
    else
        ok "$1"
    fi
}

edit() { # SED-SCRIPT [CHAPTER]
    sed "$1" "book/${2:-a}.md" >edited
    mv edited "book/${2:-a}.md"
}

bad() { # NAME PLACE TEXT SED-SCRIPT: spoil a.md, and see it refused
    new_book
    edit "$4"
    refused "$1" "$2" "$3"
}

bad "undefined chunk" book/a.md:21: "used here but defined nowhere" '21s/stop early/stop now/; 26,32d'
bad "unused chunk" book/a.md:28: "used nowhere" '21d; 20s/$/ return 2;/'
bad "unused chunk with one word" book/a.md:45: "used nowhere" '45s/.*/<<one>>=/'
bad "chunk that holds itself" book/a.md:30: "holds itself" '30s/.*/<<stop early>>/'
bad "cycle of two chunks" book/a.md:30: "holds itself" '30s/.*/<<do the work>>/'
bad "root defined twice in one chapter" book/a.md:45: "already defined at book/a.md:6" '45s/one.h/one.c/'
new_book
edit 's,two.asm,one.c,' b
refused "root defined in two chapters" book/b.md:6: "already defined at book/a.md:6"
bad "root used as a chunk" book/a.md:30: "a root is a file" '30s,.*,<<kernel/one.h>>,'
bad "root that is another's folder" book/a.md:45: "itself a root" '45s,one.h,one.c/x.h,'
bad "absolute root" book/a.md:45: "absolute path" '45s,kernel,/kernel,'
bad "root above generated" book/a.md:45: "leaves its folder" '45s,kernel,../kernel,'
bad "root that climbs in the middle" book/a.md:45: "leaves its folder" '45s,one.h,../../one.h,'
bad "root with an empty part" book/a.md:45: "no plain path" '45s,/,//,'
bad "root with a strange character" book/a.md:45: "a character that is not" '45s,one.h,o$ne.h,'
bad "root that would overwrite the README" book/a.md:45: "overwrite" '45s,kernel/one.h,README.md,'
bad "fence not closed at the end" book/a.md:44: "fence that opens here is not closed" '48d'
bad "fence not closed before prose" book/a.md:5: "fence that opens here is not closed" '13d'
bad "fence of text not closed" book/a.md:3: "fence that opens here is not closed" '3s/.*/```text/'
bad "chunk not closed before its fence" book/a.md:6: "is not closed" '12d'
bad "chunk not closed before the next fence" book/a.md:29: "is not closed" '31,32d'
bad "chunk not closed at the end" book/a.md:45: "is not closed" '47,48d'
bad "text after the closing sign" book/a.md:12: "put @ alone" '12s/$/ done/'
bad "text after the name" book/a.md:18: "text after" '18s/$/ x++;/'
bad "space after the name" book/a.md:18: "spaces after" '18s/$/ /'
bad "definition that does not end" book/a.md:18: "does not end" '18s/>>=//'
bad "definition indented" book/a.md:18: "indented" '18s/^/  /'
bad "definition outside a fence" book/a.md:15: "outside a fenced block" '15s/.*/<<x y>>=/'
bad "definition after other lines of its fence" book/a.md:46: "not the first line" '44s/$/\nint y;/; 47d'
bad "two chunks in one fence" book/a.md:24: "one fence holds one chunk" '24,28d'
bad "two less-than signs in prose" book/a.md:15: "even in prose" '15s/$/ `x << 3`/'
bad "two brackets in prose" book/a.md:15: "even in prose" '15s/$/ [[x]]/'
bad "two less-than signs in a block of text" book/a.md:16: "even in prose" '15s/.*/```text\ncat << E\n```/'
bad "at sign at the start of prose" book/a.md:15: "begin the line otherwise" '15s/^/@ /'
bad "shifts that look like a chunk" book/a.md:19: "break the line" '19s/.*/x = x << 2 | x >> 3;/'
bad "shifts around the name of a chunk" book/a.md:19: "break the line" '19s/.*/x = x <<stop early>> 3;/'
bad "use that is not alone on its line" book/a.md:9: "alone on its line" '9s/$/ x++;/'
bad "chunk inside a macro" book/a.md:21: "inside a macro" '20s/.*/#define X \\/; 22d'
bad "tab in C" book/a.md:10: "a tab" '10s/    /\t/'
bad "tab in prose" book/a.md:15: "a tab" '15s/ /\t/'
bad "carriage return" book/a.md:10: "carriage return" '10s/$/\r/'
bad "byte order mark" book/a.md:1: "byte order mark" '1s/^/\xef\xbb\xbf/'
bad "name with a space too many" book/a.md:29: "a space too many" '29s/stop early/stop  early/'
bad "name with a star" book/a.md:29: "a star" '29s/stop early/stop */'

# What is around the book may be wrong, too.
new_book
rm book/*.md
refused "no chapter" tangle.sh: "no chapter"
new_book
export NOWEB_LIB="$work/nowhere"
refused "missing noweb" tangle.sh: "is missing"
unset NOWEB_LIB
new_book
mkdir -p tools noweb
printf '#!/bin/sh\nexit 2\n' >noweb/mnt
chmod +x noweb/mnt
ln -s /usr/lib/noweb/markup noweb/markup
edit '19s/x++/x += 2/'
export NOWEB_LIB="$work/book/noweb"
refused "a tangler that fails" tangle.sh: "could not tangle"
unset NOWEB_LIB
