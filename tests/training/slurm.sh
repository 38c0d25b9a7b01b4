#!/bin/bash
# Trainings as jobs of Slurm: a Slurm of the test's own, with two nodes.
# timeout: 900
# not under: address|thread (the loader that is carried has no sanitizer)
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../slurm.sh"
. "$(dirname "$0")/../sshd.sh"
slurm_start
SSHD_ENV="SLURM_CONF=$SLURM_CONF"
sshd_start

# squeue is counted; the login host's shells have a $PATH of their own.
squeue=$(command -v squeue)
cat >"$SCRATCH/bin/squeue" <<SQUEUE
#!/bin/sh
date +%s >>$SCRATCH/asked
exec $squeue "\$@"
SQUEUE
chmod +x "$SCRATCH/bin/squeue"
# Slurm's word for how a job ended can be another one.
cat >"$SCRATCH/bin/scontrol" <<SCONTROL
#!/bin/sh
[ -e $SCRATCH/oom ] || exec $(command -v scontrol) "\$@"
$(command -v scontrol) "\$@" | sed 's/JobState=[A-Z_]*/JobState=OUT_OF_MEMORY/'
SCONTROL
chmod +x "$SCRATCH/bin/scontrol"
PATH=$SCRATCH/bin:$PATH

mount_primofs
cd "$MNT"
pictures "$SCRATCH/data" 16 4
put templates/t "dataset = $SCRATCH/data\nbase = scratch\nimage_size = 32\nepochs = 2\n"
put templates/long "dataset = $SCRATCH/data\nbase = scratch\nimage_size = 48\nepochs = 9999\n"
put machines/local 'launcher = local\nthreads = 1\n'
mkdir processes/local

cluster=('memory = 900M')
jobs_now() { "$squeue" -h -o '%i'; }
no_jobs() { [ -z "$(jobs_now)" ]; }
job_is() { [ "$("$squeue" -h -o %T)" = "$1" ]; }
says() { grep -Eq -- "$2" "processes/cluster/$1"; }
at_most_one() { [ "$(training_pids | wc -l)" -le 1 ] || fail "$(training_pids)"; }

step "a training there makes the same model as one here, bit for bit"
machine 'partition = main' 'time = 2:00:00' 'options = --comment="a b" --nice=5'
mkdir processes/cluster
echo t >processes/local/template
touch processes/local/start
start t
expect succeeded timeout 200 cat processes/cluster/wait
expect succeeded timeout 200 cat processes/local/wait
a=$(readlink processes/cluster/model)
b=$(readlink processes/local/model)
cmp "processes/cluster/$a/model.safetensors" "processes/local/$b/model.safetensors"

step "job is the script that Slurm was given"
for line in '#SBATCH --partition=main' '#SBATCH --time=2:00:00' \
    '#SBATCH --comment="a b" --nice=5' '#SBATCH --cpus-per-task=1' \
    '#SBATCH --mem=900M' '#SBATCH --requeue' '#SBATCH --signal=B:TERM@60'; do
    grep -qxF -- "$line" processes/cluster/job || fail "$(cat processes/cluster/job)"
done
sh -n processes/cluster/job
expect_match "^# no job of Slurm" cat processes/local/job
expect_match '^cluster: reached since 20' cat overview

step "what Slurm refuses is why it fails, with the line to try by hand"
machine 'partition = nowhere'
start t
expect failed timeout 30 cat processes/cluster/wait
expect_match "^reason: host 'localhost', step 'sbatch': .*Invalid partition.*; to try by hand: sbatch " \
    cat processes/cluster/info

step "in the queue it is starting, and info says why and until when"
machine 'options = --begin=now+1hour'
start t
await starting 20 cluster
eventually 90 says info "^queue: Slurm's job [0-9]+ waits \(BeginTime\), and is expected to start at 20" ||
    fail "$(cat processes/cluster/info)"
status_is starting cluster

step "stopped in the queue, its job is cancelled"
touch processes/cluster/stop
await stopped 30 cluster
eventually 20 no_jobs || fail "$("$squeue")"

step "preempted, it goes on from its checkpoint, by itself"
machine
start long
await running 90 cluster
rows() { [ "$(wc -l <processes/cluster/metrics.csv)" -gt "$1" ]; }
eventually 60 rows 2
sbatch --partition=urgent --nodes=2 --exclusive --output=/dev/null \
    --wrap='sleep 3' >/dev/null
eventually 60 says log 'interrupted: the training goes on' || fail "$(cat processes/cluster/log)"
eventually 90 says log 'continues from its checkpoint' || fail "$(cat processes/cluster/log)"
await running 60 cluster
at_most_one
expect 1 grep -c 'continues from its checkpoint' processes/cluster/log
! grep 'ended unexpectedly' processes/cluster/log

step "near its time limit it requeues itself"
scancel --batch --signal=TERM "$(jobs_now)" # as Slurm does then
twice() { [ "$(grep -c 'continues from its checkpoint' processes/cluster/log)" = 2 ]; }
eventually 120 twice || fail "$(cat processes/cluster/log; "$squeue")"
at_most_one

step "a node that fails: Slurm starts it on another one"
node=$("$squeue" -h -o %N)
scontrol update nodename="$node" state=down reason=test
thrice() { [ "$(grep -c 'continues from its checkpoint' processes/cluster/log)" = 3 ]; }
eventually 120 thrice || fail "$(cat processes/cluster/log; "$squeue")"
at_most_one

step "the controller is restarted, and the training goes on"
before=$(wc -l <processes/cluster/metrics.csv)
kill -9 "$SLURMCTLD_PID"
eventually 60 rows "$before"
slurmctld_start
eventually 60 job_is RUNNING
status_is running cluster
eventually 60 rows "$((before + 2))"

step "stopped, it has a checkpoint, and resume goes on in another job"
continued() { grep -c 'continues from its checkpoint' processes/cluster/log; }
before=$(continued)
touch processes/cluster/stop
await stopped 30 cluster
eventually 30 no_jobs
touch processes/cluster/resume
await running 120 cluster
[ "$(continued)" -gt "$before" ] || fail "$(cat processes/cluster/log)"
at_most_one

step "cancelled by hand, it is not begun again"
scancel "$(jobs_now)"
expect failed timeout 120 cat processes/cluster/wait
expect_match '^reason: .*CANCELLED: it was cancelled' cat processes/cluster/info

step "a trainer that is killed is begun again; why it was is Slurm's word"
machine 'options = --no-requeue'
start long
await running 90 cluster
touch "$SCRATCH/oom" # Slurm itself needs control groups to see that
kill -9 $(training_pids)
eventually 60 says log 'OUT_OF_MEMORY: it ran out of memory.*started again' ||
    fail "$(cat processes/cluster/log)"
rm "$SCRATCH/oom"
await running 120 cluster

step "so is one whose node fails"
node=$("$squeue" -h -o %N)
scontrol update nodename="$node" state=down reason=test
eventually 120 says log 'NODE_FAIL: its node failed' || fail "$(cat processes/cluster/log)"
await running 120 cluster
at_most_one

step "through a login host, and the connection is cut while it waits"
machine 'host = there' 'options = --begin=now+20'
touch processes/cluster/stop
await stopped 30 cluster
start t
is_submitted() { [ -n "$(jobs_now)" ]; }
eventually 60 is_submitted || fail "$(cat processes/cluster/info overview)"
for pid in $(sshd_sessions); do kill -9 "$pid" 2>/dev/null || true; done
expect succeeded timeout 200 cat processes/cluster/wait
expect_match '^cluster: reached since 20' cat overview

step "with a data set that is copied there"
machine 'host = there' 'copy_dataset = yes'
start t
expect succeeded timeout 200 cat processes/cluster/wait
a=$(readlink processes/cluster/model)
cmp "processes/cluster/$a/model.safetensors" "processes/local/$b/model.safetensors"
copy=$(ls -d "$SCRATCH"/shared/datasets/*/*/)
diff -r "$SCRATCH/data" "$copy"
# Without a login host, too: the nodes may see no more than that directory.
rm -r "$copy"
machine 'copy_dataset = yes'
start t
expect succeeded timeout 200 cat processes/cluster/wait
diff -r "$SCRATCH/data" "$copy"
machine
start long
await running 90 cluster

step "what nobody needs is ended and removed"
touch processes/cluster/stop
await stopped 30 cluster
rmdir processes/cluster
runs_left() { ls -d "$SCRATCH"/shared/runs/*/[0-9]*; }
no_runs() { ! runs_left 2>/dev/null; }
eventually 60 no_runs || fail "$(runs_left)"
eventually 20 no_jobs

step "the queue was asked once a minute at most"
awk 'NR > 1 && $1 - last < 59 { print "after " $1 - last " s"; bad = 1 }
    { last = $1 } END { exit bad }' "$SCRATCH/asked"
