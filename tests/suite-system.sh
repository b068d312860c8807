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
meek boot files /bin/caps
END
# The guest's scripts wait for what must come, and not for a time in which it may.
cat >"$work/await" <<'END'
await() { tries=0; until eval "$1" || [ $tries -ge 200 ]; do tries=$((tries + 1)); sleep 0.05; done; }
END
cat "$work/await" - >"$work/client" <<'END'
pid() { spawn -l | grep "runs $1" | cut -d ' ' -f 1; }
await 'first=$(pid sleep); [ "$first" ]'
echo "steady runs: ${first:+yes}"
kill -9 $first
await 'second=$(pid sleep); [ "$second" ] && [ "$first" != "$second" ]'
[ "$first" != "$second" ] && echo "steady runs again: ${second:+yes}"
await '[ -z "$(spawn -n | grep -e "^dying " -e "^missing " -e "^lean " -e "^meek ")" ]'
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
    'system: dying: /bin/false has ended 6 times, the last time with status 1; I give up'
check "a server without a program is given up, with the reason" "$out" \
    'system: missing: /bin/no-such-server: No such file or directory'
check "a line that says too little is told" "$out" "system: /host/servers:3: this server can't be"
check "a line with a wrong group is told" "$out" "system: /host/servers:8: this server can't be"
check "a line with a relative path is told" "$out" "system: /host/servers:9: this server can't be"
check "a line with a name that is taken is told" "$out" "system: /host/servers:10: this server can't be"
check "a line with too many words is told" "$out" "system: /host/servers:11: this server can't be"
check "a line has no words of one that was refused" "$out" 'lean'
check "a server may do what its line says, and no more" "$out" 'calls +calls +0 -- +files'
check "a server may receive its clients' calls, and no more" "$out" 'serve +channel +0 -- +receive'
check "a server's name is there before it runs" "$out" 'lazy 2'
check "a server that was given up has no name" "$(printf '%s' "$out" | grep -Ec '^(dying|missing) 2')" 0
check "a server is started by the first question" "$out" 'second [0-9]+'
check "a server that was killed answers the next question" "$out" 'clock: 0'
check "SYSTEM can't be killed" "$out" 'kill: 1'

# The tool: what stays with SYSTEM is waited for, shown by its number, and ended by kill.
cat >"$work/tool" <<'END'
spawn -w sh -c 'exit 3'
echo "waited for: $?"
spawn -w sh -c 'kill -9 $$'
echo "waited for: $?"
spawn -k sleep 1000 >/tmp/a
spawn -k sleep 1001 >/tmp/b
a=$(cat /tmp/a) b=$(cat /tmp/b)
ps | grep "^ *$a "
echo "one: $(spawn -l $a | grep -c sleep)"
echo "two: $(spawn -l $a $b | grep -c sleep)"
kill $a
sleep 0.1
spawn -l $b $a 2>&1 | grep -v PID
spawn -l $a >/dev/null 2>&1
echo "listed: $?"
echo "ended: $(spawn -l | grep -c "^$a ")"
kill $b
spawn -l 1x 2>&1 | grep -v PID
spawn -l 2 >/dev/null 2>&1 || echo "SYSTEM is not its own"
caps -o files spawn true
spawn
END
out=$(tests/guest.sh -t 30 -a "$work/tool" 'sh /host/tool' 2>&1) || :
check "the tool waits for what stays with SYSTEM" "$out" 'waited for: 3'
check "and ends as it was ended" "$out" 'waited for: 137'
check "what stays is SYSTEM's child" "$out" ' +[0-9]+ +2 .* sleep'
check "one is listed by its number" "$out" 'one: 1'
check "two are listed by their numbers" "$out" 'two: 2'
check "the list fails for a number that isn't there" "$out" 'listed: 1'
check "and tells which" "$out" 'spawn: [0-9]+: no such process has stayed with SYSTEM'
check "and shows the others" "$out" '[0-9]+ [0-9]+ runs sleep'
check "what has ended and nobody asks for isn't listed" "$out" 'ended: 0'
check "a number must be one" "$out" 'spawn: 1x: no such process has stayed with SYSTEM'
check "SYSTEM hasn't stayed with itself" "$out" 'SYSTEM is not its own'
check "who may make no objects is told so" "$out" 'spawn: true: Operation not permitted .when it was asked.'
check "the tool tells its usage" "$out" 'usage: spawn .*-w.*'

# SYSTEM dies: of a request, or of its start, or it isn't there. The machine goes on without it.
ramdisk() { # FILE: a ramdisk whose /bin/system is this one
    mkdir -p "$work/root/bin"
    install -m 755 "$1" "$work/root/bin/system"
    (cd "$work/root" && find bin -mindepth 1 | cpio --quiet -o -H newc) | cat build/initrd.cpio - >"$work/initrd.cpio"
}
mkdir "$work/late"
echo 'late boot files,memory /bin//sleep 1001' >"$work/late/servers"
cat "$work/await" - >"$work/after" <<'END'
clock
await '[ "$(spawn -l | grep -c " 2 runs sleep")" = 1 ]'
echo "late: $(spawn -l | grep -c ' 2 runs sleep')"
spawn -k sleep 1000 >/tmp/pid
/host/usertests :outlives
echo "die: $?"
await '[ "$(ps | grep -c clockd)" = 0 ]'
echo "clockd: $(ps | grep -c clockd)"
spawn true
echo "spawn: $?"
clock
echo "names: $?"
spawn -l
echo "list: $?"
echo forked | tr a-z A-Z
ps | grep sleep
kill $(cat /tmp/pid)
await '[ "$(ps | grep -c sleep)" = 1 ]'
echo "sleep: $(ps | grep -c sleep)"
set -o spawn
/bin/true
set +o spawn
dmesg | grep SYSTEM
END
if make -s -f tests/guest/guest.mk guest-programs >"$work/build" 2>&1; then
    ramdisk build/tests/mortal
    out=$(FOLIO_INITRD=$work/initrd.cpio tests/guest.sh -t 30 -a "$work/after" -a "$work/late/servers" -a build/tests/usertests 'sh /host/after' 2>&1) || :
    check "SYSTEM serves until it dies" "$out" 'second [0-9]+'
    check "a server for which there is no memory is tried again" "$out" 'system: clock: /bin/clockd: Cannot allocate memory; I try again'
    check "whether it was asked or not" "$out" 'late: 1'
    check "who asks is told when SYSTEM dies" "$out" 'die: 0'
    check "who asks later is told" "$out" 'spawn: true: Broken pipe .when it was asked.'
    check "names lead nowhere without SYSTEM" "$out" 'clock: clock: Broken pipe'
    check "nothing is listed without SYSTEM" "$out" 'spawn: SYSTEM: Broken pipe'
    check "fork and exec go on without SYSTEM" "$out" 'FORKED'
    check "a server lives on without SYSTEM for those who have found it" "$out" 'still second [0-9a-f]+'
    check "and ends when the last of them has gone" "$out" 'clockd: 0'
    check "what stayed with SYSTEM stays with init" "$out" ' +[0-9]+ +1 +.* sleep'
    check "and is collected there" "$out" 'sleep: 1'
    check "a shell that spawns tells why it can't" "$out" '.*/bin/true: Broken pipe'
    check "the log tells how SYSTEM has ended" "$out" '.*SYSTEM has ended with status 4: nothing can be spawned'
    (cd "$work" && cpio --quiet -i --to-stdout bin/false <"$OLDPWD/build/initrd.cpio" >false)
    ramdisk "$work/false"
    out=$(FOLIO_INITRD=$work/initrd.cpio tests/guest.sh -t 30 'dmesg | grep SYSTEM; spawn true; echo on | cat' 2>&1) || :
    check "a SYSTEM that ends at once is told" "$out" '.*SYSTEM has ended with status 100: nothing can be spawned'
    check "the machine starts without it" "$out" 'on'
    : >"$work/empty"
    ramdisk "$work/empty"
    out=$(FOLIO_INITRD=$work/initrd.cpio tests/guest.sh -t 30 'dmesg | grep -e system -e SYSTEM; spawn true; echo on | cat' 2>&1) || :
    check "a SYSTEM that can't be started is told" "$out" ".*/bin/system can't be started: error 8"
    check "the machine starts with none" "$out" 'on'
else
    echo "not ok system compile: $(grep -m 1 -E 'error|Error' "$work/build")"
fi

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
