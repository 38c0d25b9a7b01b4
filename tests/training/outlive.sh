#!/bin/bash
# timeout: 600
# A training outlives its file system, and comes back when it is killed; the
# model is that of an undisturbed training, bit for bit.
. "$(dirname "$0")/../lib.sh"
pictures "$SCRATCH/data" 16 4
mount_primofs

EPOCHS=9
template() # NAME EPOCHS
{
    printf 'dataset = %s\nimage_size = 32\nepochs = %d\n' \
        "$SCRATCH/data" "$2" >"$MNT/templates/$1"
}

process=$MNT/processes/local
epochs() { epoch_rows "$process/metrics.csv" | wc -l; }
has_epochs() { [ "$(epochs)" -ge "$1" ]; }

begin()
{
    echo "$1" >"$process/template"
    touch "$process/start"
    await running
    eventually 60 has_epochs "$2" || fail "no $2 epochs: $(cat "$process/log")"
    [ "$(cat "$process/status")" = running ] ||
        fail "it ended before it could be disturbed: more EPOCHS are needed"
}

# Its epochs, updates, learning rates and results are those of version 1. (A
# loss is the mean since the row before, whose time the clock may decide.)
results() { epoch_rows "$1" | cut -d, -f2-4,6-7; }
same_as_undisturbed()
{
    timeout 180 cat "$process/wait" >"$SCRATCH/end"
    expect succeeded cat "$SCRATCH/end"
    expect $EPOCHS epochs
    diff <(results "$MNT/models/t/1/metrics.csv") \
        <(results "$process/metrics.csv")
    cmp "$MNT/models/t/1/model.safetensors" "$process/model/model.safetensors"
    cmp "$MNT/models/t/1/model.onnx" "$process/model/model.onnx"
}

kill_daemon()
{
    kill -9 $(daemon_pids)
    eventually 10 no_daemon
    fusermount3 -uz "$MNT" 2>/dev/null || umount -l "$MNT" || true
    ! is_mounted "$MNT"
}

step "undisturbed"
template t $EPOCHS
mkdir "$process"
echo t >"$process/template"
touch "$process/start"
expect succeeded timeout 180 cat "$process/wait"
expect $EPOCHS epochs

step "unmounted while it trains"
begin t 2
trainer=$(trainer_pids)
umount_primofs
[ "$(trainer_pids)" = "$trainer" ]
sleep 1
mount_primofs
[ "$(trainer_pids)" = "$trainer" ] || no_trainer
expect_match 'running|succeeded' cat "$process/status"
same_as_undisturbed

step "a mount point without its file system, while it trains, and wait"
begin t 1
cat "$process/wait" >"$SCRATCH/waited" 2>&1 &
waiter=$!
sleep 0.3
umount -l "$MNT" 2>/dev/null || fusermount3 -uz "$MNT"
kill -TERM $(daemon_pids) 2>/dev/null || true
eventually 20 no_daemon
! wait $waiter
mount_primofs
same_as_undisturbed

step "the daemon killed"
begin t 2
trainer=$(trainer_pids)
kill_daemon
[ "$(trainer_pids)" = "$trainer" ]
mount_primofs
[ "$(trainer_pids)" = "$trainer" ] || no_trainer
same_as_undisturbed

step "the trainer killed"
begin t 3
before=$(epochs)
kill -9 $(trainer_pids)
eventually 60 has_epochs $((before + 1))
expect_match 'running|succeeded' cat "$process/status"
same_as_undisturbed

step "both killed, as in a reboot"
begin t 3
trainer=$(trainer_pids)
kill -9 $(daemon_pids)
kill -9 $trainer
kill_daemon 2>/dev/null || fusermount3 -uz "$MNT" 2>/dev/null || true
eventually 10 no_trainer
mount_primofs
expect_match 'starting|running' cat "$process/status"
same_as_undisturbed

step "stopped, unmounted, mounted and resumed"
begin t 3
touch "$process/stop"
await stopped 6
umount_primofs
no_trainer
mount_primofs
expect stopped cat "$process/status"
touch "$process/resume"
same_as_undisturbed

step "a trainer that dies again and again fails with a reason"
template forever 10000
begin forever 1
killed=0
while [ "$(cat "$process/status")" != failed ]; do
    [ $killed -lt 20 ] || fail "still tried after $killed deaths"
    kill -9 $(trainer_pids) 2>/dev/null && killed=$((killed + 1))
    sleep 0.5
done
[ $killed -ge 2 ]
expect_match '^reason: *[^ ]' cat "$process/info"
no_trainer

step "nothing is left of old runs but what is needed"
umount_primofs
[ "$(du -sm "$STATE" | cut -f1)" -lt 1500 ]
