#!/bin/bash
# timeout: 300
# not under: address|thread
# The power fails: whatever a disk may have then, it is mounted, all is in order,
# and every change is there that was acknowledged. CUTS says how often it fails;
# where it is set, a base model is uploaded, too, which takes longer.
. "$(dirname "$0")/../lib.sh"

cuts=${CUTS:-30} changes=150
record=$SCRATCH/record
mkdir -m 700 "$STATE"

step "a client changes files, and all that reaches the disk is noted"
RECORD=$record RECORD_BELOW=$STATE \
    LD_PRELOAD=$BUILD/tests/faults/preload/record.so mount_primofs
for machine in m0 m1 m2; do
    put "$MNT/machines/$machine" ''
done
[ -z "${CUTS:-}" ] || cp "$MNT/bases/base" "$MNT/bases/mine"
RECORD=$record "$BUILD/tests/faults/ledger" work "$MNT" "$SCRATCH/book" 1 \
    $changes
umount_primofs

# cut SEED KIND: mounts what a disk may have, and looks.
cut()
{
    local state=$SCRATCH/cut done
    rm -rf "$state"
    done=$("$PYTHON" "$ROOT/tests/faults/powercut.py" "$record" "$STATE" \
        "$state" "$1" "$2")
    mount_primofs "$state" "$MNT" || fail "seed $1, $2: it does not mount"
    "$BUILD/tests/faults/ledger" check "$MNT" "$SCRATCH/book" "$done" \
        >"$SCRATCH/said" ||
        fail "seed $1, $2, $done done: $(cat "$SCRATCH/said")"
    [ -z "${CUTS:-}" ] || [ "$done" -eq 0 ] ||
        cmp "$MNT/bases/base" "$MNT/bases/mine" ||
        fail "seed $1, $2: the base model is not whole"
    umount_primofs
    "$BUILD/primofs" --check "$state" >/dev/null ||
        fail "seed $1, $2: it is not in order"
    kept=$((kept + done))
}

for kind in ext4 posix; do
    step "$cuts power cuts, as $kind leaves the disk"
    kept=0
    for ((seed = 1; seed <= cuts; seed++)); do
        cut $seed $kind
    done
    echo "   $cuts cuts, $kept acknowledged changes, none lost"
done
