#!/bin/bash
# The worker of a service leaves memory when it is idle and comes back with the
# next request; a picture of which workers die is answered with that, and those
# beside it are answered all the same.
# timeout: 300
# not under: thread
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../models.sh"
inbox_start 1 7 'idle = 1s\n'

step "it leaves, and comes back"
cp "${files[0]}" "$inbox/in/0.jpg"
answer 0.jpg >/dev/null
eventually 30 no_trainer || fail "it stays in memory"
is_unloaded() { grep -q '^loaded: no$' "$inbox/info"; }
eventually 30 is_unloaded || fail "$(cat "$inbox/info")"
expect running cat "$inbox/status"
# `info` may know it from the worker before the log says it.
eventually 10 grep -q 'has left memory' "$inbox/log" || fail "the log is silent"
cp "${files[1]}" "$inbox/in/1.jpg"
expect 1.jpg jq -r .file <(answer 1.jpg)

step "a worker that dies is started again, and nothing is lost"
put "$MNT/services/inbox" 'model = invoices/latest\n'
for i in 2 3 4; do
    cp "${files[i]}" "$inbox/in/$i.jpg"
    workers_kill
    expect $i.jpg jq -r .file <(answer $i.jpg)
done
expect 1 bash -c "cut -d, -f2 '$inbox/results.csv' | grep -c '^4.jpg$'"

step "a stop while it is idle, and while it works"
touch "$inbox/stop"
await_serving stopped
eventually 10 no_trainer
put "$MNT/services/inbox" 'model = invoices/latest\nidle = 1s\n'
touch "$inbox/start"
eventually 30 is_unloaded
touch "$inbox/stop"
await_serving stopped
