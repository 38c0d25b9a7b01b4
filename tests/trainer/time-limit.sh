#!/bin/bash
# time_limit fits the schedule to the time: a training of far too many epochs
# ends by itself, complete, which is to say with a learning rate that has fallen
# to nearly nothing; and a number of epochs that was set is still the most.
# timeout: 300
# not under: thread
. "$(dirname "$0")/../lib.sh"

cd "$SCRATCH"
pictures data 12 4
printf 'dataset = %s\nimage_size = 32\nbase = scratch\n' "$PWD/data" >template

# trained OUT [key=value…]
trained()
{
    "$BUILD/primo-train" template "$@" threads=1 >"$1.said" 2>&1 ||
        { tail -n 5 "$1.said"; fail "$* failed"; }
}
# cells OUT N: the Nth cell of each row of its metrics
cells() { tail -n +2 "$1/metrics.csv" | cut -d, -f"$2"; }

step "a training of too many epochs is over, and complete, in its time"
trained short time_limit=10s epochs=10000
last=$(cells short 4 | tail -n 1) peak=$(cells short 4 | sort -g | tail -n 1)
awk -v last="$last" -v peak="$peak" 'BEGIN { exit !(last < peak / 4) }' ||
    fail "it ended at a rate of $last, of $peak at most"
[ "$(cells short 3 | tail -n 1)" -lt 80000 ] || fail "it was not cut short"
grep -q '^model of epoch' short.said

step "epochs that were set are the most"
trained long time_limit=1h epochs=2
expect 2 tail -n 1 <(cells long 2)

step "a limit that is too short is refused with the least one"
! "$BUILD/primo-train" template none time_limit=1s 2>said || fail "it was taken"
grep -q "at least 10s, got .1s" said
