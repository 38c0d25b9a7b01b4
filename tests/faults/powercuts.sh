#!/bin/bash
# timeout: 300
# not under: address|thread
# The power fails: whatever a disk may have then, it is mounted, all is in order,
# and every change is there that was acknowledged. CUTS says how often it fails;
# where it is set, a base model is uploaded, too, which takes longer.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../powercuts.sh"

cuts=${CUTS:-30} changes=150

step "a client changes files, and all that reaches the disk is noted"
recorded_mount
for machine in m0 m1 m2; do
    put "$MNT/machines/$machine" ''
done
[ -z "${CUTS:-}" ] || cp "$MNT/bases/base" "$MNT/bases/mine"
RECORD=$record "$BUILD/tests/faults/ledger" work "$MNT" "$SCRATCH/book" 1 \
    $changes
umount_primofs

holds()
{
    "$BUILD/tests/faults/ledger" check "$MNT" "$SCRATCH/book" "$1" \
        >"$SCRATCH/said" || fail "$2: $(cat "$SCRATCH/said")"
    [ -z "${CUTS:-}" ] || [ "$1" -eq 0 ] ||
        cmp "$MNT/bases/base" "$MNT/bases/mine" ||
        fail "$2: the base model is not whole"
}
powercuts "$cuts" 'acknowledged changes'
