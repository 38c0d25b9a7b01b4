#!/bin/bash
# Files that grow and change while they are read. Each open sees whole
# records, no file shrinks, sizes are those of the bytes, and `tail -f` gets
# everything once.
# timeout: 120
. "$(dirname "$0")/../lib.sh"

mount_primofs
pictures "$SCRATCH/data" 3 1
printf 'dataset = %s\nepochs = 2000\nimage_size = 32\nbatch_size = 30\n' \
    "$SCRATCH/data" >"$MNT/templates/t"
mkdir "$MNT/processes/local"
cd "$MNT/processes/local"
echo t >template
reads=10000
[ -z "${SANITIZE:-}" ] || reads=1000

step "files are followed from before the first row"
tail -n +1 -f metrics.csv >"$SCRATCH/gnu" 2>"$SCRATCH/gnu.err" &
gnu=$!
busybox tail -n +1 -f metrics.csv >"$SCRATCH/busybox" &
busybox=$!
tail -n +1 -f log >"$SCRATCH/log" 2>/dev/null &
log=$!
touch start
await running
eventually 30 grep -q ',3,' metrics.csv || fail "no third epoch"

step "$reads reads of a growing file see whole records"
python3 - "$reads" <<'END' || fail "a read was wrong"
import os
import sys

STATES = {"starting", "running"}


def whole(path, size):
    """One open: its bytes and what fstat says of them before and after."""
    fd = os.open(path, os.O_RDONLY)
    before, parts = os.fstat(fd).st_size, []
    while part := os.read(fd, size):
        parts.append(part)
    after = os.fstat(fd).st_size
    os.close(fd)
    return b"".join(parts), before, after


last = {"metrics.csv": b"", "log": b""}
for i in range(int(sys.argv[1])):
    for path in last:
        data, before, after = whole(path, 50 + i * 7 % 5000)
        assert before <= len(data) <= after, (path, before, len(data), after)
        assert data.endswith(b"\n"), (path, data[-80:])
        assert data.startswith(last[path]), (path, data[-80:])
        last[path] = data
    rows = [row.split(b",") for row in last["metrics.csv"].splitlines()]
    assert rows[0][0] == b"time" and all(len(row) == 8 for row in rows)
    if i % 10:
        continue
    for path in ("info", "progress", "eta", "config", "monitor.svg"):
        data, before, after = whole(path, 33 if path != "monitor.svg" else 999)
        assert before == len(data) == after, (path, before, len(data), after)
        assert data.endswith(b"\n"), (path, data[-80:])
        if path == "info":
            facts = dict(line.split(b": ", 1) for line in data.splitlines()
                         if b": " in line)
            assert facts[b"template"] == b"t", facts
        if path == "monitor.svg":
            assert data.endswith(b"</svg>\n")
    status, *_ = whole("status", 99)
    assert status.decode().strip() in STATES, status
END

step "those who followed a file have all of it"
touch stop
await stopped
# is_followed FILE OUTPUT: OUTPUT has to have all of FILE, from its first line.
is_followed() { [ "$(cat "$1")" = "$(cat "$2")" ]; }
eventually 5 is_followed metrics.csv "$SCRATCH/gnu" ||
    fail "tail -f is $(wc -l <"$SCRATCH/gnu") of $(wc -l <metrics.csv) lines"
eventually 5 is_followed metrics.csv "$SCRATCH/busybox" ||
    fail "busybox tail -f is $(wc -l <"$SCRATCH/busybox") lines"
eventually 5 is_followed log "$SCRATCH/log" || fail "tail -f log differs"
[ ! -s "$SCRATCH/gnu.err" ] || fail "tail said $(cat "$SCRATCH/gnu.err")"
kill $gnu $busybox $log
