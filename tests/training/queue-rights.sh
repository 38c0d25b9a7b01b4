#!/bin/bash
# What waits in a queue is started by whoever has written the line, with the
# rights that he has when its turn comes.
# timeout: 240
# not under: address|thread
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../users.sh"
users_make anna boris
as() { runuser -u "$1" -- "${@:2}"; }

pictures "$SCRATCH/data" 4 1
chmod -R a+rX "$SCRATCH/data"
mount_primofs "$STATE" "$MNT" -o allow_other
rights='view create edit manage'
role() # NAME RIGHTS OF PROCESSES
{
    printf '%s\n' "members = $1" 'templates = view create edit' \
        "processes = $2" 'models = view' >"$MNT/roles/$1"
}
role "$anna" "$rights"
role "$boris" "$rights"
template() # USER NAME
{
    printf '%s\n' "dataset = $SCRATCH/data" 'image_size = 32' \
        'base = scratch' 'epochs = 1' | as "$1" tee "$MNT/templates/$2" >/dev/null
}
queue=$MNT/processes/local/queue
template "$anna" annas
template "$boris" boriss
mkdir "$MNT/processes/local"
waits() { echo no >"$MNT/processes/local/enabled"; }
goes_on() { echo yes >"$MNT/processes/local/enabled"; }
author() { grep -o '^author: .*' "$MNT/models/$1/info"; }
is_there() { [ -e "$MNT/models/$1" ]; }
told() { grep -q "$1" "$MNT/events"; }

step "each line is its writer's, whoever edits the text"
waits
as "$anna" sh -c 'echo annas >>"$1"' - "$queue"
as "$boris" sh -c 'x=$(cat "$1"); printf "boriss\n%s\n" "$x" >"$1"' \
    - "$queue"
expect $'boriss\nannas' cat "$queue"
goes_on
eventually 100 is_there annas/1 || fail "$(cat "$queue" "$MNT/events")"
expect "author: $anna" author annas/1
expect "author: $boris" author boriss/1

step "a file that somebody else has written is not renamed onto the queue"
waits
aside=$MNT/processes/local/queue.new
as "$boris" sh -c 'echo boriss >"$1"' - "$aside"
takes() { as "$anna" mv -f "$aside" "$queue"; }
expect_errno 'not permitted' takes
expect '' cat "$queue"
as "$boris" rm "$aside"
as "$anna" sh -c 'echo "# mine" >"$1"; mv -f "$1" "$2"' - "$aside" "$queue"
expect '# mine' cat "$queue"

step "the dataset of a template that somebody else wrote is confirmed"
waits
as "$anna" sh -c 'printf "boriss\nboriss $2\n" >"$1"' - "$queue" "$SCRATCH/data"
goes_on
eventually 60 is_there boriss/2 || fail "$(cat "$queue" "$MNT/events")"
expect "author: $anna" author boriss/2
told "not started from the queue: boriss: .*last written by $boris" ||
    fail "$(cat "$MNT/events")"

step "who may not manage any more starts nothing, and cannot write the queue"
waits
as "$anna" sh -c 'echo annas >"$1"' - "$queue"
role "$anna" view
goes_on
eventually 30 told "not started from the queue: annas: .*manage" ||
    fail "$(cat "$MNT/events")"
writes() { as "$anna" sh -c 'echo annas >>"$1"' - "$queue"; }
expect_errno 'Permission denied' writes
[ ! -e "$MNT/models/annas/2" ] || fail "it was trained"
