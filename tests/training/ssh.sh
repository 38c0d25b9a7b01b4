#!/bin/bash
# Trainings on another host, through ssh: an sshd of the test's own on loopback.
# timeout: 300
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
no_trainer || fail "a trainer is left"
touch processes/far/resume
await running 60 far
touch processes/far/stop
await stopped 20 far

step "what nobody needs is removed there"
rmdir processes/far
runs_left() { ls -d "$THERE"/runs/*/[0-9]*; }
no_runs() { ! runs_left; }
eventually 20 no_runs || fail "$(runs_left)"
