#!/bin/bash
# The daemon is ended, killed and restarted, with files open and readers
# waiting. Nobody may be left hanging, nothing that was confirmed may be lost,
# and one command has to bring the mount back.
# timeout: 180
. "$(dirname "$0")/../lib.sh"

process=$MNT/processes/local
running_training()
{
    [ -d "$process" ] || mkdir "$process"
    echo long >"$process/template"
    touch "$process/start"
    await running
}
mount_primofs
pictures "$SCRATCH/data" 20 2
printf 'dataset = %s\nepochs = 9000\nimage_size = 32\n' "$SCRATCH/data" \
    >"$MNT/templates/long"
running_training

step "an unmount is refused while a shell is inside"
(cd "$MNT/templates" && exec sleep 60) &
inside=$!
sleep 0.1
expect_errno 'busy' fusermount3 -u "$MNT"
kill $inside
wait $inside || true

# waiters N: starts so many readers of `wait`; their pids are in $readers.
waiters()
{
    readers=()
    local i
    for ((i = 0; i < $1; i++)); do
        cat "$process/wait" >"$SCRATCH/waited.$i" 2>&1 &
        readers+=($!)
    done
    local last=$SCRATCH/fds
    are_waiting() {
        ls -l /proc/"${readers[-1]}"/fd >"$last" && grep -q "$MNT" "$last"
    }
    eventually 20 are_waiting
}
gone() { ! kill -0 "$1" 2>/dev/null; }

step "a reader of wait ends at once with Ctrl-C and with kill -9"
for signal in INT KILL TERM; do
    python3 - "$process/wait" $signal <<'END' || fail "$signal does not end it"
import signal, subprocess, sys, time
reader = subprocess.Popen(["cat", sys.argv[1]], stdout=subprocess.DEVNULL)
time.sleep(0.3)
assert reader.poll() is None, "did not wait"
reader.send_signal(getattr(signal, "SIG" + sys.argv[2]))
reader.wait(5)
END
done

# readers.py PATH COUNT FILE: starts COUNT threads that read PATH, all of which
# have to end with an error, and makes FILE when they are waiting.
cat >"$SCRATCH/readers.py" <<'END'
import os, sys, threading, time

path, count, there = sys.argv[1], int(sys.argv[2]), sys.argv[3]
threading.stack_size(1 << 18)
opened, failed = [], []


def read():
    fd = os.open(path, os.O_RDONLY)
    opened.append(fd)
    try:
        os.read(fd, 99)
    except OSError:
        failed.append(fd)


threads = [threading.Thread(target=read) for _ in range(count)]
for thread in threads:
    thread.start()
while len(opened) < count:
    time.sleep(0.05)
time.sleep(0.5)
assert not failed, "some do not wait"
open(there, "w").close()
for thread in threads:
    thread.join()
sys.exit(len(failed) != count)
END

step "a thousand readers of wait hold no thread, and the rest answers"
waiters 30
python3 "$SCRATCH/readers.py" "$process/wait" 1000 "$SCRATCH/there" &
many=$!
eventually 60 test -e "$SCRATCH/there" || fail "they do not come to wait"
threads=$(grep -c . <(ls "/proc/$(daemon_pids)/task"))
[ "$threads" -le 40 ] || fail "the daemon has $threads threads"
expect running cat "$process/status"
expect_match 'epochs = 9000' cat "$MNT/templates/long"

step "SIGTERM ends the daemon, whatever is open, and releases all readers"
exec 7<"$process/metrics.csv" 8>>"$MNT/templates/long" 9<"$process/status"
kill -TERM $(daemon_pids)
eventually 5 no_daemon || fail "the daemon goes on for 5 s"
for reader in "${readers[@]}"; do
    ! wait "$reader" || fail "a waiter of an unmounted file ended well"
done
wait $many || fail "some of the thousand ended well"
exec 7<&- 8>&- 9<&-
is_mounted "$MNT" && fail "it is still mounted"
[ -n "$(trainer_pids)" ] || fail "the training is gone"

step "after kill -9 the same command mounts again"
mount_primofs
expect running cat "$process/status"
exec 9<"$MNT/README"
kill -9 $(daemon_pids)
eventually 5 no_daemon
expect_errno 'not connected|connection abort' ls "$MNT"
mkdir "$SCRATCH/other-mnt"
mount_primofs "$SCRATCH/other" "$SCRATCH/other-mnt"
expect_errno "$MNT" "$BUILD/primofs" "$SCRATCH/third" "$MNT" # not its own
[ ! -e "$SCRATCH/third/db" ] || fail "it made a state that it did not mount"
mount_primofs
exec 9<&-
[ -f "$MNT/README" ]
[ -f "$SCRATCH/other-mnt/README" ] || fail "another mount was taken away"
expect running cat "$process/status"
fusermount3 -u "$SCRATCH/other-mnt"

step "it can be mounted again as soon as the daemon was killed"
for ((i = 0; i < 15; i++)); do
    kill -9 $(daemon_pids)
    mount_primofs
done
expect running cat "$process/status"

step "file handles, as NFS has them, work across a restart"
if [ "$(id -u)" = 0 ]; then
    touch "$process/stop"
    await stopped
    cat >"$SCRATCH/handles.py" <<'END'
import ctypes, os, pickle, sys

libc = ctypes.CDLL(None, use_errno=True)
root, store, verb, *names = sys.argv[1:]


class Handle(ctypes.Structure):
    _fields_ = [("bytes", ctypes.c_uint), ("type", ctypes.c_int),
                ("data", ctypes.c_ubyte * 128)]


if verb == "save":
    out = {}
    for name in names:
        h, mount = Handle(bytes=128), ctypes.c_int()
        path = os.path.join(root, name).encode()
        assert libc.name_to_handle_at(-100, path, ctypes.byref(h),
                                      ctypes.byref(mount), 0) == 0, \
            os.strerror(ctypes.get_errno())
        out[name] = h.bytes, h.type, bytes(h.data), os.stat(path).st_ino
    pickle.dump(out, open(store, "wb"))
else:
    mount = os.open(root, os.O_RDONLY)
    for name, (size, kind, data, inode) in pickle.load(open(store, "rb")).items():
        h = Handle(bytes=size, type=kind)
        ctypes.memmove(h.data, data, len(data))
        fd = libc.open_by_handle_at(mount, ctypes.byref(h), os.O_RDONLY)
        assert fd >= 0, name + ": " + os.strerror(ctypes.get_errno())
        path = os.path.join(root, name)
        assert os.fstat(fd).st_ino == inode == os.stat(path).st_ino, name
        if not os.path.isdir(path):
            got = b"".join(iter(lambda: os.read(fd, 999), b""))
            assert got == open(path, "rb").read(), name
        os.close(fd)
END
    python3 "$SCRATCH/handles.py" "$MNT" "$SCRATCH/handles" save templates \
        templates/long processes/local processes/local/status README \
        processes/local/metrics.csv processes/local/info machines/local .
    umount_primofs
    mount_primofs
    python3 "$SCRATCH/handles.py" "$MNT" "$SCRATCH/handles" open
    kill -9 $(daemon_pids)
    eventually 5 no_daemon
    mount_primofs
    python3 "$SCRATCH/handles.py" "$MNT" "$SCRATCH/handles" open
fi

step "inode numbers are never used again"
numbers() { for i in 1 2 3 4 5; do
    echo "epochs = $i" >"$MNT/templates/n"
    stat -c %i "$MNT/templates/n"
    echo x >"$MNT/templates/.scratch"
    stat -c %i "$MNT/templates/.scratch"
    rm "$MNT/templates/n" "$MNT/templates/.scratch"
done; }
{
    numbers
    kill -9 $(daemon_pids)
    eventually 5 no_daemon
    mount_primofs
    numbers
    umount_primofs
    mount_primofs
    numbers
} >"$SCRATCH/numbers"
[ "$(sort "$SCRATCH/numbers" | uniq -d)" = "" ] ||
    fail "used again: $(sort "$SCRATCH/numbers" | uniq -d)"
expect 30 sh -c "wc -l <'$SCRATCH/numbers'"
