#!/bin/sh
# What the checker of HTML says of these pages, a sentence a line: tests/pages/valid.sh MODULES PAGE...
set -eu
modules=$1
shift
# The slash of <br /> is for readers of XML, and harms nobody. The section of footnotes is named by its role.
java -Xss8m -jar "$modules/node_modules/vnu-jar/build/dist/vnu.jar" --exit-zero-always --format gnu \
    --filterpattern '(Trailing slash on void elements|Section lacks heading).*' "$@" 2>&1 |
    sed -E -e 's,^"file:([^"]*)":([0-9]+)[^:]*: ,\1:\2: ,' -e "s,^$PWD/,," |
    node tests/pages/origin.mjs
