#!/bin/bash
# timeout: 400
# not under: address|thread
# The daemon, the trainer or both are killed at any moment, again and again,
# while a client changes files and trainings follow each other. Nothing that was
# acknowledged is lost, no row or number is missing or there twice, and each
# model is the one of an undisturbed training. KILLS says how often.
. "$(dirname "$0")/../lib.sh"

kills=${KILLS:-6}
RANDOM=${SEED:-1}
process=$MNT/processes/local
book=$SCRATCH/book

pictures "$SCRATCH/data" 12 2
mount_primofs
put "$MNT/machines/local" 'threads = 1\n'
for machine in m0 m1 m2; do
    put "$MNT/machines/$machine" ''
done
put "$MNT/templates/t" "dataset = $SCRATCH/data\nimage_size = 32\nepochs = 3\n"
mkdir "$process"
put "$process/template" t

rows() { epoch_rows "$1" | cut -d, -f2; }
epochs() { rows "$process/metrics.csv" | wc -l; }
weights() { cat "$1"/model.{onnx,safetensors} | sha256sum; }
ended() { ! status_is starting && ! status_is running; }

# trains_on EPOCHS: the training gets beyond those epochs, or ends.
trains_on()
{
    advanced() { [ "$(epochs)" -gt "$1" ] || ended; }
    eventually 100 advanced "$1" || fail "no epoch: $(cat "$process/log")"
}

# ends_well: the training ends as the undisturbed one did.
ends_well()
{
    expect succeeded timeout 200 cat "$process/wait"
    expect "$ROWS" rows "$process/metrics.csv"
    expect "$ROWS" rows "$process/model/metrics.csv"
    expect "$WEIGHTS" weights "$process/model"
    number=$((number + 1))
    expect "../../models/t/$number" readlink "$process/model"
    rm -r "$MNT/models/t/$number"
    trainings=$((trainings + 1))
}

# killed WHAT: kills it, and mounts again if that takes the mount away.
killed()
{
    [ "$1" = daemon ] || kill -9 $(trainer_pids) 2>/dev/null || true
    [ "$1" != trainer ] || return 0
    kill -9 $(daemon_pids)
    eventually 20 no_daemon
    wait "$client" || true # its last change has met a dead mount
    mount_primofs
}

step "an undisturbed training"
touch "$process/start"
expect succeeded timeout 200 cat "$process/wait"
ROWS=$(rows "$process/metrics.csv")
WEIGHTS=$(weights "$process/model")
expect $'1\n2\n3' echo "$ROWS"
number=1 trainings=0 changes=0

step "$kills kills"
whats=(trainer daemon both)
declare -A count=()
for ((i = 0; i < kills; i++)); do
    if ended; then
        [ $i -eq 0 ] || ends_well
        touch "$process/start"
    fi
    rm -f "$book"
    "$BUILD/tests/faults/ledger" work "$MNT" "$book" $((RANDOM + i)) 1000000 \
        2>/dev/null &
    client=$!
    # What was there before its first change is in the book by then.
    eventually 60 grep -qs ^B "$book" || fail "the client has not begun"
    sleep "0.$((RANDOM % 9 + 1))"
    what=${whats[i % 3]}
    before=$(epochs)
    killed $what
    kill $client 2>/dev/null || true
    wait $client || [ $what != trainer ] || fail "a change failed"
    "$BUILD/tests/faults/ledger" check "$MNT" "$book" >"$SCRATCH/said" ||
        fail "after kill $i, of $what: $(cat "$SCRATCH/said")"
    changes=$((changes + $(cat "$SCRATCH/said")))
    count[$what]=$((${count[$what]:-0} + 1))
    # A trainer that dies again and again without a checkpoint is given up.
    [ $what = daemon ] || trains_on "$before"
done
ends_well

step "what is left is what is needed"
rmdir "$MNT"/processes/*
runs_are_gone() { [ -z "$(ls -I decoded "$STATE/runs")" ]; }
eventually 20 runs_are_gone || fail "there are runs: $(ls "$STATE/runs")"
expect $'1\nlatest\nversions.csv' ls "$MNT/models/t"
[ -z "$(ls "$STATE/lost")" ] || fail "lost: $(ls "$STATE/lost")"
umount_primofs
expect 1 eval 'ls "$STATE/models" | wc -l'
"$BUILD/primofs" --check "$STATE"
echo "   ${count[daemon]:-0} kills of the daemon, ${count[trainer]:-0} of the" \
    "trainer, ${count[both]:-0} of both; $changes acknowledged changes and" \
    "$trainings trainings, none lost or different"
