#!/bin/bash
# A hundred thousand templates and rows of metrics: what they cost the daemon
# in memory and the disk in bytes. Both must not grow with what is there
# already. The time is not judged here, where other tests run, but by
# tests/bench/. A sanitizer needs memory of its own.
# timeout: 180
# not under: address|thread
. "$(dirname "$0")/../lib.sh"
objects=$BUILD/tests/bench/objects
ROWS=20000 MANY=100000

step "appending to long metrics writes only the new row"
read -r first _ last _ < <("$objects" "$STATE" rows $ROWS)
[ "$last" -lt $((2 * first)) ] ||
    fail "the last row wrote $last bytes, one of the first $first"

step "any part that is read of long metrics is right"
"$objects" "$STATE" templates $MANY
mount_primofs
csv=$MNT/processes/local/metrics.csv
cp "$csv" "$SCRATCH/whole"
expect $ROWS grep -c , "$SCRATCH/whole"
size=$(stat -c %s "$csv")
[ "$size" = "$(stat -c %s "$SCRATCH/whole")" ] || fail "the size is $size"
for ((at = 0; at <= size + 5000; at += size / 13)); do
    for count in 1 100 4096 200000; do
        cmp <(dd if="$csv" bs=$count iflag=skip_bytes,fullblock skip=$at \
            count=1 status=none) \
            <(dd if="$SCRATCH/whole" bs=$count iflag=skip_bytes,fullblock \
                skip=$at count=1 status=none) || fail "$count bytes at $at"
    done
done

step "walking over many templates needs little memory"
held()
{
    awk '$1 == "RssAnon:" { print $2 }' "/proc/$(daemon_pids)/status"
}
count=$(find "$MNT/templates" -type f -newermt 2000-01-01 -printf '.\n' | wc -l)
[ "$count" = $MANY ] || fail "find saw $count of $MANY"
count=$(ls -l "$MNT/templates" | grep -c ^-)
[ "$count" = $MANY ] || fail "ls -l saw $count of $MANY"
[ "$(held)" -lt 65536 ] || fail "the daemon holds $(held) KiB"
expect 'dataset = /data/invoices' grep dataset "$MNT/templates/t0099999"
umount_primofs
