#!/bin/sh
# Runs a command in Folio, headless, and exits with its status.
#
#   tests/guest.sh [-s SMP] [-m MEM] [-t SECONDS] [-a FILE]... 'CMD'
#
# CMD goes to the guest's shell as it is. Each FILE appears as /host/NAME. The guest's own output
# goes to standard output and nothing else does.
# Environment: ACCEL and CPU as QEMU knows them, FOLIO_WORDS for the kernel's command line,
# FOLIO_QEMU for further options of QEMU, FOLIO_DEBUG for a kernel that was built with DEBUG=,
# FOLIO_INITRD for another ramdisk.
# Exit status: CMD's; 124 if the guest ran past the limit (60 s); 125 on a kernel panic, whose text
# goes to standard error; 2 with a sentence for a mistake in the call.
set -eu

usage() {
    echo "tests/guest.sh: $*" >&2
    echo "usage: tests/guest.sh [-s SMP] [-m MEM] [-t SECONDS] [-a FILE]... 'CMD'" >&2
    exit 2
}

number() { # WHAT VALUE: the value must be a number above zero
    case $2 in
    *[!0-9]* | '' | 0*) usage "$1 is a whole number above zero, not \"$2\"" ;;
    esac
}

smp=1 memory=256M limit=60 words=quiet
work=$(mktemp -d "${TMPDIR:-/tmp}/folio-guest.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' HUP TERM
mkdir -p "$work/root/host" "$work/root/etc"

while getopts s:m:t:a: option; do
    case $option in
    s) number "the number of processors (-s)" "$OPTARG" && smp=$OPTARG ;;
    m) number "the size of the memory (-m)" "${OPTARG%[KMG]}" && memory=$OPTARG ;;
    t) number "the limit in seconds (-t)" "$OPTARG" && limit=$OPTARG ;;
    a)
        if [ ! -f "$OPTARG" ] || [ ! -r "$OPTARG" ]; then
            usage "there is no readable file \"$OPTARG\""
        fi
        name=$(basename "$OPTARG")
        [ ! -e "$work/root/host/$name" ] || usage "two files are called \"$name\""
        cp "$OPTARG" "$work/root/host/$name"
        ;;
    *) usage "an option is wrong" ;;
    esac
done
shift $((OPTIND - 1))
[ $# -eq 1 ] || usage "one command is needed, and $# were given; quote it as one word"

folio=$(dirname "$0")/..
kernel=$folio/build${FOLIO_DEBUG:+/debug-$FOLIO_DEBUG}/folio.elf
initrd=${FOLIO_INITRD:-$folio/build/initrd.cpio}
for file in "$kernel" "$initrd"; do
    [ -f "$file" ] || usage "$file is missing; 'make image${FOLIO_DEBUG:+ DEBUG=$FOLIO_DEBUG}' builds it"
done
for tool in qemu-system-x86_64 cpio timeout; do
    command -v $tool >/dev/null || usage "the program $tool is missing; 'make deps-run' installs it"
done

# The command and the files are a second archive behind the first, which doesn't tell the time or the
# disk on which it was made: a run that is recorded shall be repeatable.
printf '%s\n' "$1" >"$work/root/etc/command"
find "$work/root" -exec touch -h -d @0 {} +
(cd "$work/root" && find etc host -mindepth 1 -print0 | LC_ALL=C sort -z |
    cpio --quiet -0 -o -H newc --reproducible -R +0:+0 >"$work/host.cpio")
cat "$initrd" "$work/host.cpio" >"$work/initrd.cpio"

processor=max
[ "${ACCEL:-tcg}" != kvm ] || processor=host
status=0
# shellcheck disable=SC2086 # FOLIO_QEMU is a list of words
timeout --foreground -k 5 "$limit" qemu-system-x86_64 -machine pc -nodefaults -no-reboot \
    -accel "${ACCEL:-tcg}" -cpu "${CPU:-$processor}" -smp "$smp" -m "$memory" \
    -display none -monitor none -serial stdio -debugcon "file:$work/debug" \
    -device isa-debug-exit,iobase=0xf4,iosize=0x04 \
    -kernel "$kernel" -initrd "$work/initrd.cpio" -append "$words ${FOLIO_WORDS:-}" \
    ${FOLIO_QEMU:-} </dev/null 2>"$work/errors" || status=$?

# What the kernel said on the debug port decides: QEMU's own status has too few values.
[ -f "$work/debug" ] || : >"$work/debug"
if grep -q '^folio: panic' "$work/debug"; then
    sed -n '/^folio: panic/,$p' "$work/debug" >&2
    exit 125
fi
guest=$(sed -n 's/^folio: exit status \([0-9][0-9]*\).*/\1/p' "$work/debug" | tail -n 1)
[ -z "$guest" ] || exit "$guest"
case $status in
124 | 137)
    echo "tests/guest.sh: the guest ran past its limit of $limit s" >&2
    exit 124
    ;;
esac
cat "$work/errors" >&2
echo "tests/guest.sh: the guest ended without a word (QEMU's status: $status); the kernel's last lines:" >&2
tail -n 20 "$work/debug" >&2
exit 125
