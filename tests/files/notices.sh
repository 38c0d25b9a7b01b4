#!/bin/bash
# Programs that wait for changes are told of them: by inotify on status,
# metrics.csv, log, events and new models, and by poll() on status and events.
# FUSE has no means for inotify; a helper process makes these events, and must
# leave no trace, hold nothing open and be in nobody's way.
# timeout: 300
. "$(dirname "$0")/../lib.sh"
command -v inotifywait >/dev/null || skip "no inotifywait (inotify-tools)"

mount_primofs
pictures "$SCRATCH/data" 6 2
printf 'dataset = %s\nepochs = 3\nimage_size = 32\n' "$SCRATCH/data" \
    >"$MNT/templates/t"
mkdir "$MNT/processes/local"
echo t >"$MNT/processes/local/template"
process=$MNT/processes/local

# watch NAME OPTION…: writes what inotifywait sees to the file NAME of $SCRATCH,
# until the test ends.
watchers=()
watch()
{
    local out=$SCRATCH/$1
    shift
    : >"$out.said"
    inotifywait -m --format '%e %f' "$@" >"$out" 2>"$out.said" &
    watchers+=($!)
    eventually 10 grep -q 'Watches established' "$out.said" ||
        fail "inotifywait said $(cat "$out.said")"
}
saw() { grep -Eq "$2" "$SCRATCH/$1"; }
sees()
{
    eventually "${3:-3}" saw "$1" "$2" ||
        fail "the watch '$1' has no '$2': $(cat "$SCRATCH/$1")"
}

# absent STRING FILE: FILE must not have STRING.
absent() { ! grep -F "$1" "$2" || fail "$2 has '$1'"; }

step "a watch on a file outlasts its changes; one on a folder names the file"
watch status "$process/status"
watch metrics "$process/metrics.csv"
watch process "$process"
watch events "$MNT/events"
watch models "$MNT/models"
touch "$process/start"
await succeeded 60
sees status '^MODIFY'
sees status '^CLOSE_WRITE'
[ "$(grep -c ^MODIFY "$SCRATCH/status")" -ge 2 ] ||
    fail "status: $(cat "$SCRATCH/status")"
sees process '^MODIFY status'
sees process '^MODIFY metrics.csv'
sees process '^CLOSE_WRITE.* metrics.csv'
sees process '^MODIFY log'
sees metrics '^MODIFY'
sees events '^MODIFY'
sees models '^CREATE,ISDIR t'

step "a second version of a model is told of as it appears"
watch family "$MNT/models/t"
touch "$process/start"
await running
await succeeded 60
sees family '^CREATE,ISDIR 2'
kill "${watchers[@]}"

step "the events change no time stamp and write nothing"
expect "$(date -d "$(tail -n 1 "$process/metrics.csv" | cut -d, -f1)" +%s)" \
    stat -c %Y "$process/metrics.csv"
[ "$(stat -c %X "$process/metrics.csv")" -le "$(date +%s)" ]
expect succeeded cat "$process/status"
for file in "$process/status" "$process/metrics.csv" "$MNT/events"; do
    expect "$(wc -c <"$file")" sh -c "tr -d '\\0' <'$file' | wc -c"
done
cmp "$process/metrics.csv" "$MNT/models/t/2/metrics.csv"
ls -a "$MNT" >"$SCRATCH/names"
absent .states "$SCRATCH/names"
expect_errno 'No such file' stat "$MNT/.states"

step "poll() tells of what has changed since it was read"
cat >"$SCRATCH/poll.py" <<'END'
import os
import select
import sys

status, events, start = sys.argv[1:]
files = [os.open(path, os.O_RDONLY) for path in (status, events)]


def changed(seconds):
    poll = select.poll()
    for fd in files:
        poll.register(fd, select.POLLPRI)
    return {fd for fd, _ in poll.poll(seconds * 1000)}


def read(fd):
    os.lseek(fd, 0, os.SEEK_SET)
    return b"".join(iter(lambda: os.read(fd, 65536), b"")).decode()


assert read(files[0]) == "succeeded\n"
read(files[1])
assert not changed(0.2), "told of nothing"
os.utime(start)
seen = []
while not seen or seen[-1] not in ("succeeded\n", "failed\n"):
    told = changed(60)
    assert told, "not told"
    if files[1] in told:
        read(files[1])
    if files[0] in told:
        seen.append(read(files[0]))
print("".join(seen), end="")
END
python3 "$SCRATCH/poll.py" "$process/status" "$MNT/events" "$process/start" \
    >"$SCRATCH/polled"
expect_match '^running$' cat "$SCRATCH/polled"
expect succeeded tail -n 1 "$SCRATCH/polled"

step "hundreds of pollers come and go"
python3 - "$process/status" <<'END'
import os, select, sys
for _ in range(3):
    files = [os.open(sys.argv[1], os.O_RDONLY) for _ in range(400)]
    poll = select.poll()
    for fd in files:
        os.read(fd, 99)
        poll.register(fd, select.POLLPRI)
    assert not poll.poll(100)
    for fd in files:
        os.close(fd)
END

step "the helper has nothing open in the mount, and ends with the daemon"
helper=$(pids_of primofs-notices)
[ -n "$helper" ] || fail "there is no helper"
ls -l "/proc/$helper/fd" "/proc/$helper/cwd" >"$SCRATCH/held"
absent "$MNT" "$SCRATCH/held"
kill -9 $(daemon_pids)
no_helper() { [ -z "$(pids_of primofs-notices)" ]; }
eventually 5 no_helper || fail "the helper is still there"
umount -l "$MNT"

step "without the helper everything but inotify works"
mount_primofs
kill -9 "$(pids_of primofs-notices)"
touch "$process/start"
await succeeded 60
expect succeeded cat "$process/wait"

step "the helper is in nobody's way who unmounts"
if [ "$(id -u)" = 0 ]; then # others may be told for a moment that it is busy
    umount_primofs
    for ((i = 0; i < 25; i++)); do
        mount_primofs
        put "$MNT/templates/t" "epochs = $((i + 1))\n"
        umount_primofs
    done
fi
