#!/bin/sh
# A session typed at the console of a running Folio: prompt, line editing, history, signals, jobs.
# lane: machine
# shellcheck disable=SC2016,SC2088 # the dollars are for the guest, and ~ is a newline
set -eu
LC_ALL=C
export LC_ALL
cd "$(dirname "$0")/.."
work=$(mktemp -d "${TMPDIR:-/tmp}/folio-console.XXXXXX")
guest=
leave() {
    [ -z "$guest" ] || kill "$guest" 2>/dev/null || :
    rm -rf "$work"
}
trap leave EXIT
trap 'exit 130' INT
trap 'exit 143' HUP TERM

# The guest's serial line: what is written to descriptor 3 is typed, what it prints is in a file.
mkfifo "$work/keys"
: >"$work/screen"
timeout -k 5 200 qemu-system-x86_64 -machine pc -nodefaults -no-reboot \
    -accel tcg -cpu "${CPU:-max}" -m 256M -display none -monitor none -serial stdio \
    -debugcon "file:$work/debug" -device isa-debug-exit,iobase=0xf4,iosize=0x04 \
    -kernel build/folio.elf -initrd build/initrd.cpio -append quiet \
    <"$work/keys" >"$work/screen" 2>"$work/errors" &
guest=$!
exec 3>"$work/keys"

# What was printed, on one line: newlines become ~, carriage returns go.
printed() { tr -d '\r' <"$work/screen" | tr '\n' '~' | tail -c "+$((seen + 1))"; }
seen=0

keys() { # TEXT: types it; the escapes are those of printf %b
    printf '%b' "$1" >&3
}

# see TEXT: waits until the text is printed behind what was seen before; then that is seen, too.
see() {
    tries=0
    while ! printed | grep -obaF -e "$1" >"$work/found"; do
        tries=$((tries + 1))
        [ "$tries" -lt 150 ] || return 1
        sleep 0.1
    done
    at=$(head -n 1 "$work/found")
    seen=$((seen + ${at%%:*} + ${#1}))
}

failures=0
# typed NAME KEYS TEXT...: types the keys; then the texts must be printed, one after the other. After a
# failure Ctrl-C clears the way for the next.
typed() {
    name=$1
    [ "$failures" -lt 5 ] || { echo "not ok $name: the session has gone astray"; return 0; }
    keys "$2"
    shift 2
    for text in "$@"; do
        see "$text" && continue
        echo "not ok $name: waited for \"$text\", and saw: $(printed | tail -c 300 | od -An -c | tr -s ' \n' '  ')"
        failures=$((failures + 1))
        keys '\003\003echo again\r'
        see '~again~$ ' || failures=9
        return 0
    done
    echo "ok $name"
}

# Each line ends with the prompt, so that what the next one types is read by the shell.
typed "a prompt appears" '' '$ '
typed "a line runs" 'echo hi | cat\r' 'echo hi | cat~hi~$ '
typed "quoting" 'echo "a  b" '"'c  d'"' e\\ \\ f\r' '~a  b c  d e  f~$ '
typed "backspace" 'echp\177o ba\bab\r' '~bab~$ '
typed "left arrow" 'eho\033[D\033[Dc\r' '~~$ '
typed "home, end, delete" 'cho two\033[HX\b\033[1~e\033[F three\033[4~\033[1;5DX\033[D\033[3~\r' '~two three~$ '
typed "^A ^E ^B ^F" 'cho 2\001e\00053\002\002 \006\006\r' '~23~$ '
typed "^U and ^W" 'nonsense\025echo one two\027three\r' '~one three~$ '
typed "^K and ^Y" 'echo cut\002\002\002\013\001\031 \033[Decho \005\r' '$ '
typed "history" '\033[A\033[A\r' '~one three~$ '
typed "history, back and forth" 'echo new\033[A\033[A\033[B\033[B er\r' '~new er~$ '
typed "search" '\022one t\r' '~one three~$ '
typed "a search goes on" '\022echo\022\022\033[F !\r' '!~$ '
typed "a letter of two bytes" 'echo \303\244x\033[D\177\303\266\r' "$(printf '~\303\266x')~$ "
typed "completion of a program" 'poweo\177r\t\025' 'poweroff ' '$ '
typed "completion of a file" 'mkdir /tmp/some-directory\r' '~$ '
typed "and with the name" 'echo /tmp/some-d\t\r' '~/tmp/some-directory/~$ '
typed "a long line" 'echo 1234567890 1234567890 1234567890 1234567890 1234567890 1234567890 1234567890 1234567890 end\r' '7890 end~$ '
typed "^C at the prompt" 'echo nothing\003' '^C~$ '
typed "^C at the second prompt" 'if true\r' '> '
typed "^C there gives up the command" '\003' '^C~$ '
typed "a command of several lines" 'for i in 1 2\rdo echo "<$i>"\rdone\r' '<1>~<2>~$ '
typed "an open quote" 'echo "a\rb"\r' '> ' '~a~b~$ '
typed "^C ends a program" 'sleep 100\r' 'sleep 100~'
sleep 1
typed "at once" '\003' '^C~$ '
typed "its status" 'echo $?\r' '~130~$ '
typed "^C ends a spinner" 'sh -c "while true; do true; done"\r' 'done"~'
sleep 1
typed "and so it does" '\003' '^C' '$ '
typed "^C ends a loop of the shell's own" 'while true; do :; done\r' 'done~'
sleep 1
typed "and that too" '\003' '~$ '
typed "^C ends a loop of programs" 'while true; do sleep 1; done\r' 'done~'
typed "and all of it" '\003' '^C' '$ '
typed "^C ends a pipeline" 'sleep 100 | cat\r' 'cat~'
sleep 1
typed "both of it" '\003' '^C' '$ '
typed "a program reads lines" 'cat\rone\rtw\177wo\r\004' '~one~' '~two~$ '
typed "^D ends a program's input" 'cat | wc -l\ra\r\004' '1~$ '
typed "read" 'read x y\rfirst second third\recho "<$x><$y>"\r' '<first><second third>~$ '
typed "the background" 'sleep 100 &\r' '~[1] ' '~$ '
typed "kill and wait" 'kill $!; wait $!; echo $?\r' '143~[1] + Terminated sleep 100~$ '
typed "the background goes on" 'sleep 1 & echo waits; wait; echo over\r' 'waits~over~[1] + done       sleep 1~$ '
typed "kill by the number of a job" 'sleep 100 &\rkill %1; wait %1; echo $?\r' '~[1] ' '143~[1] + Terminated sleep 100~$ '
typed "kill of all of a job" 'sleep 100 | cat &\rkill %?cat\rwait\r' '[1] + Terminated sleep 100 | cat~$ '
typed "and the name is free" 'kill %1 || echo $?\r' '~sh: kill: %1: there is no such job~1~$ '
typed "no program knows jobs" '/bin/kill %1\r' '~kill: %1: only a shell knows its jobs~$ '
typed "^C ends wait" 'sleep 100 &\rwait\r' 'wait~'
sleep 1
typed "wait gives up" '\003' '~$ '
typed "an end is reported" 'kill $!; sleep 1\r\r' '[1] + Terminated sleep 100~$ '
typed "^Z stops, bg and fg go on" 'sleep 3\r' 'sleep 3~'
sleep 1
typed "a job is stopped" '\032' '^Z~[1] + stopped    sleep 3~$ '
typed "and listed" 'jobs | cat\r' '~[1] + stopped    sleep 3~$ '
typed "and continued" 'fg\recho status $?\r' '~sleep 3~' 'status 0~$ '
typed "two jobs" 'sleep 50 &\rsleep 60 | cat &\rjobs\r' 'jobs~[1] - running    sleep 50~[2] + running    sleep 60 | cat~$ '
typed "a job goes into the foreground" 'fg %-\r' '~sleep 50~'
sleep 1
typed "is stopped" '\032' '^Z~[1] + stopped    sleep 50~$ '
typed "goes on in the background" 'bg\rjobs %1\r' '~[1] sleep 50~' '~[1] + running    sleep 50~$ '
typed "is stopped and continued from outside" 'kill -STOP %1\rjobs\rkill -CONT %1\rjobs\r' '[1] + stopped    sleep 50~$ ' 'jobs~[1] + running    sleep 50~[2] - running '
typed "an unknown job" 'fg %3; wait %3; echo $?\r' '~sh: fg: %3: there is no such job~sh: wait: %3: there is no such job~127~$ '
typed "a job could be several" 'kill -9 %sleep\r' '~sh: kill: %sleep: could be several jobs~$ '
typed "several jobs at once" 'kill -9 %2 %1; wait\r' '[1] + Killed     sleep 50~[2] + Killed     sleep 60 | cat~$ '
typed "a reader in the background fails" 'cat &\rsleep 1\r' '[1] + failed (1) cat~$ '
typed "jobs without fork" 'set -o spawn; sleep 50 &\rsleep 60 | cat\r' '60 | cat~'
sleep 1
typed "stop" '\032' '^Z~[2] + stopped    sleep 60 | cat~$ '
typed "and end" 'kill %1 %2; sleep 1\r' '[1] - Terminated sleep 50~[2] + Terminated sleep 60 | cat~$ '
typed "what could not be started is no process" 'nosuch &\r' '&~sh: nosuch: not found~[1] + failed (127) nosuch~$ '
typed "with fork again" 'set +o spawn\r' '~$ '
typed "a fault is named" 'crash null\r' 'Segmentation fault~$ '
typed "not found" 'nosuchcommand\r' 'sh: nosuchcommand: not found~$ '
typed "a mistake" 'echo (\r' 'syntax error: unexpected "newline"~$ '
typed "typed ahead" 'sleep 1\recho ahead\r' '~ahead~$ '
typed "^L" 'echo x\014\r' 'x~$ '
typed "^D at the prompt starts a new shell" 'x=old\r\004' '$ ' '$ '
typed "which knows nothing of the old" 'echo "<$x>"\r' '~<>~$ '
typed "exit does so too" 'exit 3\r' '$ '
typed "a job is stopped before exit" 'sleep 77\r' '77~'
sleep 1
typed "and on the list" '\032' '[1] + stopped    sleep 77~$ '
typed "exit reminds of it" 'exit\r' '~sh: there are stopped jobs~$ '
typed "and so it does later" 'jobs\rexit\r' '~[1] + stopped    sleep 77~$ ' '~sh: there are stopped jobs~$ '
typed "then ^D leaves" '\004' '$ '
typed "no sleeper is left over" 'ps | grep -c sleep\r' '~0~$ '
typed "poweroff" 'poweroff\r' 'poweroff~'
if [ "$failures" -eq 0 ]; then
    tries=0
    while kill -0 "$guest" 2>/dev/null && [ "$tries" -lt 100 ]; do
        tries=$((tries + 1))
        sleep 0.1
    done
    if kill -0 "$guest" 2>/dev/null; then
        echo "not ok poweroff ends QEMU"
    else
        guest=
        echo "ok poweroff ends QEMU"
    fi
fi
perl tests/paste.pl
