#!/bin/sh
# Every shell script, the tangled ones too, passes shellcheck.
# lane: book
set -eu
cd "$(dirname "$0")/.."
{
    ls tangle.sh .ci/run tests/run tests/*.sh tests/pages/*.sh
    find generated/weave generated/build generated/bench generated/trace -name '*.sh' 2>/dev/null || :
} | sort -u | while read -r script; do
    if said=$(shellcheck --shell=sh "$script" 2>&1); then
        echo "ok shellcheck $script"
    else
        echo "not ok shellcheck $script: $(echo "$said" | grep -m 3 -E '^In|SC[0-9]' | tr '\n' '|')"
    fi
done
