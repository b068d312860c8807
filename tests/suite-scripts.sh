#!/bin/sh
# Every shell script, the tangled ones too, passes shellcheck; and the page's script, which many chapters write together,
# declares nothing twice: a second function of a name takes the place of the first without a word.
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
twice=$(grep -ohE '^(async )?(function|class|const|let) [A-Za-z_]+' generated/weave/page.js | sed 's/.* //' | sort | uniq -d | tr '\n' ' ')
if [ -z "$twice" ]; then
    echo "ok the page's script declares nothing twice"
else
    echo "not ok the page's script declares nothing twice: $twice"
fi
