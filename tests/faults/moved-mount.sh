#!/bin/bash
# Who owns the folder of a mount point may move it and put another file system
# there: the process that makes inotify events writes nothing into that one.
# timeout: 180
. "$(dirname "$0")/../lib.sh"
command -v sshfs >/dev/null || skip "no sshfs"
[ -x /usr/lib/openssh/sftp-server ] || skip "no sftp-server"
command -v inotifywait >/dev/null || skip "no inotifywait"
mkdir -p "$SCRATCH/folder/mnt" "$SCRATCH/other/mnt" "$SCRATCH/served"
MNT=$SCRATCH/folder/mnt
mount_primofs
mkdir "$MNT/processes/local"
status=processes/local/status

step "it works where the mount is"
inotifywait -t 30 -e close_write "$MNT/$status" >"$SCRATCH/seen" 2>&1 &
waits=$!
eventually 10 grep -q established "$SCRATCH/seen" || fail "does not wait"
printf '%s\n' 'dataset = /nonexistent' >"$MNT/templates/t"
echo t >"$MNT/processes/local/template"
touch "$MNT/processes/local/start"
wait $waits || fail "no event"
await failed

step "and not where it was"
mkdir -p "$SCRATCH/served/processes/local"
printf 'a text of somebody else\n' >"$SCRATCH/served/$status"
cp "$SCRATCH/served/$status" "$SCRATCH/before"
printf '#!/bin/sh\nexec /usr/lib/openssh/sftp-server\n' >"$SCRATCH/ssh"
chmod +x "$SCRATCH/ssh"
sshfs -o "ssh_command=$SCRATCH/ssh" "localhost:$SCRATCH/served" \
    "$SCRATCH/other/mnt"
mv "$SCRATCH/folder" "$SCRATCH/moved"
mv "$SCRATCH/other" "$SCRATCH/folder"
expect 'a text of somebody else' cat "$SCRATCH/folder/mnt/$status"
MNT=$SCRATCH/moved/mnt
for _ in 1 2 3; do
    touch "$MNT/processes/local/start"
    await failed
    sleep 0.3
done
cmp "$SCRATCH/served/$status" "$SCRATCH/before" ||
    fail "written to: $(od -c "$SCRATCH/served/$status")"
