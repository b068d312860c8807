#!/bin/sh
# The image of make iso on both firmwares, the screen and the keyboard.
# lane: machine
set -eu
cd "$(dirname "$0")/.."
for need in grub-mkrescue xorriso mformat /usr/lib/grub/i386-pc /usr/lib/grub/x86_64-efi /usr/share/ovmf/OVMF.fd; do
    command -v "$need" >/dev/null || [ -e "$need" ] || {
        echo "skip iso: $need is missing; 'make deps-test' installs it"
        exit 0
    }
done
make -s iso >/dev/null
exec perl tests/iso.pl
