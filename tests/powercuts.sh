# Power cuts, for tests that source this after lib.sh.
#
# recorded_mount mounts, and has all noted that reaches the disk, in $record.
# powercuts COUNT WHAT cuts the power COUNT times for each kind of disk, mounts
# what may be there then, and calls the test's own
#   holds DONE WHICH
# which fails where any of the DONE things is lost of which the record says that
# they were acknowledged; WHICH names the cut.

record=$SCRATCH/record

recorded_mount()
{
    mkdir -m 700 "$STATE"
    RECORD=$record RECORD_BELOW=$STATE \
        LD_PRELOAD=$BUILD/tests/faults/preload/record.so mount_primofs
}

# powercut SEED KIND
powercut()
{
    local state=$SCRATCH/cut done
    rm -rf "$state"
    done=$("$PYTHON" "$ROOT/tests/faults/powercut.py" "$record" "$STATE" \
        "$state" "$1" "$2")
    mount_primofs "$state" "$MNT" || fail "seed $1, $2: it does not mount"
    holds "$done" "seed $1, $2, $done done"
    umount_primofs
    "$BUILD/primofs" --check "$state" >/dev/null ||
        fail "seed $1, $2: it is not in order"
    kept=$((kept + done))
}

powercuts()
{
    local kind seed kept
    for kind in ext4 posix; do
        step "$1 power cuts, as $kind leaves the disk"
        kept=0
        for ((seed = 1; seed <= $1; seed++)); do
            powercut $seed $kind
        done
        echo "   $1 cuts, $kept $2, none lost"
    done
}
