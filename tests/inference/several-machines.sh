#!/bin/bash
# A service on several machines, one here and two that an sshd of the test's own
# leads to: they share the requests, and whatever is killed or cut meanwhile,
# each file is answered once.
# timeout: 500
# not under: address|thread (the loader that is carried has no sanitizer)
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../models.sh"
. "$(dirname "$0")/../replicas.sh"
. "$(dirname "$0")/../sshd.sh"
sshd_start
models_mount
cd "$MNT"
for name in one two; do
    printf 'launcher = ssh\nhost = there\ndirectory = %s\ntrainer = %s
threads = 1\n' "$SCRATCH/$name" "$BUILD/primo-train" >machines/$name
done
pictures "$SCRATCH/data" 1 3
files=("$SCRATCH"/data/test/*/*.jpg)
model_make invoices 7
worker_of() { trainers_with "--serve $SCRATCH/$1/"; }
is_reached() { grep -q "^$1: reached" overview; }
# take_part MACHINE…: each of them answers some of what is copied now.
take_part()
{
    local name tries=0
    local -A before
    for name; do
        before[$name]=$(answered_by "$name")
    done
    for name; do
        until has_answered "$name" "${before[$name]}"; do
            [ $((++tries)) -lt 30 ] || fail "$(cat "$inbox/info")"
            stream 40
            each_once
        done
    done
}

step "each machine must be there, and none may be named twice"
refused 'Invalid argument' "no machine 'three' in machines/" \
    put services/inbox 'machine = local three\n'
refused 'Invalid argument' 'each once' put services/inbox 'machine = one one\n'
text 'local one two'
mkdir inference/inbox

step "they share the requests"
for name in one two; do
    eventually 60 is_reached $name || fail "$(cat overview)"
done
touch "$inbox/start"
for name in local one two; do
    await_machine $name running
done
serving_is running
expect 'machine: local one two' grep '^machine:' "$inbox/info"
expect 'local one two' jq -r .machine "$inbox/info.json"
take_part local one two
expect_match '^.{24}Z? *one: ' grep ' one: ' "$inbox/log"
expect $number jq -r .answered "$inbox/info.json"

step "machines of a service that runs are in use"
refused 'Device or resource busy' "'two' is in use by inference/inbox" \
    rm machines/two

step "one that is switched off ends its worker, and comes back"
cp machines/two "$SCRATCH/text"
stream 30
sed -i '$a enabled = no' machines/two
no_worker() { [ -z "$(worker_of two)" ]; }
eventually 30 no_worker || fail "$(cat "$inbox/info" "$inbox/log")"
await_machine two 'failed, '
each_once
cat "$SCRATCH/text" >machines/two
await_machine two running
take_part two

step "what a worker had that died, others answer"
stream 30
kill -9 $(worker_of one)
stream 30
each_once

step "what a machine had that is out of reach, others answer"
stream 30
sshd_stop
stream 60
each_once
before=$(answered_by local)
serving_is running
await_machine two 'running, '
expect_match ', unreached since .* host .there., step ' says two
sshd_start
for name in one two; do
    eventually 60 is_reached $name || fail "$(cat overview)"
done
take_part one two
has_answered local "$before"

step "a daemon that was killed goes on with all of them"
workers=$(worker_of one; worker_of two)
stream 30
sync "$inbox"/in/*.jpg # a close does not wait for the disk
cd /
daemon_renew
cd "$MNT"
each_once
expect "$workers" eval 'worker_of one; worker_of two'

step "a stop ends all workers, and waits for no machine that is away"
sshd_stop
stream 1
touch "$inbox/stop"
await_serving stopped
each_stopped() { machine_is local stopped && machine_is two stopped; }
each_stopped || fail "$(cat "$inbox/info")"

step "it starts on those that are there; the others join when they are back"
touch "$inbox/start"
await_serving running
await_machine two 'failed, 0 answered, '
stream 10
each_once
sshd_start
await_machine one running
await_machine two running
take_part one two

step "a list is answered by one, and by another one where that is away"
text 'one local'
restart
await_machine one running
printf '%s\n' "${files[@]}" >"$inbox/in/all.list"
timeout 60 cat "$inbox/wait/all.list" >/dev/null
expect $((${#files[@]} + 1)) wc -l <"$inbox/out/all.list.csv"
for ((i = 0; i < 20; i++)); do
    printf '%s\n' "${files[@]}"
done >"$inbox/in/long.list"
list_works() { [ "$(worker_of one | wc -l)" = 2 ]; }
eventually 30 list_works || fail "$(cat "$inbox/log")"
kill -STOP $(worker_of one)
sshd_stop
timeout 150 cat "$inbox/wait/long.list" >/dev/null
kill -9 $(worker_of one)
expect $((20 * ${#files[@]} + 1)) wc -l <"$inbox/out/long.list.csv"
expect $((20 * ${#files[@]})) jq .list.ok+.list.check+.list.unknown \
    "$inbox/out/long.list.json"
serving_is running
sshd_start

step "it fails once no machine is left"
text 'one two'
touch "$inbox/stop"
await_serving stopped
sshd_stop
touch "$inbox/start"
await_serving failed
expect_match "^reason: host 'there', " cat "$inbox/info"
