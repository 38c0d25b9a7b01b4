#!/bin/bash
# A training has the groups that its starter had at that moment, not those that
# the database would give back, also once it is resumed by root; and one of
# root's has no capabilities.
# timeout: 300
# not under: address|thread
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../users.sh"
users_make user
group_make group "$user"

pictures "$SCRATCH/data" 12 2
chgrp -R "$group" "$SCRATCH/data"
chmod -R g+rX,o= "$SCRATCH/data"
as() { runuser -u "$user" -- "$@"; }
without_groups() { setpriv --reuid "$user" --regid "$gid" --clear-groups "$@"; }
gid=$(id -g "$user")

mount_primofs "$STATE" "$MNT" -o allow_other
process=$MNT/processes/local
printf '%s\n' "members = $user" 'processes = view create edit manage' \
    'templates = view' >"$MNT/roles/trainers"
printf '%s\n' "dataset = $SCRATCH/data" 'image_size = 32' 'epochs = 9000' \
    >"$MNT/templates/t"
as mkdir "$process"
echo t | as tee "$process/template" >/dev/null
of_trainer() { sed -n "s/^$1:\s*//p" "/proc/$(trainer_pids)/status"; }

step "given up, and not given back"
without_groups touch "$process/start"
await failed
expect_match '^reason: .*Permission denied' cat "$process/info"
touch "$process/resume" # by root
await failed
expect_match '^reason: .*Permission denied' cat "$process/info"

step "as the process has them"
as touch "$process/start"
await running
expect_match "(^| )$(getent group "$group" | cut -d: -f3)( |$)" \
    of_trainer Groups
touch "$process/stop"
await stopped 30

step "root without capabilities, and with few system calls"
touch "$process/start"
await running
expect 0000000000000000 of_trainer CapEff
expect 0000000000000000 of_trainer CapPrm
expect 0000000000000000 of_trainer CapBnd
expect 2 of_trainer Seccomp
touch "$process/stop"
await stopped 30
