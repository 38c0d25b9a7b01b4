#!/bin/bash
# A name over which other files are renamed is there all the time, whatever is
# done with it, and nothing of that is a refusal.
# timeout: 120
# not under: address|thread
. "$(dirname "$0")/../lib.sh"
mount_primofs

"$BUILD/tests/faults/replacing" "$MNT/templates" 6000
[ ! -s "$MNT/errors" ] || fail "there is a refusal"
expect 'seed = 1' cat "$MNT/templates/s"
