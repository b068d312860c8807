#!/bin/sh
# The programs that use the whole screen, on a terminal that holds what a person would see.
# lane: machine
set -eu
cd "$(dirname "$0")/.."
exec perl tests/screen.pl
