#!/bin/bash
# Trainings on another host, through ssh: an sshd of the test's own on loopback.
# timeout: 500
# not under: address|thread (the loader that is carried has no sanitizer)
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../sshd.sh"
sshd_start
mount_primofs
cd "$MNT"
pictures "$SCRATCH/data" 16 4
put templates/t "dataset = $SCRATCH/data\nimage_size = 32\nepochs = 2\n"
put templates/long "dataset = $SCRATCH/data\nimage_size = 64\nepochs = 999\n"
printf 'launcher = ssh\nhost = there\ndirectory = %s\nthreads = 1\n' "$THERE" \
    >machines/far
printf 'launcher = local\nthreads = 1\n' >machines/local
mkdir processes/far processes/local

trains() { [ -n "$(training_pids)" ]; }

step "a training there makes the same model as one here, bit for bit"
for machine in far local; do
    echo t >processes/$machine/template
    touch processes/$machine/start
done
expect succeeded timeout 90 cat processes/far/wait
expect succeeded timeout 90 cat processes/local/wait
cmp models/t/1/model.safetensors models/t/2/model.safetensors
diff <(sed 's/^[^,]*,//; s/,[^,]*$//' models/t/1/metrics.csv) \
    <(sed 's/^[^,]*,//; s/,[^,]*$//' models/t/2/metrics.csv)
[ -x "$THERE"/trainers/*/primo-train ] # what it started from

step "overview says since when the machine is reached"
expect_match '^far: reached since 20' cat overview
expect true jq '.[] | select(.machine == "far") | .reached' overview.json

step "what the trainer there says is why it fails"
put templates/none "dataset = $SCRATCH/nothing\n"
echo none >processes/far/template
touch processes/far/start
expect failed timeout 60 cat processes/far/wait
expect_match "^reason: .*$SCRATCH/nothing.*No such file" cat processes/far/info

step "stop and resume"
echo long >processes/far/template
touch processes/far/start
await running 60 far
touch processes/far/stop
await stopped 20 far
no_training() { ! trains; }
eventually 20 no_training || fail "a trainer is left"
touch processes/far/resume
await running 60 far
touch processes/far/stop
await stopped 20 far

step "a stop of a host that is away outlasts a resume that fails"
unreached() { grep -q '^far: NOT reached' overview; }
touch processes/far/resume
await running 60 far
sshd_stop
eventually 30 unreached || fail "$(cat overview)"
touch processes/far/stop
await stopped 30 far
touch processes/far/resume
expect failed timeout 60 cat processes/far/wait
trains || fail "the trainer is gone before it was told"
sshd_start
eventually 60 no_training || fail "it still trains: $(cat overview)"

step "a queue waits for a host that is away"
sshd_stop
eventually 30 unreached || fail "$(cat overview)"
printf 't\nt\n' >processes/far/queue
sleep 3
expect $'t\nt' cat processes/far/queue
sshd_start
is_trained() { [ -e models/t/4 ]; }
eventually 120 is_trained || fail "$(cat overview processes/far/info events)"
expect '' cat processes/far/queue
! grep 'not started from the queue' events

step "what is damaged there is copied anew"
sshd_stop
eventually 30 unreached || fail "$(cat overview)"
copied=("$THERE"/trainers/*/*.so*)
copied=${copied[0]}
sum=$(sha256sum <"$copied")
sed 's/\x00/x/' "$copied" >"$SCRATCH/damaged"
mv "$SCRATCH/damaged" "$copied"
[ "$(sha256sum <"$copied")" != "$sum" ]
sshd_start
reached() { grep -q '^far: reached' overview; }
eventually 60 reached || fail "$(cat overview)"
expect "$sum" bash -c 'sha256sum <"$1"' - "$copied"

step "what nobody needs is removed there"
rmdir processes/far
runs_left() { ls -d "$THERE"/runs/*/[0-9]*; }
no_runs() { ! runs_left; }
eventually 20 no_runs || fail "$(runs_left)"
