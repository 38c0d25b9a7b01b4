#!/bin/bash
# timeout: 300
# not under: thread
# The parsers of what others give us get through the corpus of make fuzz, and
# through some mutations of it, the same ones at each run.
. "$(dirname "$0")/../lib.sh"
cd "$SCRATCH"

runs=${RUNS:-3000}
[ -z "${SANITIZE:-}" ] || runs=500
for corpus in "$ROOT"/tests/fuzz/corpus/*; do
    target=$(basename "$corpus")
    few=$runs
    case $target in
        database) few=$((runs / 20)) ;;  # it writes whole files
        documents) few=$((runs / 20)) ;; # a process draws each
    esac
    step "$target"
    "$BUILD/tests/fuzz/$target" -n $few "$corpus" ||
        fail "an input ends $target: $(base64 -w 0 crash-*)"
done
