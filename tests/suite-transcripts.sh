#!/bin/sh
# Every session that a chapter shows is repeated, in a guest of its own, and compared.
# tests/suite-transcripts.sh [CHAPTER]... replays those only; see tests/transcripts.pl.
# lane: book
set -eu
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- book/*.md
exec perl tests/transcripts.pl "$@"
