#!/bin/bash
# A trainer that does not stop is killed, by the daemon that started it or by a
# later one, with no more capabilities than the shipped unit has. No other
# process is ever killed, not even one that has a file open with the name of its
# lock; a user could otherwise make root kill another's process.
# timeout: 300
# not under: address|thread
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../users.sh"
unshare -m true 2>/dev/null || skip "no mount namespaces"
users_make user
as() { runuser -u "$user" -- "$@"; }

pictures "$SCRATCH/data" 12 2
chmod -R a+rX "$SCRATCH/data"

# The capabilities of the unit, as setpriv names them.
set=-all
for name in $(sed -n 's/^CapabilityBoundingSet=//p' \
    "$ROOT/dist/systemd/primofs@.service"); do
    name=${name#CAP_}
    set=$set,+${name,,}
done
mount_as_unit()
{
    (umask 077 && setpriv --no-new-privs --bounding-set "$set" \
        "$BUILD/primofs" "$STATE" "$MNT" -o allow_other </dev/null)
}
begins()
{
    as touch "$process/start"
    await running
    trainer=$(trainer_pids)
    run=$(basename "$(readlink "/proc/$trainer/fd/3")" .lock)
}
process=$MNT/processes/local

step "a process that has a file of that name open is not killed"
mount_as_unit
printf '%s\n' "members = $user" 'templates = view create edit' \
    'processes = view create edit manage' >"$MNT/roles/trainers"
printf '%s\n' "dataset = $SCRATCH/data" 'image_size = 32' 'epochs = 9000' |
    as tee "$MNT/templates/t" >/dev/null
as mkdir "$process"
echo t | as tee "$process/template" >/dev/null
begins
expect "$user" stat -c %U "/proc/$trainer"/task
# A file at the same path in another mount namespace: its link in /proc has the
# text of the lock's path.
hold=$leave_mounts'
mount -t tmpfs none "$1" && : >"$1/$2.lock" && exec 9<"$1/$2.lock" &&
    exec "${@:3}"'
unshare -m --propagation private bash -c "$hold" - "$STATE/runs" "$run" \
    sleep 300 &
root_holder=$!
unshare -m --propagation private bash -c "$hold" - "$STATE/runs" "$run" \
    setpriv --reuid "$user" --clear-groups sleep 300 &
user_holder=$!
has_lock() { [ "$(readlink "/proc/$1/fd/9")" = "$STATE/runs/$run.lock" ]; }
eventually 5 has_lock $root_holder || fail "no file of that name"
eventually 5 has_lock $user_holder || fail "no file of that name"
kill -STOP "$trainer"
touch "$process/stop"
await stopped 25
no_trainer || fail "the trainer that hangs was not killed"
kill -0 $root_holder || fail "killed for a file's name"
kill -0 $user_holder || fail "killed for a file's name"

step "a trainer that an earlier daemon has started is killed"
begins
kill -STOP "$trainer"
kill -9 $(daemon_pids)
eventually 10 no_daemon
mount_as_unit
expect running cat "$process/status"
touch "$process/stop"
await stopped 25
eventually 5 no_trainer || fail "the trainer that hangs was not killed"
kill -0 $root_holder || fail "killed for a file's name"
kill -0 $user_holder || fail "killed for a file's name"
kill $root_holder $user_holder
