#!/bin/bash
# Read-only mounts (-o ro), beside the daemon of the same state directory or
# at a copy of it. They show what the daemon does at once, and change nothing.
# timeout: 120
. "$(dirname "$0")/../lib.sh"

view=$SCRATCH/view
mkdir "$view"
no_view() { expect_errno "$1" "$BUILD/primofs" "${@:2}" -o ro; }

step "a directory without a state is refused, and left as it is"
no_view 'is not a state directory' "$SCRATCH/empty" "$view"
[ ! -e "$SCRATCH/empty" ]
mkdir "$SCRATCH/other"
no_view 'is not a state directory' "$SCRATCH/other" "$view"
[ -z "$(ls "$SCRATCH/other")" ]

step "two read-only mounts stand beside the daemon"
mount_primofs
daemon=$(daemon_pids)
mount_primofs "$STATE" "$view" -o ro
mkdir "$SCRATCH/view2"
mount_primofs "$STATE" "$SCRATCH/view2" -o ro
put "$MNT/templates/kept" 'epochs = 3\n'
expect 'epochs = 3' cat "$view/templates/kept"
put "$MNT/templates/kept" 'epochs = 44\n'
expect 'epochs = 44' cat "$view/templates/kept"
expect 12 stat -c %s "$SCRATCH/view2/templates/kept"
mv "$MNT/templates/kept" "$MNT/templates/new"
expect new ls "$view/templates"
for change in "touch $view/templates/x" "mkdir $view/processes/local" \
    "rm $view/templates/new" "mv $view/templates/new $view/templates/y" \
    "chmod 600 $view/templates/new" "cp /dev/null $view/templates/new"; do
    expect_errno 'Read-only file system' $change
done
expect_errno 'Invalid' put "$MNT/templates/bad" 'epohcs = 1\n'
has_refusal() { grep -q "did you mean 'epochs'" "$view/errors"; }
eventually 3 has_refusal || fail "errors: $(cat "$view/errors")"

step "a training can be watched through a read-only mount"
pictures "$SCRATCH/data" 6 2
printf 'dataset = %s\nepochs = 3\nimage_size = 32\n' "$SCRATCH/data" \
    >"$MNT/templates/t"
mkdir "$MNT/processes/local"
echo t >"$MNT/processes/local/template"
expect created cat "$view/processes/local/status"
expect_errno 'Read-only file system' touch "$view/processes/local/start"
touch "$MNT/processes/local/start"
python3 - "$view/processes/local/status" <<'END' &
import os, select, sys
fd = os.open(sys.argv[1], os.O_RDONLY)
poll = select.poll()
poll.register(fd, select.POLLPRI)
while os.pread(fd, 99, 0) != b"succeeded\n":
    assert poll.poll(60000), "not told"
END
poller=$!
expect succeeded timeout 60 cat "$view/processes/local/wait"
wait $poller || fail "poll() on the view"
cmp "$MNT/processes/local/metrics.csv" "$view/processes/local/metrics.csv"
cmp "$MNT/models/t/1/model.onnx" "$view/models/t/latest/model.onnx"
diff -r "$MNT/models" "$view/models"
expect_match 'local .*succeeded' cat "$view/overview"

step "a read-only mount outlives the daemon, and shows the next one"
fusermount3 -u "$SCRATCH/view2"
kill -9 "$daemon"
[ -s "$view/models/t/1/model.onnx" ]
mount_primofs
put "$MNT/templates/later" ''
expect_match '^later$' ls "$view/templates"
umount "$MNT"
fusermount3 -u "$view"
eventually 10 no_daemon

step "a copy that cannot be written is shown, too"
if [ "$(id -u)" = 0 ]; then
    mkdir "$SCRATCH/copy"
    mount --bind "$STATE" "$SCRATCH/copy"
    mount -o remount,bind,ro "$SCRATCH/copy"
    mount_primofs "$SCRATCH/copy" "$view" -o ro
    expect succeeded cat "$view/processes/local/wait"
    cmp "$STATE"/models/*/model.onnx "$view/models/t/1/model.onnx"
    fusermount3 -u "$view"
    eventually 10 no_daemon
    umount "$SCRATCH/copy"
fi

step "the state of another user is refused"
if [ "$(id -u)" = 0 ]; then
    chmod 711 "$SCRATCH"
    install -d -o nobody "$SCRATCH/theirs"
    expect_errno 'denied' runuser -u nobody -- "$BUILD/primofs" \
        "$STATE" "$SCRATCH/theirs" -o ro
fi
