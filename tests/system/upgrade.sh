#!/bin/bash
# A state directory that an older version made opens, and all that was in it is
# as it was, down to the numbers of its inodes. state-0.1.0.tar.gz is one of
# version 0.1.0 before its database had checksums and an identity.
. "$(dirname "$0")/../lib.sh"

step "the old state directory is mounted"
mkdir -m 711 "$STATE"
tar -C "$STATE" --no-same-owner -xzf "$ROOT/tests/system/state-0.1.0.tar.gz"
mount_primofs
cd "$MNT"

as_it_was()
{
    step "$1"
    expect "$(printf 'dataset = /data/letters\nepochs = 12')" \
        cat templates/letters
    expect "$(printf '# how we name them\nlearning_rate = 0.01')" \
        cat templates/Счета-2026
    expect '640 2026-11-01 10:00:00.000000000 +0000' \
        stat -c '%a %y' templates/letters
    expect "$(printf 'members = root\ntemplates = view create edit')" \
        cat roles/clerks
    expect 'threads = 1' cat machines/second
    expect "$(printf 'local\nsecond')" ls processes
    expect letters cat processes/local/template
    expect created cat processes/local/status
    expect no cat processes/second/enabled
    expect_match 'root templates/Счета-2026 created' cat events
    expect "$(printf '%s\n' '66336 templates/letters' \
        '66592 templates/Счета-2026' '66870 processes/local/status' \
        '67361 machines/second')" \
        stat -c '%i %n' templates/* processes/local/status machines/second
}
as_it_was "everything is as it was"

step "what this version has beside that is there, too"
expect "$(printf 'base\nmobilenet\nscratch')" ls bases
cmp bases/base "$BUILD/base.safetensors"

step "it goes on"
put templates/new 'epochs = 3\n'
echo new >processes/local/template
echo letters >processes/local/template
rm templates/new
cd /
umount_primofs
expect_match '^no fault \(objects: [1-9][0-9]*, models and bases: [0-9]+\)$' \
    "$BUILD/primofs" --check "$STATE"
mount_primofs
cd "$MNT"
as_it_was "and it still is at the next mount"
