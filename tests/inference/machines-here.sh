#!/bin/bash
# A service on several machines of this host, which need no ssh: one that hangs,
# one that cannot work and one that dies keep nothing from being answered, each
# file once.
# timeout: 300
# not under: address|thread (a sanitizer has its own idea of memory)
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../models.sh"
. "$(dirname "$0")/../replicas.sh"
models_mount
cd "$MNT"
pictures "$SCRATCH/data" 1 3
files=("$SCRATCH"/data/test/*/*.jpg)
model_make invoices 7
for name in one two; do
    put machines/$name 'threads = 1\n'
done
put machines/poor 'threads = 1\nmemory = 4M\n'

workers() { trainers_with ' --serve '; }
workers_are() { [ "$(workers | wc -l)" = "$1" ]; }

step "a machine that cannot work fails, and the others go on"
poor=poor
[ -z "${SANITIZE:-}" ] || poor=two # a sanitizer reports what it cannot have
text "$poor one"
mkdir inference/inbox
stream 10
touch "$inbox/start"
await_machine one running
[ $poor != poor ] || await_machine poor failed
stream 10
each_once
serving_is running
[ $poor != poor ] || machine_is poor 'failed, 0 answered, ' ||
    fail "$(cat "$inbox/info")"
refused "Device or resource busy" "in use by inference/inbox" rm services/inbox

step "all are answered, whichever workers die"
text 'one two'
restart
await_machine one running
await_machine two running
for _ in 1 2 3 4; do
    stream 25
    kill -9 $(workers | shuf -n 1)
done
each_once
eventually 60 workers_are 2 || fail "$(cat "$inbox/log")"

step "what hangs others take over"
hanging=$(workers | shuf -n 1)
kill -STOP "$hanging"
stream 40
each_once
stream 40
each_once
kill -CONT "$hanging"

step "a machine that is switched off works no more, and comes back"
stream 40
put machines/one 'threads = 1\nenabled = no\n'
await_machine one 'failed'
expect_match 'switched off' says one
workers_are 1
stream 10
each_once
restart
await_serving running
expect_match '^failed, .*switched off' says one
stream 10
each_once
put machines/two 'threads = 1\nenabled = no\n'
await_serving failed
expect_match '^reason: .*switched off' cat "$inbox/info"
refused 'Device or resource busy' "'one' is switched off" touch "$inbox/start"
put machines/two 'threads = 1\n'
touch "$inbox/start"
await_machine two running
put machines/one 'threads = 1\n'
await_machine one running
workers_are 2

step "a list begins anew on another machine where its own is switched off"
before=$(workers)
for ((i = 0; i < 200; i++)); do
    printf '%s\n' "${files[@]}"
done >"$inbox/in/long.list"
eventually 30 workers_are 3 || fail "$(cat "$inbox/log")"
kill -STOP $(workers | grep -vxF "$before") # so that it does not end before
put machines/one 'threads = 1\nenabled = no\n'
timeout 100 cat "$inbox/wait/long.list" >/dev/null
machine_is one failed || fail "the list had ended before"
expect $((200 * ${#files[@]} + 1)) wc -l <"$inbox/out/long.list.csv"
expect '' bash -c "cut -d, -f1 '$inbox/out/long.list.csv' | sort | uniq -d"
put machines/one 'threads = 1\n'
await_machine one running

step "all of them take a new version of the model"
model_make invoices 5
takes_new()
{
    local i
    for i in 1 2 3; do
        grep 'the model is in memory: 5 classes' "$inbox/log" |
            grep " $1: " >/dev/null && return
        sleep 0.1
    done
    return 1
}
for name in one two; do
    eventually 60 takes_new $name || fail "$(cat "$inbox/log")"
done
stream 10
each_once
expect invoices/2 jq -r .model "$inbox/out/$((number - 1)).jpg.json"
expect 1 grep -c 'the model is invoices/2' "$inbox/log"
refused 'Device or resource busy' 'in use by inference/inbox' \
    rmdir models/invoices/2

step "all leave memory when nothing comes, and come back"
text 'one two' 'idle = 1s\n'
eventually 60 workers_are 0 || fail "$(cat "$inbox/log")"
serving_is running
stream 10
each_once

step "a daemon that was killed shares anew"
text 'one two'
stream 60
sync "$inbox"/in/*.jpg # a close does not wait for the disk
cd /
daemon_renew
cd "$MNT"
each_once

step "a stop ends all"
touch "$inbox/stop"
await_serving stopped
eventually 20 workers_are 0
touch "$inbox/in/x.jpg"
rm -f "$inbox"/in/*
rmdir inference/inbox
rm machines/one machines/two machines/poor
