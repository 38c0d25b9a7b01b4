#!/bin/bash
# A training outlives its file system and comes back when it is killed, and
# its model is the one of an undisturbed training, bit for bit. Trainings take
# days, so nothing that happens to the daemon or the host may cost one.
# timeout: 600
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

# Epochs, updates, learning rates and results have to be those of version 1. The
# loss may differ: it is the mean since the row before, and when a row is
# written depends on the clock.
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

# The same trainer works, or has done all its work, and was not lost.
goes_on()
{
    [ "$(trainer_pids)" = "$trainer" ] || no_trainer
}
was_not_lost() { ! grep 'ended unexpectedly' "$process/log"; }

step "an undisturbed training gives the reference"
template t $EPOCHS
mkdir "$process"
echo t >"$process/template"
touch "$process/start"
expect succeeded timeout 180 cat "$process/wait"
expect $EPOCHS epochs

step "a training goes on while it is unmounted"
begin t 2
trainer=$(trainer_pids)
umount_primofs
goes_on
sleep 1
mount_primofs
goes_on
expect_match 'running|succeeded' cat "$process/status"
same_as_undisturbed
was_not_lost

step "a training survives umount -l, and ends the readers of wait"
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

step "a training goes on when the daemon is killed"
begin t 2
trainer=$(trainer_pids)
daemon_kill
! is_mounted "$MNT"
goes_on
mount_primofs
goes_on
same_as_undisturbed
was_not_lost

step "a killed trainer is started again"
begin t 3
before=$(epochs)
kill -9 $(trainer_pids)
eventually 60 has_epochs $((before + 1))
expect_match 'starting|running|succeeded' cat "$process/status"
same_as_undisturbed

step "when both are killed, as in a reboot, the next mount resumes"
begin t 3
trainer=$(trainer_pids)
kill -9 $(daemon_pids)
kill -9 $trainer
daemon_kill
eventually 10 no_trainer
mount_primofs
expect_match 'starting|running' cat "$process/status"
same_as_undisturbed

step "a stopped training resumes after an unmount"
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

step "old runs leave nothing but what is needed"
umount_primofs
[ "$(du -sm "$STATE" | cut -f1)" -lt 1500 ]
