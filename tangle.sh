#!/bin/sh
# Tangles the chapters in book/ into generated/ (clean text, for people) and into
# build/lined/ (the same text with line directives, for the compilers).
# It needs a POSIX system and noweb, and nothing else of this repository.
#
# Every chapter is checked first: a mistake is told as "book/chapter.md:LINE: sentence",
# and then nothing is touched. A file whose text has not changed is left alone, time
# stamp included; a file that the book no longer has is deleted.
set -eu
LC_ALL=C
export LC_ALL
cd "$(dirname "$0")"

noweb=${NOWEB_LIB:-/usr/lib/noweb}
work=build/tangle.$$
lock=build/tangle.lock

fail() {
    echo "tangle.sh: $*" >&2
    exit 1
}

for tool in "$noweb/markup" "$noweb/mnt" awk find sort comm; do
    command -v "$tool" >/dev/null ||
        fail "the program $tool is missing; 'make deps' installs what Folio needs (on Debian: apt install noweb)"
done

# One run at a time: the second waits for the first. A lock whose owner has died is broken.
mkdir -p build generated
waited=0
until (set -C; echo $$ >"$lock") 2>/dev/null; do
    owner=$(cat "$lock" 2>/dev/null || :)
    if [ -n "$owner" ] && ! kill -0 "$owner" 2>/dev/null; then
        rm -f "$lock"
        continue
    fi
    [ "$waited" -lt 60 ] || fail "process ${owner:-unknown} has held $lock for a minute; delete it if no tangle.sh runs"
    waited=$((waited + 1))
    sleep 1
done
trap 'rm -rf "$work"; rm -f "$lock"' EXIT
trap 'exit 1' HUP INT TERM
mkdir -p "$work/clean" "$work/lined" "$work/mapped"
# Ten comes after nine, and letters after numbers: the chapters in the order in which they are read,
# in which the pieces of a chunk are put together.
set --
for turn in '[0-9]-*' '[0-9][0-9]-*' '*'; do
    for chapter in book/*.md; do
        name=${chapter#book/}
        case $turn,$name in
        '*,'[0-9]-* | '*,'[0-9][0-9]-*) continue ;;
        esac
        # shellcheck disable=SC2254 # it is a pattern
        case $name in
        $turn) set -- "$@" "$chapter" ;;
        esac
    done
done
[ -f "$1" ] || fail "there is no chapter: book/ holds no .md file"

# The check. On success it prints the roots, one "kind path" a line; kind is c, asm, header, make or text.
# On failure it prints the errors. It knows nothing of noweb's tangler but its rules.
# shellcheck disable=SC2016 # the dollars are those of awk
check='
function error(line, text) {
    print file ":" line ": " text
    failed = 1
}

# Characters that cannot be seen are spelled by their bytes.
BEGIN {
    CR = sprintf("%c", 13); TAB = sprintf("%c", 9)
    BOM = sprintf("%c%c%c", 239, 187, 191)
}

FNR == 1 {
    if (file != "")
        end_of_chapter()
    file = FILENAME
    state = "prose"
    if (substr($0, 1, 3) == BOM) {
        error(1, "the chapter begins with a byte order mark; save it without one.")
        $0 = substr($0, 4)
    }
}

{ last = FNR }

index($0, CR) {
    error(FNR, "the line holds a carriage return; lines end with a line feed alone.")
    gsub(CR, "")
}

index($0, TAB) && !tabs_belong() {
    error(FNR, "the line holds a tab; indent with spaces (tabs belong in Makefiles and sessions alone).")
}

state == "prose" {
    if (match($0, /^(```+|~~~+)/)) {
        fence = substr($0, 1, RLENGTH)
        language = substr($0, RLENGTH + 1)
        gsub(/^[ ]+|[ ]+$/, "", language)
        opened = FNR
        state = "opened"
    } else
        check_prose()
    next
}

state == "opened" && (/^<</ || is_definition($0)) {
    begin_chunk()
    next
}

state == "opened" { state = "block" }

state == "block" {
    if (closes_fence($0))
        state = "prose"
    else if (opens_fence($0)) {
        error(opened, "the fence that opens here is not closed before the next one, on line " FNR ".")
        opened = FNR
        state = "opened"
    } else
        check_prose()
    next
}

state == "code" {
    if ($0 == "@")
        state = "closing"
    else if (/^@[ ]/) {
        error(FNR, "there is text after the @ that closes a chunk; put @ alone on its line.")
        state = "closing"
    } else if (substr($0, 1, length(fence)) == fence && closes_fence($0)) {
        error(defined_at, "the chunk \"" chunk "\" is not closed: a line @ must stand before the fence on line " FNR ".")
        state = "prose"
    } else if (opens_fence($0)) {
        error(defined_at, "the chunk \"" chunk "\" is not closed before the next fence, on line " FNR ".")
        opened = FNR
        state = "opened"
    } else if (is_definition($0)) {
        error(defined_at, "the chunk \"" chunk "\" is not closed before the next definition, on line " FNR ".")
        begin_chunk()
    } else
        check_code()
    next
}

state == "closing" {
    if (is_definition($0)) {
        error(FNR, "the fenced block already holds the chunk \"" chunk "\"; one fence holds one chunk.")
        begin_chunk()
        next
    }
    if (!closes_fence($0)) {
        error(opened, "the fence that opens here is not closed: line " FNR ", after the chunk, should be " fence ".")
        check_prose()
    }
    state = "prose"
}

END {
    if (file != "")
        end_of_chapter()
    if (!failed)
        check_chunks()
    if (failed)
        exit 1
    for (i = 1; i <= chunks; i++)
        if (is_path(names[i]))
            print kind(names[i]), names[i]
}

function end_of_chapter() {
    if (state == "code")
        error(defined_at, "the chunk \"" chunk "\" is not closed: the chapter ends on line " last " without its @.")
    else if (state != "prose")
        error(opened, "the fence that opens here is not closed: the chapter ends on line " last ".")
}

function tabs_belong() {
    return state != "prose" && language ~ /^(make|makefile|session|host)$/
}

function closes_fence(line,   mark) {
    mark = substr(fence, 1, 1)
    if (substr(line, 1, length(fence)) != fence)
        return 0
    while (substr(line, 1, 1) == mark)
        line = substr(line, 2)
    return line ~ /^[ ]*$/
}

function opens_fence(line) {
    return substr(line, 1, length(fence)) == fence && !closes_fence(line)
}

function is_definition(line) {
    return line ~ /^[ ]*<<.*>>=/
}

function check_prose() {
    if (is_definition($0) && state == "prose")
        error(FNR, "a chunk is defined outside a fenced block; put a line of three back-quotes before it.")
    else if (is_definition($0))
        error(FNR, "the chunk is not the first line of its fenced block; one fence holds one chunk.")
    else if (index($0, "<<"))
        error(FNR, "noweb reads the two signs \"<<\" as the name of a chunk even in prose; write it in other words.")
    else if (index($0, "[["))
        error(FNR, "noweb reads the two signs \"[[\" as quoted code even in prose; write it in other words.")
    else if (/^@([ ]|%|$)/)
        error(FNR, "noweb reads an @ at the start of a line as its own, even in prose; begin the line otherwise.")
}

function begin_chunk(   line, tail) {
    line = $0
    state = "code"
    defined_at = FNR
    chunk = ""
    if (line ~ /^[ ]/)
        error(FNR, "the definition is indented; its name stands in column 1.")
    if (line !~ />>=/) {
        error(FNR, "the definition does not end with \">>=\".")
        return
    }
    tail = line
    sub(/^.*>>=/, "", tail)
    sub(/>>=.*$/, "", line)
    sub(/^[ ]*<</, "", line)
    chunk = line
    if (tail ~ /^[ ]+$/)
        error(FNR, "there are spaces after \">>=\".")
    else if (tail != "")
        error(FNR, "there is text after \">>=\"; the code begins on the next line.")
    check_name(chunk)
    define(chunk)
    previous = ""
}

function check_name(name) {
    if (name == "")
        error(FNR, "the chunk has no name.")
    else if (name ~ /^[ ]|[ ]$|[ ][ ]/)
        error(FNR, "the name \"" name "\" has a space too many.")
    else if (index(name, "<<") || index(name, ">>"))
        error(FNR, "the name \"" name "\" holds signs of noweb itself.")
    else if (name ~ /[*]/)
        error(FNR, "the name \"" name "\" holds a star, which noweb keeps for itself.")
    else if (is_path(name))
        check_path(name)
}

function is_path(name) {
    return name !~ /[ ]/ && name ~ /[.\/]/
}

function check_path(name,   part, count, i) {
    if (name ~ /^\//) {
        error(FNR, "the root \"" name "\" is an absolute path; a root names a file below generated/.")
        return
    }
    count = split(name, part, "/")
    for (i = 1; i <= count; i++)
        if (part[i] == ".." || part[i] == ".") {
            error(FNR, "the root \"" name "\" leaves its folder by \"" part[i] "\"; a root names a file below generated/.")
            return
        } else if (part[i] == "" || part[i] ~ /^-/) {
            error(FNR, "the root \"" name "\" is no plain path below generated/.")
            return
        }
    if (name !~ /^[A-Za-z0-9._+\/-]+$/)
        error(FNR, "the root \"" name "\" holds a character that is not a letter, digit, dot, dash, plus or underscore.")
    else if (name == "README.md")
        error(FNR, "the root \"" name "\" would overwrite generated/README.md, which is not tangled.")
}

function define(name) {
    if (!(name in first)) {
        names[++chunks] = name
        first[name] = file ":" FNR
    } else if (is_path(name))
        error(FNR, "the root \"" name "\" is already defined at " first[name] "; a file has one root.")
}

function check_code(   line, at, stop, name, before, after) {
    line = $0
    gsub(/@<</, "  ", line)
    gsub(/@>>/, "  ", line)
    at = index(line, "<<")
    stop = at ? index(substr(line, at + 2), ">>") : 0
    if (!stop) {
        previous = $0
        return
    }
    name = substr(line, at + 2, stop - 1)
    before = substr(line, 1, at - 1)
    after = substr(line, at + 2 + stop + 1)
    if (before !~ /^[ \t]*$/ || after != "" || name ~ /^[ ]|[ ]$/ || name == "")
        error(FNR, "noweb takes \"<<" name ">>\" for the use of a chunk: break the line if these are shifts; a use stands alone on its line.")
    else {
        if (previous ~ /\\$/)
            error(FNR, "the chunk \"" name "\" is used inside a macro that spans lines, where a line directive cannot stand.")
        uses++
        use_name[uses] = name
        use_in[uses] = chunk
        use_at[uses] = file ":" FNR
        used[name] = 1
        kids[chunk] = kids[chunk] uses " "
    }
    previous = $0
}

function complain(place, text) {
    print place ": " text
    failed = 1
}

# What needs the whole book: every use has its definition and every definition its use,
# no chunk holds itself, and no file is the folder of another.
function check_chunks(   i, name, part, count, j, folder) {
    for (i = 1; i <= uses; i++) {
        name = use_name[i]
        if (!(name in first))
            complain(use_at[i], "the chunk \"" name "\" is used here but defined nowhere.")
        else if (is_path(name))
            complain(use_at[i], "the root \"" name "\" is used as a chunk; a root is a file of its own.")
    }
    for (i = 1; i <= chunks; i++) {
        name = names[i]
        if (!is_path(name) && !(name in used))
            complain(first[name], "the chunk \"" name "\" is used nowhere; the name of a root is its path below generated/.")
        count = split(name, part, "/")
        folder = ""
        for (j = 1; is_path(name) && j < count; j++) {
            folder = folder (j > 1 ? "/" : "") part[j]
            if (folder in first && is_path(folder))
                complain(first[name], "the root \"" name "\" needs the folder \"" folder "\", which is itself a root, at " first[folder] ".")
        }
    }
    for (i = 1; i <= chunks; i++)
        visit(names[i])
}

# Depth first: a chunk that is met while it is being expanded holds itself.
function visit(name,   list, count, i, use) {
    if (mark[name] == "done")
        return
    mark[name] = "open"
    count = split(kids[name], list, " ")
    for (i = 1; i <= count; i++) {
        use = use_name[list[i]]
        if (mark[use] == "open")
            complain(use_at[list[i]], "the chunk \"" use "\" holds itself: it is used here while it is being expanded.")
        else if (use in first)
            visit(use)
    }
    mark[name] = "done"
}

function kind(name) {
    if (name ~ /\.c$/)
        return "c"
    if (name ~ /\.asm$/)
        return "asm"
    if (name ~ /\.(h|inc)$/)
        return "header"
    if (name ~ /(^|\/)Makefile$|\.mk$/)
        return "make"
    return "text"
}
'
if ! awk "$check" "$@" >"$work/roots"; then
    cat "$work/roots" >&2
    exit 1
fi

# The tangling. markup reads every chapter once; mnt expands the roots of its stream that it is
# told. A root whose name ends in a star gets line directives, so a second stream has those stars.
"$noweb/markup" -t "$@" >"$work/stream"
awk '
    FNR == NR { if ($1 ~ /^(c|asm|header)$/) star[$2] = 1; next }
    /^@defn / && substr($0, 7) in star { $0 = $0 "*" }
    { print }
' "$work/roots" "$work/stream" >"$work/starred"
sed 's/^[^ ]* //' "$work/roots" | sort >"$work/paths"
sed -n 's,/[^/]*$,,p' "$work/paths" | sort -u >"$work/folders"
roots() { sed -n "s/^$1 \(.*\)/\1$2/p" "$work/roots"; }
make_roots=$(roots make '')
code_roots=$(roots c '' && roots asm '')
other_roots=$(roots text '' && roots header '')
c_stars=$(roots c '*')
asm_stars=$(roots asm '*')
header_stars=$(roots header '*')
# mnt writes into the folder it runs in and keeps its temporary files in TMPDIR.
expand() { # FOLDER STREAM ARGUMENT...: mnt's arguments are options and roots, in order
    (
        cd "$work/$1"
        stream=../$2
        shift 2
        xargs mkdir -p <../folders &&
            TMPDIR=. "$noweb/mnt" "$@" <"$stream"
    ) || fail "noweb could not tangle; generated/ is as it was"
}
# shellcheck disable=SC2086 # no root holds a space
{
    expand clean stream -t8 $make_roots -t $other_roots $code_roots
    expand lined stream -t8 $make_roots -t $other_roots
    expand lined starred -t '-L#line %L "%F"%N' $c_stars '-L%%line %-1L %F%N' $asm_stars
    expand mapped starred -t '-L#line %L "%F"%N' $header_stars
}

# Headers carry no directives; where each of their lines comes from goes into a table. The
# tangler breaks a line that holds nothing but the indentation of a chunk's use: not counted.
# shellcheck disable=SC2016
for header in $(roots header ''); do
    echo "$work/mapped/$header"
done | xargs awk -v staged="$work/mapped/" '
    FNR == 1 { line = 0; indentation = 0 }
    /^#line / { line -= indentation; indentation = 0; at = $2; chapter = substr($3, 2, length($3) - 2); next }
    { print "build/lined/" substr(FILENAME, length(staged) + 1), ++line, chapter ":" at++; indentation = /^ +$/ }
' /dev/null >"$work/headers.map"

# Which of the staged files $1/* differ from what $2/* holds now?
changed() {
    awk -v new="$1/" -v old="$2/" '
        function same(path,   a, b, more) {
            do {
                more = (getline a <(new path)) > 0
                if (((getline b <(old path)) > 0) != more || (more && a "" != b ""))
                    break
            } while (more)
            close(new path)
            close(old path)
            return !more && a "" == b ""
        }
        !same($0)
    ' "$work/paths"
}

# Brings the folder $2 to what the staged folder $1 holds, with no more changes than it takes.
settle() {
    find "$2" -type f ! -path "$2/README.md" | sed "s,^$2/,," | sort | comm -13 "$work/paths" - |
        while read -r path; do
            rm -f "$2/$path"
        done
    find "$2" -mindepth 1 -depth -type d -exec rmdir {} + 2>/dev/null || :
    sed "s,^,$2/," "$work/folders" | xargs mkdir -p
    changed "$1" "$2" | while read -r path; do
        mv -f "$1/$path" "$2/$path"
    done
}

trap '' HUP INT TERM
mkdir -p build/lined
settle "$work/clean" generated
settle "$work/lined" build/lined
cmp -s "$work/headers.map" build/headers.map || mv -f "$work/headers.map" build/headers.map
