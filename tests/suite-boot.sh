#!/bin/sh
# The machine starts: with few and many processors, little memory, a plain processor; it is idle
# when there is nothing to do, and the ways it can end are told apart.
# lane: machine
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d "${TMPDIR:-/tmp}/folio-boot.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' HUP TERM

make -s -f tests/guest/guest.mk guest-programs >"$work/build" 2>&1 || {
    echo "not ok boot: the guest's programs do not compile: $(grep -m 1 error "$work/build")"
    exit 1
}

check() { # NAME STATUS OUTPUT ARGUMENT...: a guest must end so, having printed exactly this
    name=$1 wanted=$2 output=$3
    shift 3
    got=0
    tests/guest.sh "$@" >"$work/out" 2>"$work/errors" || got=$?
    if [ "$got" -ne "$wanted" ]; then
        echo "not ok boot $name: status $got, not $wanted: $(head -n 3 "$work/errors" | tr '\n' '|')"
    elif [ "$(cat "$work/out")" != "$output" ]; then
        echo "not ok boot $name: it printed $(head -n 3 "$work/out" | tr '\n' '|')"
    else
        echo "ok boot $name"
    fi
}

# shellcheck disable=SC2016 # the dollars are for the guest
loop='for i in 1 2 3; do echo $i | cat; done; exit 3'
numbers='1
2
3'
check "a loop of pipelines" 3 "$numbers" "$loop"
check "64 MiB" 3 "$numbers" -m 64M "$loop"
check "6 MiB" 3 "$numbers" -m 6M "$loop"
check "4 MiB are too little" 125 '' -m 4M true
if grep -q '^folio: panic: no memory for ' "$work/errors"; then
    echo "ok boot too little memory is told in one sentence"
else
    echo "not ok boot too little memory is told in one sentence: $(head -n 1 "$work/errors")"
fi
check "2 GiB" 3 "$numbers" -m 2G "$loop"
check "5 GiB, part of it above the hole" 3 "$numbers" -m 5G "$loop"
# Twelve are more than the kernel uses.
for processors in 2 4 8 12; do
    check "$processors processors" 3 "$numbers" -s "$processors" "$loop"
done
FOLIO_QEMU='-smp 6,sockets=2,cores=3'
export FOLIO_QEMU
check "processors whose numbers have gaps" 3 "$numbers" "$loop"
unset FOLIO_QEMU
for CPU in qemu64 qemu64,+rdrand Nehalem max,-xsave,-smep,-smap,-umip; do
    export CPU
    check "processor $CPU" 3 "$numbers" "$loop"
done
unset CPU
check "a hang ends at its limit" 124 '' -t 3 'sleep 100'
check "a spinning guest ends at its limit" 124 '' -t 3 'while :; do :; done'
FOLIO_WORDS=panic
export FOLIO_WORDS
check "a panic" 125 '' true
check "a panic of one processor among four" 125 '' -s 4 true
check "a panic where four processors of twelve sleep" 125 '' -s 12 true
unset FOLIO_WORDS
reports=$(grep -c 'folio: panic' "$work/errors" || :)
if [ "$reports" -eq 1 ]; then
    echo "ok boot a panic is reported once"
else
    echo "not ok boot a panic is reported once: $reports times"
fi
case $(cat "$work/errors") in
*kernel_main*book/*.md:*) echo "ok boot a panic names functions and lines" ;;
*) echo "not ok boot a panic names functions and lines: $(head -n 5 "$work/errors" | tr '\n' '|')" ;;
esac

# 48 MiB of 64 are free at the prompt. The program that asks takes a little itself.
tests/guest.sh -m 64M -a build/tests/machine /host/machine >"$work/machine" 2>"$work/errors" || :
free=$(sed -n 's/^free_kib //p' "$work/machine")
if [ "${free:-0}" -ge $((48 * 1024)) ]; then
    echo "ok boot 48 MiB of 64 are free: $free KiB"
else
    echo "not ok boot 48 MiB of 64 are free: ${free:-none} KiB"
fi

# Without the device that ends QEMU, the machine is turned off as ACPI tells.
mkdir -p "$work/off/etc"
echo true >"$work/off/etc/command"
(cd "$work/off" && find etc | cpio --quiet -o -H newc) | cat build/initrd.cpio - >"$work/off.cpio"
status=0
timeout 20 qemu-system-x86_64 -machine pc -nodefaults -no-reboot -display none -monitor none -cpu max \
    -smp 2 -kernel build/folio.elf -initrd "$work/off.cpio" </dev/null >"$work/out" 2>&1 || status=$?
if [ "$status" -eq 0 ]; then
    echo "ok boot the machine turns itself off"
else
    echo "not ok boot the machine turns itself off: QEMU ended with $status"
fi

# Without a ramdisk, with half of one, and with one that has no /bin/init, it says what is wrong.
panics() { # NAME SENTENCE QEMU'S ARGUMENTS...: a boot must panic with this sentence
    name=$1 sentence=$2
    shift 2
    status=0
    timeout 20 qemu-system-x86_64 -machine pc -nodefaults -no-reboot -display none -monitor none -serial stdio \
        -device isa-debug-exit,iobase=0xf4,iosize=0x04 -kernel build/folio.elf "$@" </dev/null >"$work/out" 2>&1 || status=$?
    if [ "$status" -ne 0 ] && [ "$status" -ne 124 ] && grep -qF "$sentence" "$work/out"; then
        echo "ok boot $name"
    else
        echo "not ok boot $name: status $status: $(tail -n 3 "$work/out" | tr '\n' '|')"
    fi
}
panics "no ramdisk" 'there is no initial ramdisk'
head -c 100000 build/initrd.cpio >"$work/half.cpio"
panics "half a ramdisk" "the initial ramdisk is damaged at byte" -initrd "$work/half.cpio"
cp README.md "$work/text.cpio"
panics "a ramdisk that is none" 'an entry does not begin with 070701' -initrd "$work/text.cpio"
(cd "$work/off" && find etc | cpio --quiet -o -H newc) >"$work/bare.cpio"
panics "a ramdisk without programs" "/bin/init can't be started" -initrd "$work/bare.cpio"
panics "a machine without an interval timer" 'the interval timer does not count' -M pit=off

# The guest's counter is the host's, where the emulator passes it on. What the kernel says of its rate must be right,
# also when the host has so much else to do that a processor of the guest is away most of the time.
rate() { # FILE: boots until the clock is measured, and prints its rate in kHz
    rm -f "$1"
    timeout 30 qemu-system-x86_64 -machine pc -nodefaults -no-reboot -accel tcg -cpu max -display none -monitor none \
        -debugcon "file:$1" -kernel build/folio.elf -initrd build/initrd.cpio </dev/null >/dev/null 2>&1 &
    qemu=$!
    until grep -q 'clock: .*kHz' "$1" 2>/dev/null || ! kill -0 "$qemu" 2>/dev/null; do sleep 0.1; done
    kill "$qemu" 2>/dev/null || :
    wait "$qemu" 2>/dev/null || :
    sed -n 's/.*clock: \([0-9]*\) kHz.*/\1/p' "$1"
}
if [ "$(uname -m)" = x86_64 ] && gcc -O1 -o "$work/counter" tests/counter.c; then
    true_rate=$("$work/counter")
    spinners=
    for _ in 1 2 3 4 5 6 7 8; do
        timeout 60 sh -c 'while :; do :; done' &
        spinners="$spinners $!"
    done
    for boot in 1 2 3 4 5 6; do
        rate "$work/clock.$boot"
    done >"$work/rates"
    # shellcheck disable=SC2086 # a list of words
    kill $spinners
    # shellcheck disable=SC2086
    wait $spinners 2>/dev/null || :
    worst=$(awk -v true="$true_rate" '{ off = ($1 - true) / true * 100; if (off < 0) off = -off; if (off > most) most = off }
        END { printf "%.3f", NR == 6 ? most : 100 }' "$work/rates")
    if awk -v worst="$worst" 'BEGIN { exit worst < 0.3 ? 0 : 1 }'; then
        echo "ok boot the clock is right on a busy host: within $worst %"
    else
        echo "not ok boot the clock is right on a busy host: $true_rate kHz became $(tr '\n' ' ' <"$work/rates")"
    fi
else
    echo "skip boot the clock is right on a busy host: the host has no such counter"
fi

perl tests/boot.pl
