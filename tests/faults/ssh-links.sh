#!/bin/bash
# What happens to a training on another host when the connection is cut or
# hangs, the daemon is killed, the host is down and comes back, or nobody asks
# for it any more: none of it harms the training, and there is never a second
# trainer for it.
# timeout: 900
# not under: address|thread (the loader that is carried has no sanitizer)
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../sshd.sh"
sshd_start
pictures "$SCRATCH/data" 16 4
mount_primofs
cd "$MNT"
put templates/t "dataset = $SCRATCH/data\nbase = scratch\nimage_size = 64\nepochs = 40\n"
put templates/long "dataset = $SCRATCH/data\nbase = scratch\nimage_size = 48\nepochs = 999\n"
put machines/far "launcher = ssh\nhost = there\ndirectory = $THERE\nthreads = 1\n"
put machines/local 'launcher = local\nthreads = 1\n'
mkdir processes/far processes/local

one_trainer() { [ "$(training_pids | wc -l)" = 1 ]; }
no_trainer_there() { [ -z "$(training_pids)" ]; }
rows() { [ "$(wc -l <processes/far/metrics.csv)" -gt "${1:-1}" ]; }
more_rows()
{
    local before
    before=$(wc -l <processes/far/metrics.csv)
    eventually 60 rows "$before" ||
        fail "no more rows: $(cat processes/far/info overview)"
}
reached() { grep -q '^far: reached' overview; }
unreached() { grep -q '^far: NOT reached' overview; }
start()
{
    echo "$1" >processes/far/template
    touch processes/far/start
    await running 120 far
}

step "the connection is cut, again and again"
start t
for _ in 1 2 3; do
    for pid in $(sshd_sessions); do kill -9 "$pid" 2>/dev/null || true; done
    more_rows
    one_trainer || fail "trainers: $(training_pids)"
done

step "the daemon is killed, and the next one goes on with the run"
cd /
daemon_kill
one_trainer
mount_primofs
cd "$MNT"
expect succeeded timeout 300 cat processes/far/wait
expect 40 bash -c 'awk -F, "NR > 1 && \$2 == int(\$2) { print \$2 }" \
    models/t/1/metrics.csv | sort -un | wc -l'

step "its model is that of an undisturbed training here"
echo t >processes/local/template
touch processes/local/start
expect succeeded timeout 300 cat processes/local/wait
cmp models/t/1/model.safetensors models/t/2/model.safetensors

step "a host that does not answer: the training goes on, info says since when"
start long
more_rows
sshd_stop
eventually 30 unreached || fail "$(cat overview)"
status_is running far
expect_match '^unreached: 20.*host .there.' cat processes/far/info
expect_match '"unreached": "20' cat processes/far/info.json
one_trainer
sshd_start
eventually 30 reached || fail "$(cat overview)"
more_rows
one_trainer || fail "trainers: $(training_pids)"
expect_errno 'unreached' bash -c \
    '! grep ^unreached processes/far/info && echo no unreached && false'

step "a connection that hangs is noticed"
kill -STOP $(sshd_sessions)
eventually 40 unreached || fail "$(cat overview)"
kill -CONT $(sshd_sessions) 2>/dev/null || true
eventually 40 reached || fail "$(cat overview)"
more_rows

step "a host that was down: all that ran there is gone, and is begun again"
sshd_stop
kill -9 $(training_pids)
eventually 30 unreached || fail "$(cat overview)"
sshd_start
eventually 60 one_trainer || fail "$(cat processes/far/info overview)"
more_rows
expect_match 'the trainer ended unexpectedly.*started again' \
    cat processes/far/log

step "an unmount waits for no host, and a stop reaches it later, over restarts"
sshd_stop
eventually 30 unreached || fail "$(cat overview)"
touch processes/far/stop
await stopped 20 far
expect_match 'the machine is out of reach' cat processes/far/log
one_trainer
refused 'Device or resource busy|Invalid' 'is stopped' touch processes/far/stop
cd /
umount "$MNT"
eventually 6 no_daemon || fail "the daemon is still there"
mount_primofs
cd "$MNT"
one_trainer
sshd_start
eventually 60 no_trainer_there || fail "trainers: $(training_pids)"

step "resumed on a host that is away, it fails, and then goes on where it was"
sshd_stop
eventually 30 unreached || fail "$(cat overview)"
touch processes/far/resume
expect failed timeout 60 cat processes/far/wait
expect_match "^reason: host 'there', .*to try by hand: ssh" \
    cat processes/far/info
sshd_start
eventually 30 reached || fail "$(cat overview)"
touch processes/far/resume
await running 120 far
one_trainer
more_rows

step "a run that nobody asks for stops by itself, with a checkpoint"
sshd_stop
eventually 30 unreached || fail "$(cat overview)"
touch -d '2 days ago' "$THERE"/runs/*/*/lease
eventually 30 no_trainer_there || fail "trainers: $(training_pids)"
sshd_start
await stopped 60 far
touch processes/far/resume
await running 120 far
touch processes/far/stop
await stopped 30 far

step "one host, two mounts: each has its own runs"
mkdir "$SCRATCH/mnt2"
mount_primofs "$SCRATCH/state2" "$SCRATCH/mnt2"
expect 1 bash -c "ls '$THERE/runs' | wc -l"
put "$SCRATCH/mnt2/machines/far" \
    "launcher = ssh\nhost = there\ndirectory = $THERE\n"
two() { [ "$(ls "$THERE/runs" | wc -l)" = 2 ]; }
eventually 60 two || fail "$(cat "$SCRATCH/mnt2/overview")"
