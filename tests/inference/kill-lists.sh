#!/bin/bash
# Lists that are written, written anew and removed, while workers, the daemon or
# all are killed again and again: in the end each list that is there has one row
# for each of its lines, in order, one answer, and nothing is left over. KILLS
# says how often; the default is little, for every day.
# timeout: 900
# not under: thread
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../models.sh"
kills=${KILLS:-6}
inbox_start 1 3 'precision = f32\n'
RANDOM=2

# Between one and 2000 lines, of which most cannot be read, as that is quick.
lines()
{
    local i n=$((1 + RANDOM % 5)) missing=$((RANDOM % 400))
    for ((i = 0; i < n; i++)); do
        printf '%s\n' "${files[@]:0:1 + RANDOM % 8}"
        [ $missing = 0 ] || eval "printf '/missing/%s\n' {1..$missing}"
    done
}

# One change of what is in in/. It may fail, as the daemon may be dead.
change()
{
    local name=$((RANDOM % 3)).list
    case $((RANDOM % 6)) in
        0) rm -f "$inbox/in/$name" ;;
        1) lines >"$SCRATCH/$name" && cp "$SCRATCH/$name" "$inbox/in/x.part" &&
            mv -f "$inbox/in/x.part" "$inbox/in/$name" ;;
        2) cp "${files[0]}" "$inbox/in/single.jpg" ;;
        *) lines >"$SCRATCH/$name" && cp "$SCRATCH/$name" "$inbox/in/$name" ;;
    esac
} 2>/dev/null

for ((i = 0; i < kills; i++)); do
    change || true
    # at any moment of a list: while its worker starts, and while it has rows
    sleep "$((RANDOM % 5)).$((RANDOM % 10))"
    case $((i % 3)) in
        0) workers_kill ;;
        1) daemon_renew ;;
        2) workers_kill
            daemon_renew ;;
    esac
done
for i in 0 1 2; do
    lines >"$SCRATCH/$i.list"
    cp "$SCRATCH/$i.list" "$inbox/in/$i.list"
done
workers_kill

step "all that waits is answered"
if ! serving_is running && ! serving_is starting; then
    fail "the service is $(cat "$inbox/status"): $(tail "$inbox/log")"
fi
all_answered() { [ ! -s "$inbox/queue" ]; }
eventually 200 all_answered || fail "$(cat "$inbox/queue" "$inbox/info")"

step "each list has one row for each of its lines, in order"
for i in 0 1 2; do
    list=$inbox/in/$i.list n=$(wc -l <"$inbox/in/$i.list")
    cut -d, -f1,2 "$inbox/out/$i.list.csv" | tail -n +2 >"$SCRATCH/rows"
    awk '{ print NR "," $0 }' "$list" | cmp - "$SCRATCH/rows"
    expect "$n $n null" jq -r '"\(.list.lines) \(.list.pictures) \(.code)"' \
        "$inbox/out/$i.list.json"
    expect "$(grep -vc ^/missing "$list")" \
        grep -cE ',(ok|check|unknown),' "$inbox/out/$i.list.csv"
done

step "no revision has two answers"
expect '' bash -c "cut -d, -f2,3 '$inbox/results.csv' | sort | uniq -d"

step "nothing is left over"
touch "$inbox/stop"
await_serving stopped
rm -r "$inbox"
eventually 20 no_trainer
cd "$SCRATCH"
umount_primofs
models_mount
expect '' ls "$STATE/spool"
no_runs() { [ -z "$(ls -I decoded "$STATE/runs")" ]; }
eventually 20 no_runs || fail "$(ls "$STATE/runs")"
