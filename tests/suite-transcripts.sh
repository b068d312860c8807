#!/bin/sh
# Every session that a chapter shows is repeated and compared.
# tests/suite-transcripts.sh [CHAPTER]... repeats those only; see the chapter "Sessions that are repeated".
# lane: book
set -eu
cd "$(dirname "$0")/.."
./tangle.sh >&2
flock build/make.lock make -s -f tests/guest/guest.mk guest-programs >/dev/null
exec perl generated/sessions/replay.pl -c "$@"
