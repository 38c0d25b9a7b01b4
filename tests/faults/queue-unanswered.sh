#!/bin/bash
# While the database of users and groups cannot be asked, the lines of a queue
# whose writers have their rights through a group wait: this is not their fault.
# They wait also where a mount begins before the database answers.
# timeout: 240
# not under: address|thread
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../users.sh"
users_make anna
group_make trainers "$anna"

silence=$SCRATCH/unanswered
queue=$MNT/processes/local/queue
pictures "$SCRATCH/data" 4 1
chmod -R a+rX "$SCRATCH/data"
start()
{
    UNANSWERED=$silence \
        LD_PRELOAD=$BUILD/tests/faults/preload/unanswered.so \
        mount_primofs "$STATE" "$MNT" -o allow_other
}
is_there() { [ -e "$MNT/models/$1" ]; }
told() { grep -q "$1" "$MNT/events"; }

start
role trainers "members = @$trainers" 'templates = view create' \
    'processes = view create edit manage'
printf '%s\n' "dataset = $SCRATCH/data" 'image_size = 32' 'base = scratch' \
    'epochs = 1' | runuser -u "$anna" -- tee "$MNT/templates/t" >/dev/null
mkdir "$MNT/processes/local"

step "a line waits until its writer's groups can be looked up"
echo no >"$MNT/processes/local/enabled"
as "$anna" 'echo t >>processes/local/queue'
touch "$silence"
echo yes >"$MNT/processes/local/enabled"
sleep 3
expect t cat "$queue"
! told 'not started' || fail "$(cat "$MNT/events")"
rm "$silence"
eventually 60 is_there t/1 || fail "$(cat "$queue" "$MNT/events")"
expect '' cat "$queue"

step "and waits where a mount begins in the meantime"
echo no >"$MNT/processes/local/enabled"
as "$anna" 'echo t >>processes/local/queue'
umount_primofs
touch "$silence"
start
echo yes >"$MNT/processes/local/enabled"
sleep 3
expect t cat "$queue"
! told 'not started' || fail "$(cat "$MNT/events")"
rm "$silence"
eventually 90 is_there t/2 || fail "$(cat "$queue" "$MNT/events")"
expect_match "^author: $anna\$" grep author "$MNT/models/t/2/info"

step "who is really not in the group any more starts nothing"
echo no >"$MNT/processes/local/enabled"
as "$anna" 'echo t >>processes/local/queue'
gpasswd -d "$anna" "$trainers" >/dev/null
echo yes >"$MNT/processes/local/enabled"
eventually 60 told "not started from the queue: t: .*manage" ||
    fail "$(cat "$MNT/events")"
! is_there t/3 || fail "it was trained"
