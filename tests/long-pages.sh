#!/bin/sh
# Every page of the site keeps the rules of accessibility, in both themes.
PAGES=all exec sh "$(dirname "$0")/suite-pages.sh"
