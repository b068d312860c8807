#!/bin/sh
# SYSTEM at work: its servers start, are started again, and are given up; and a shell that starts
# everything by spawn says the same as one that forks, in each case of tests/shell-cases.txt.
# lane: machine
# shellcheck disable=SC2016 # the dollars are for the guest
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d "${TMPDIR:-/tmp}/folio-system.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' HUP TERM

check() { # NAME TEXT PATTERN: the text must have a line that matches
    if printf '%s\n' "$2" | grep -Eqx -e "$3"; then
        echo "ok system $1"
    else
        echo "not ok system $1: no line is \"$3\" in: $(printf '%s' "$2" | tr '\n' '|' | cut -c1-400)"
    fi
}

cat >"$work/servers" <<'END'
# a comment, and a line that says nothing

short
dying boot - /bin/false
steady boot files,memory /bin/sleep 1000
lazy asked - /bin/false
missing boot - /bin/no-such-server
wrong boot colours /bin/true
relative boot - bin/true words that are left over
steady boot - /bin/true
long boot - /bin/true 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15
lean boot - /bin/echo lean
END
cat >"$work/client" <<'END'
sleep 0.3
pid() { spawn -l | grep "runs $1" | cut -d ' ' -f 1; }
first=$(pid sleep)
echo "steady runs: ${first:+yes}"
kill -9 $first
sleep 0.1
second=$(pid sleep)
[ "$first" != "$second" ] && echo "steady runs again: ${second:+yes}"
spawn -n
clock
kill $(pid clockd)
clock
echo "clock: $?"
kill -9 2
echo "kill: $?"
END
out=$(tests/guest.sh -t 30 -a "$work/servers" -a "$work/client" 'sh /host/client' 2>&1) || :
check "a server is there from the start" "$out" 'steady runs: yes'
check "a server that died is started again" "$out" 'steady runs again: yes'
check "a server that dies all the time is given up, with a message" "$out" \
    'system: dying: /bin/false has ended 6 times, the last time with status 100; I give up'
check "a server without a program is given up, with the reason" "$out" \
    'system: missing: /bin/no-such-server: No such file or directory'
check "a line that says too little is told" "$out" "system: /host/servers:3: this server can't be"
check "a line with a wrong group is told" "$out" "system: /host/servers:8: this server can't be"
check "a line with a relative path is told" "$out" "system: /host/servers:9: this server can't be"
check "a line with a name that is taken is told" "$out" "system: /host/servers:10: this server can't be"
check "a line with too many words is told" "$out" "system: /host/servers:11: this server can't be"
check "a line has no words of one that was refused" "$out" 'lean'
check "a server's name is there before it runs" "$out" 'lazy 2'
check "a server that was given up has no name" "$(printf '%s' "$out" | grep -Ec '^(dying|missing) 2')" 0
check "a server is started by the first question" "$out" 'second [0-9]+'
check "a server that was killed answers the next question" "$out" 'clock: 0'
check "SYSTEM can't be killed" "$out" 'kill: 1'

# The cases of the shell, once by fork and once by spawn.
awk '
    BEGIN { print "failed=0" }
    /^### / { n++; name = substr($0, 5); part = 1
        if (n > 1) finish()
        gsub(/\047/, "", name); title = name; printf "cat >/tmp/case <<\047END-OF-CASE\047\n"; next }
    /^=> / { if (part) { part = 0; print "END-OF-CASE" } next }
    part { print }
    function finish() {
        printf "rm -rf /tmp/w; mkdir /tmp/w; cd /tmp/w\n"
        printf "sh /tmp/case </dev/null >/tmp/a 2>/tmp/c; echo $? >>/tmp/a\n"
        printf "rm -rf /tmp/w; mkdir /tmp/w; cd /tmp/w\n"
        printf "sh -o spawn /tmp/case </dev/null >/tmp/b 2>/tmp/d; echo $? >>/tmp/b\n"
        printf "if [ \"$(cat /tmp/a)\" = \"$(cat /tmp/b)\" ]; then :; else failed=$((failed + 1)); echo \047differs: %s\047; cat /tmp/a; echo ---; cat /tmp/b /tmp/d; fi\n", title
    }
    END { finish(); print "echo \"cases: " n " failed: $failed\"" }
' tests/shell-cases.txt >"$work/cases"
count=$(grep -c '^### ' tests/shell-cases.txt)
out=$(cd "$work" && "$OLDPWD/tests/guest.sh" -t 200 -a "$work/cases" 'sh /host/cases' 2>&1) || :
check "the shell does the same by spawn in $count cases" "$out" "cases: $count failed: 0"
