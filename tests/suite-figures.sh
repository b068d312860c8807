#!/bin/sh
# The figures of the state machines show what the tables in the code say: the same arrows.
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d "${TMPDIR:-/tmp}/folio-figures.XXXXXX")
trap 'rm -rf "$work"' EXIT

# table FILE ARRAY PREFIX: the steps in a table of sets, one "From -> To" a line.
table() {
    awk -v array="$2" -v prefix="$3" '
        function word(name) {
            name = substr(name, length(prefix) + 1)
            return substr(name, 1, 1) tolower(substr(name, 2))
        }
        index($0, array "[") && /= \{/ { inside = 1; next }
        inside && /^\};/ { exit }
        inside {
            if (match($0, /\[[A-Z_]+\]/)) from = word(substr($0, RSTART + 1, RLENGTH - 2))
            rest = $0
            while (match(rest, /STATE\([A-Z_]+\)/)) {
                print from " -> " word(substr(rest, RSTART + 6, RLENGTH - 7))
                rest = substr(rest, RSTART + RLENGTH)
            }
        }
    ' "$1" | sort
}

# figure NAME FILE ARRAY PREFIX: the arrows of the figure are the steps of the table.
figure() {
    table "$2" "$3" "$4" >"$work/table"
    sed -n 's/^ *\([A-Z][a-z]* -> [A-Z][a-z]*\).*/\1/p' "diagrams/$1.dot" | sort >"$work/figure"
    if [ -s "$work/table" ] && diff "$work/table" "$work/figure" >"$work/difference"; then
        echo "ok the figure $1 shows the table"
    else
        echo "not ok the figure $1 shows the table: $(grep '^[<>]' "$work/difference" | tr '\n' '|')"
    fi
}

./tangle.sh
figure thread-states generated/kernel/sched/scheduler.c thread_next THREAD_
figure process-states generated/kernel/proc/table.c process_next_states PROCESS_
