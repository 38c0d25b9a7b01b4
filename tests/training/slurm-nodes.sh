#!/bin/bash
# A machine with `nodes = 2` of Slurm: two nodes train one model. Stopped,
# preempted or robbed of a trainer, the training goes on, with the same model.
# timeout: 900
# not under: address|thread (the loader that is carried has no sanitizer)
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../slurm.sh"
[ -x "$BUILD/primo-nodes" ] || skip "primo-nodes was built without MPI"
# One host alone would be faster here, and when it is left alone depends on a
# clock: jobs have this environment.
export PRIMOFS_STAY_TOGETHER=1
slurm_start
srun --mpi=list 2>&1 | grep pmix >/dev/null || skip "this Slurm has no pmix"

mount_primofs
cd "$MNT"
pictures "$SCRATCH/data" 16 4
put templates/t "dataset = $SCRATCH/data\nbase = scratch\nimage_size = 32\nepochs = 2\n"
put templates/long "dataset = $SCRATCH/data\nbase = scratch\nimage_size = 48\nepochs = 9999\n"
put templates/some "dataset = $SCRATCH/data\nbase = scratch\nimage_size = 48\nepochs = 12\n"

cluster=('nodes = 2')
succeeds()
{
    expect succeeded timeout 200 cat processes/cluster/wait
}
jobs_now() { squeue -h -o '%i'; }
no_jobs() { [ -z "$(jobs_now)" ]; }
says() { grep -Eq -- "$2" "processes/cluster/$1"; }
times() { [ "$(grep -Ec -- "$1" processes/cluster/log)" -ge "$2" ]; }
rows() { [ "$(wc -l <processes/cluster/metrics.csv)" -gt "$1" ]; }
model_now() { sha256sum <"processes/cluster/$(readlink processes/cluster/model)/model.safetensors"; }
followers() { trainers_with '/primofs-node.'; }

step "two nodes train one model, the same one each time"
machine
mkdir processes/cluster
start t
succeeds || fail "$(cat processes/cluster/log processes/cluster/info)"
says log '2 hosts train together, .*: n1, n2' || fail "$(cat processes/cluster/log)"
says info '^hosts: *2 \(n1, n2\)$'
says info '^efficiency: *[0-9.]+$'
says info '^communication: *0\.[0-9]+$'
says log '2 hosts take .* s an update, one alone would take .* s'
grep -qx '#SBATCH --nodes=2' processes/cluster/job
sh -n processes/cluster/job
first=$(model_now)
start t
succeeds
expect "$first" model_now

step "stopped, it goes on with both, and the model is that of an undisturbed one"
start some
succeeds
undisturbed=$(model_now)
start some
await running 120 cluster
eventually 120 rows 1
touch processes/cluster/stop
await stopped 30 cluster
says log 'stopped, as requested' || fail "$(cat processes/cluster/log)"
eventually 60 no_jobs
[ -z "$(followers)" ]
touch processes/cluster/resume
succeeds
expect "$undisturbed" model_now

step "preempted, it goes on by itself"
start long
await running 120 cluster
eventually 120 rows 1
scontrol requeue "$(jobs_now)"
eventually 60 says log 'interrupted: the training goes on' || fail "$(cat processes/cluster/log)"
eventually 120 says log 'continues from its checkpoint' || fail "$(cat processes/cluster/log)"
await running 60 cluster

step "near its time limit it requeues itself"
eventually 60 test -n "$(followers)"
scancel --batch --signal=TERM "$(jobs_now)"
eventually 120 times 'interrupted: the training goes on' 2 || fail "$(cat processes/cluster/log)"
eventually 120 times 'continues from its checkpoint' 2 || fail "$(cat processes/cluster/log)"

step "a trainer that is killed ends the other one, and both begin again"
begun() { [ -n "$(followers)" ]; }
eventually 60 begun
kill -9 $(followers)
eventually 60 says log "the trainer on host 'n2' was ended by signal 9" ||
    fail "$(cat processes/cluster/log)"
eventually 120 times 'continues from its checkpoint' 3 || fail "$(cat processes/cluster/log)"
touch processes/cluster/stop
await stopped 30 cluster

step "without primo-nodes the reason says what is missing"
mkdir "$SCRATCH/alone"
cp "$BUILD/primo-train" "$SCRATCH/alone/"
machine "trainer = $SCRATCH/alone/primo-train"
start t
expect failed timeout 60 cat processes/cluster/wait
expect_match "^reason: .*there is no primo-nodes beside .*libopenmpi-dev" \
    cat processes/cluster/info

step "on this host nodes is refused"
put machines/local 'launcher = local\nnodes = 2\n'
! mkdir processes/local 2>/dev/null || fail "it was taken"
expect_match "nodes = 2 in machines/local needs launcher = ssh or slurm" tail -n 1 errors
