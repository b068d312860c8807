#!/bin/sh
# lane: machine
# shellcheck disable=SC2016 # the dollars are for the guest
# The shell, compiled for this machine with the sanitizers: a table of scripts, which dash must
# pass too, and random input that must neither crash nor hang it.
set -eu
LC_ALL=C
export LC_ALL
cd "$(dirname "$0")/.."
work=$(mktemp -d "${TMPDIR:-/tmp}/folio-shell.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' HUP TERM

# No leak is looked for: what the shell keeps until its end is the kernel's to take back.
export ASAN_OPTIONS=detect_leaks=0:abort_on_error=1 UBSAN_OPTIONS=print_stacktrace=1

sh tangle.sh >/dev/null
mkdir "$work/bin" "$work/dash" "$work/cases"
if ! gcc -std=c17 -g -O1 -Wall -Wextra -Werror -Wshadow -Wmissing-prototypes -Wstrict-prototypes \
    -Wvla -Wundef -D_XOPEN_SOURCE=700 -D_DEFAULT_SOURCE -fsanitize=address,undefined \
    -fno-sanitize-recover=undefined -o "$work/bin/sh" build/lined/user/bin/sh/*.c; then
    echo "not ok the shell compiles for the host: gcc says why, above"
    exit 1
fi
# The host's kill takes what our shell gives it. A shell with a fault might give it 0 or -1, which would
# be everybody: only processes and groups get through to it.
cat >"$work/bin/kill" <<'E'
#!/bin/sh
for word in "$@"; do
    case $word in
    -- | -[A-Z]* | -9 | -s | [A-Z]*) ;;
    -*[!0-9]* | - | -[01] | -???????*[0-9]) echo "kill: $word: refused" >&2; exit 9 ;;
    -[0-9]* | [1-9]?* | [2-9]) ;;
    *) echo "kill: $word: refused" >&2; exit 9 ;;
    esac
done
exec /bin/kill "$@"
E
chmod +x "$work/bin/kill"
dash=$(command -v dash || :)
[ -z "$dash" ] || ln -s "$dash" "$work/dash/sh"
unset ENV PS1 PS2 IFS

# Cuts the table into files NUMBER.name, .script, .status and .expected.
awk -v dir="$work/cases/" '
    /^### / {
        if (part == "expected") close(file)
        n++; name = substr($0, 5); part = "script"
        file = sprintf("%s%03d", dir, n)
        print name >(file ".name"); close(file ".name")
        printf "" >(file ".script"); printf "" >(file ".expected"); held = 0
        next
    }
    part == "script" && /^=> / { print substr($0, 4) >(file ".status"); close(file ".status")
                                 part = "expected"; next }
    # Blank lines at the end of a case belong to no part.
    part != "" && $0 == "" { held++; next }
    part != "" { for (; held > 0; held--) print "" >(file "." part); print >(file "." part) }
' tests/shell-cases.txt

run_case() { # CASE BIN OUTPUT: runs a case with the sh of BIN; prints why it failed, or nothing
    rm -rf "$work/here"
    mkdir "$work/here"
    got=0
    # A shell that is told to die of SIGSEGV must do so; the sanitizer would call it a fault of ours.
    (cd "$work/here" && PATH="$2:/usr/bin:/bin" ASAN_OPTIONS="$ASAN_OPTIONS:handle_segv=0" timeout -s KILL 30 "$2/sh" "$1.script" \
        </dev/null >"$3" 2>"$3.errors") || got=$?
    if [ "$got" != "$(cat "$1.status")" ]; then
        echo "status $got; $(head -n 3 "$3.errors" | tr '\n' ' ')"
    elif ! cmp -s "$3" "$1.expected"; then
        diff "$1.expected" "$3" | sed -n '2,4p' | tr '\n' ' '
    fi
}

for name in "$work"/cases/*.name; do
    case=${name%.name}
    title=$(cat "$name")
    why=$(run_case "$case" "$work/bin" "$work/ours")
    case $title in
    *"(ours)") ;;
    *) [ -n "$why" ] || [ -z "$dash" ] || why=$(run_case "$case" "$work/dash" "$work/theirs") ||
        why="dash: $why" ;;
    esac
    [ -z "$why" ] && echo "ok $title" || echo "not ok $title: $why"
done

# Random input. One awk makes all scripts; a seed makes them the same every time.
random_scripts() { # KIND COUNT SEED
    mkdir -p "$work/$1"
    awk -v kind="$1" -v count="$2" -v seed="$3" -v dir="$work/$1/" '
        function pick(list, n) { return list[int(rand() * n) + 1] }
        BEGIN {
            srand(seed)
            soup = "if then else elif fi for in do done while until case esac { } ! ( ) ; ;; & && | || < > >> >& <& <> >| $( $(( )) ${ } $x ${x:-y} ${x%a*} ` \" \\ a b c x=1 f() 1 2>&1 * ? [a-z] [ ] # ~ $@ $* $? \"$@\" $((1+2)) -"
            n = split(soup, all, " ")
            all[++n] = "\n"; all[++n] = "\047"; all[++n] = "<" "<E\n"; all[++n] = "E\n"; all[++n] = "\t"
            safe = "echo true false : set eval test [ ] shift unset export read $x \"$x\" ${x-a} ${x#*a} ${#x} $(echo a b) $((x+1)) $((1/x)) x=1 x=abc y=$x a b* \"a b\" ; && || | ( ) { } ; ; if true; then fi; for i in 1 2; do done; case x in x) ;; esac; ! < > 2>&1 -n -f = -eq ~ break continue return $? $# $@ $* wait . ./nosuch command type"
            m = split(safe, some, " ")
            some[++m] = "\n"; for (i = 0; i < 20; i++) some[++m] = "\n"
            for (i = 1; i <= count; i++) {
                file = dir i
                length_ = 1 + int(rand() * (kind == "commands" ? 400 : 30))
                for (j = 0; j < length_; j++) {
                    if (kind == "bytes") printf "%c", 1 + int(rand() * 255) >file
                    else if (kind == "soup") printf "%s%s", pick(all, n), (rand() < 0.6 ? " " : "") >file
                    else printf "%s ", pick(some, m) >file
                }
                close(file)
            }
        }'
}

fuzz() { # KIND OPTION: runs all scripts of a kind; says whether the shell was at fault
    bad='' number=0
    rm -rf "$work/here"
    mkdir "$work/here"
    echo "exit 42" >"$work/$1/0"
    for script in "$work/$1"/*; do
        status=0
        (cd "$work/here" && timeout -s KILL 20 env PATH=/nonexistent "$work/bin/sh" "$2" \
            <"$script" >"$work/output" 2>&1) || status=$?
        number=$((number + 1))
        # The first script shows that the shell is really run.
        case $2,$script,$status in
        -n,*/0,0 | -i,*/0,42) continue ;;
        */0,*) bad=$script && break ;;
        esac
        if [ "$status" -ge 134 ] || grep -q 'Sanitizer\|runtime error' "$work/output"; then
            bad=$script
            break
        fi
    done
    if [ -z "$bad" ]; then
        echo "ok $number scripts of random $1"
    else
        echo "not ok scripts of random $1: status $status after $(tr '\n' ' ' <"$bad")"
        head -n 20 "$work/output" | sed 's/^/    /'
    fi
}

# The same table in Folio itself, in one boot, but for the cases that need a tool which it does not have.
if [ -f build/folio.elf ]; then
    set -- -t 120
    for script in "$work"/cases/*.script; do
        grep -qwE 'printf|tr|tail|cut|awk|chmod|self' "$script" || set -- "$@" -a "$script"
    done
    status=0
    tests/guest.sh "$@" 'for s in /host/*.script; do
        mkdir /tmp/here; cd /tmp/here; echo "==> $s"
        sh $s </dev/null 2>/dev/null; echo "=> $?"
        cd /; rm -r /tmp/here
    done' >"$work/guest" 2>"$work/errors" || status=$?
    [ "$status" -eq 0 ] || echo "not ok the table in Folio: status $status: $(tail -n 3 "$work/errors" | tr '\n' ' ')"
    awk -v dir="$work/cases/" '
        /^==> / { sub(".*/", ""); sub("[.].*", ""); file = dir $0 ".guest"; printf "" >file; next }
        file != "" { print >file }
    ' "$work/guest"
    for output in "$work"/cases/*.guest; do
        case=${output%.guest}
        { cat "$case.expected"; echo "=> $(cat "$case.status")"; } >"$work/wanted"
        if cmp -s "$work/wanted" "$output"; then
            echo "ok in Folio: $(cat "$case.name")"
        else
            echo "not ok in Folio: $(cat "$case.name"): $(diff "$work/wanted" "$output" | sed -n '2,4p' | tr '\n' ' ')"
        fi
    done
fi

random_scripts bytes "${FUZZ:-100}" 1
fuzz bytes -n
random_scripts soup "${FUZZ:-150}" 2
fuzz soup -n
random_scripts commands "${FUZZ:-150}" 3
fuzz commands -i
fuzz soup -i
