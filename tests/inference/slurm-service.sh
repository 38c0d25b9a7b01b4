#!/bin/bash
# A service whose worker is a job of Slurm, with a Slurm of the test's own: it
# answers as one here does, each file once, whatever becomes of the job.
# timeout: 600
# not under: address|thread (the loader that is carried has no sanitizer)
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../models.sh"
. "$(dirname "$0")/../slurm.sh"
slurm_start
models_mount
cd "$MNT"
cluster=("trainer = $BUILD/primo-train" 'nodes = 2')
machine
pictures "$SCRATCH/data" 1 3
files=("$SCRATCH"/data/test/*/*.jpg)
model_make invoices 7
for name in inbox near; do
    on=$([ $name = near ] && echo local || echo cluster)
    put services/$name "model = invoices/latest\nmachine = $on\n"'precision = f32\nthreads = 2\n'
    mkdir inference/$name
    touch inference/$name/start
done
inbox=$MNT/inference/inbox

jobs_now() { squeue -h -o '%i'; }
one_job() { [ "$(jobs_now | wc -l)" = 1 ]; }
no_jobs() { [ -z "$(jobs_now)" ]; }
worker() { trainers_with "--serve $SCRATCH/shared"; }
workers_ended() { [ -z "$(worker)" ]; }
says() { jq -c '[.items, .pages, .state, .files, .code]' <<<"$1"; }
info_says() { grep -Eq -- "$1" "$inbox/info"; }

step "it answers as a service here does, from a job on one node"
for i in 0 1 2 3 4; do
    cp "${files[i]}" inference/inbox/in/$i.jpg
    cp "${files[i]}" inference/near/in/$i.jpg
done
for i in 0 1 2 3 4; do
    far=$(answer $i.jpg) near=$(answer $i.jpg near)
    expect "$(says "$near")" says "$far"
done
await_serving running
one_job || fail "$(squeue)"
scripts=("$SCRATCH"/shared/runs/*/*/slurm.sh)
sh -n "${scripts[0]}"
grep -qx '#SBATCH --no-requeue' "${scripts[0]}"
grep -qx '#SBATCH --cpus-per-task=2' "${scripts[0]}"
! grep nodes "${scripts[0]}" || fail "more than one node"

step "a list is answered, too, by a job of its own"
printf '%s\n' "${files[@]}" >"$inbox/in/all.list"
timeout 120 cat "$inbox/wait/all.list" >/dev/null
expect $((${#files[@]} + 1)) wc -l <"$inbox/out/all.list.csv"

step "a worker that died is begun again"
cp "${files[5]}" "$inbox/in/5.jpg"
kill -9 $(worker)
cp "${files[6]}" "$inbox/in/6.jpg"
expect 5.jpg jq -r .file <<<"$(answer 5.jpg)"
expect 6.jpg jq -r .file <<<"$(answer 6.jpg)"

step "near its time limit it ends, and the next request has another job"
eventually 30 one_job || fail "$(squeue)"
scancel --batch --signal=TERM "$(jobs_now)" # as Slurm does then
eventually 60 grep 'the worker has left memory' "$inbox/log"
cp "${files[7]}" "$inbox/in/7.jpg"
expect 7.jpg jq -r .file <<<"$(answer 7.jpg)"

step "a node that is taken away: what it had is answered by another job"
eventually 30 one_job || fail "$(squeue)"
old=$(jobs_now)
old_has_ended() { ! jobs_now | grep -Fx "$old"; }
kill -STOP $(worker)
cp "${files[8]}" "$inbox/in/8.jpg"
node=$(squeue -h -o %N)
scontrol update nodename="$node" state=down reason=test
timeout 120 cat "$inbox/wait/8.jpg" >"$SCRATCH/8"
expect 8.jpg jq -r .file "$SCRATCH/8"
eventually 60 old_has_ended || fail "$(squeue)"

step "a daemon that was killed goes on with the job"
cp "${files[0]}" "$inbox/in/more.jpg"
expect more.jpg jq -r .file <<<"$(answer more.jpg)"
before=$(jobs_now)
[ -n "$before" ]
cd /
daemon_renew
cd "$MNT"
cp "${files[1]}" "$inbox/in/again.jpg"
expect again.jpg jq -r .file <<<"$(answer again.jpg)"
expect "$before" jobs_now

step "each revision was answered once"
expect '' bash -c "cut -d, -f2,3 '$inbox/results.csv' | sort | uniq -d"
expect 11 bash -c "grep -c '\.jpg,' '$inbox/results.csv'"

step "a stop ends the job"
touch "$inbox/stop"
await_serving stopped
eventually 30 no_jobs || fail "$(squeue)"
eventually 10 workers_ended

step "in the queue it is starting, and info says why and until when"
machine 'options = --begin=now+1hour'
touch "$inbox/start"
eventually 90 info_says "^queue: Slurm's job [0-9]+ waits \(BeginTime\), and is" ||
    fail "$(cat "$inbox/info")"
serving_is starting
touch "$inbox/stop"
await_serving stopped
eventually 30 no_jobs || fail "$(squeue)"

step "what Slurm refuses is why it fails"
machine 'partition = nowhere'
touch "$inbox/start"
await_serving failed
expect_match "^reason: host 'localhost', step 'sbatch': .*Invalid partition" \
    cat "$inbox/info"
