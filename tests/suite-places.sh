#!/bin/sh
# Where the kernel's parts lie: another place at each start, and reports that don't mind.
# lane: machine
set -eu
cd "$(dirname "$0")/.."
exec perl tests/places.pl
