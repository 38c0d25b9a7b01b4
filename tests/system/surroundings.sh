#!/bin/bash
# Tests pass whatever the user who runs them has set: another language, a umask
# that keeps files to oneself, a place for temporary files with a blank in its
# name, variables that change what shells and tools do.
# timeout: 300
. "$(dirname "$0")/../lib.sh"

mkdir "$SCRATCH/a place"
for test in system/mounting files/template-files trainer/predict; do
    step "$test"
    (
        umask 077
        export TMPDIR="$SCRATCH/a place" LANG=ru_RU.UTF-8 LANGUAGE=ru:en \
            CDPATH=/:/tmp POSIXLY_CORRECT=1 LC_MESSAGES=ru_RU.UTF-8
        "$ROOT/tests/$test.sh" >"$SCRATCH/said" 2>&1
    ) || fail "$test: $(tail -n 8 "$SCRATCH/said")"
done
expect '' ls "$SCRATCH/a place"
