#!/bin/bash
# A stream of copies, overwrites, renames and removals, while the worker, the
# daemon or both are killed again and again: in the end each file that is there
# has the answer to its own bytes, no revision has two answers, and no bytes are
# left over. KILLS says how often; the default is little, for every day.
# timeout: 600
# not under: thread
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../models.sh"
kills=${KILLS:-8}
inbox_start 3 7 'precision = f32\n'
RANDOM=1

# One change of what is in in/. It may fail, as the daemon may be dead.
change()
{
    local name=$((RANDOM % 40)).jpg picture=${files[RANDOM % ${#files[@]}]}
    case $((RANDOM % 8)) in
        0) rm -f "$inbox/in/$name" ;;
        1) mv -f "$inbox/in/$name" "$inbox/in/$((RANDOM % 40)).jpg" ;;
        2) cp "$picture" "$inbox/in/$name.part" &&
            mv -f "$inbox/in/$name.part" "$inbox/in/$name" ;;
        *) cp "$picture" "$inbox/in/$name" ;;
    esac
} 2>/dev/null

for ((i = 0; i < kills; i++)); do
    for ((j = RANDOM % 30; j >= 0; j--)); do
        change || true
    done
    case $((i % 3)) in
        0) workers_kill ;;
        1) daemon_renew ;;
        2) workers_kill
            daemon_renew ;;
    esac
done

step "all that waits is answered"
if ! serving_is running && ! serving_is starting; then
    cat "$inbox/log"
    fail "the service is $(cat "$inbox/status")"
fi
all_answered() { [ ! -s "$inbox/queue" ]; }
eventually 120 all_answered || fail "$(cat "$inbox/queue" "$inbox/info")"
expect_match '^waiting: 0$' cat "$inbox/info"

step "each file has the answer to its own bytes"
count=0
for file in "$inbox"/in/*.jpg; do
    [ -s "$file" ] || continue
    sum=$(sha256sum <"$file")
    said=$(jq -r '.files[0].sha256' "$inbox/out/${file##*/}.json")
    [ "${sum%% *}" = "$said" ] || fail "${file##*/}: $said is not $sum"
    count=$((count + 1))
done
[ $count -gt 5 ] || fail "only $count files"

step "no revision has two answers, and none has been lost"
expect '' bash -c "cut -d, -f2,3 '$inbox/results.csv' | sort | uniq -d"
for file in "$inbox"/out/*.json; do
    jq -r '"\(.file),\(.revision)"' "$file"
done | sort >"$SCRATCH/answered"
cut -d, -f2,3 "$inbox/results.csv" | sort |
    comm -13 - "$SCRATCH/answered" >"$SCRATCH/lost"
expect '' cat "$SCRATCH/lost"

step "no bytes are left over"
rm -f "$inbox"/in/*.part
cd "$SCRATCH"
umount_primofs
models_mount
expect "$(find "$inbox/in" -type f -size +0 | wc -l)" \
    bash -c "ls '$STATE/spool' | wc -l"
