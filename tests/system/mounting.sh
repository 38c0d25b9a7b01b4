#!/bin/bash
# Mounting and unmounting: what primofs promises of its exit status and
# messages, in all the ways in which people and programs mount it, and what it
# refuses.
# timeout: 120
. "$(dirname "$0")/../lib.sh"

primofs=$BUILD/primofs

# cannot_mount REGEX ARGUMENT…: primofs has to exit with an error and one
# sentence on standard error that matches REGEX, and to leave no daemon.
cannot_mount()
{
    local regex=$1 status=0
    shift
    timeout 20 "$primofs" "$@" >"$SCRATCH/out" 2>"$SCRATCH/err" </dev/null ||
        status=$?
    [ $status -ne 0 ] && [ $status -ne 124 ] ||
        fail "primofs $* exited with $status"
    [ ! -s "$SCRATCH/out" ] || fail "wrote to standard output"
    grep -Eq -- "$regex" "$SCRATCH/err" ||
        fail "said '$(cat "$SCRATCH/err")', expected a match of '$regex'"
    [ "$(wc -l <"$SCRATCH/err")" -eq 1 ] ||
        fail "said more than a line: $(cat "$SCRATCH/err")"
}

step "--help and --version answer"
expect_match 'STATE_DIR MOUNTPOINT' "$primofs" --help
expect_match '^primofs [0-9]+\.[0-9]+' "$primofs" --version
usage='usage: primofs STATE_DIR MOUNTPOINT'
expect_errno "$usage" "$primofs"
expect_errno "$usage" "$primofs" "$STATE"
expect_errno "$usage" "$primofs" "$STATE" "$MNT" too many

step "a mount that is not possible fails with one sentence"
cannot_mount "$SCRATCH/nowhere'; mkdir -p makes it" "$STATE" "$SCRATCH/nowhere"
echo text >"$SCRATCH/file"
cannot_mount "$SCRATCH/file" "$STATE" "$SCRATCH/file"
cannot_mount "$SCRATCH/file" "$SCRATCH/file" "$MNT"
cannot_mount "may not lie in the mount point" "$MNT" "$MNT"
cannot_mount "may not lie in the mount point" "$MNT/below/state" "$MNT"
expect_errno nonsense "$primofs" "$STATE" "$MNT" -o nonsense
for option in fsname=x subtype=x max_read=4096; do
    expect_errno "'$option' is not accepted" "$primofs" "$STATE" "$MNT" \
        -o "allow_other,$option"
done
no_daemon
limited() { (ulimit -v 4000000 && "$primofs" "$SCRATCH/small" "$MNT"); }
[ -n "${SANITIZE:-}" ] || expect_errno 'ulimit -v' limited

step "what is refused makes no state directory"
[ ! -e "$STATE" ]
if [ "$(id -u)" = 0 ]; then
    mkdir -m 777 "$SCRATCH/anyone"
    folder=$SCRATCH # everybody may pass the folders above
    while [ "$folder" != / ]; do
        case $(stat -c %A "$folder") in *[!xt]) chmod a+x "$folder" ;; esac
        folder=$(dirname "$folder")
    done
    as_nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }
    expect_errno "/dev/fuse|only by who may write it" as_nobody "$primofs" \
        "$SCRATCH/anyone/state" "$MNT"
    [ ! -e "$SCRATCH/anyone/state" ]
fi

step "a mount answers when primofs returns, and a second one is refused"
mount_primofs
[ -f "$MNT/README" ]
expect fuse.primofs findmnt -no FSTYPE "$MNT"
mkdir "$SCRATCH/other"
cannot_mount "$STATE.* in use by another primofs, which is mounted at '$MNT'" \
    "$STATE" "$SCRATCH/other"
cannot_mount "$MNT" "$SCRATCH/state2" "$MNT"
[ -f "$MNT/README" ]
put "$MNT/templates/kept" 'epochs = 3\n'
umount_primofs
[ -z "$(ls "$MNT")" ]

step "a mount can be made again as soon as it was unmounted"
for _ in 1 2 3 4 5; do
    mount_primofs
    fusermount3 -u "$MNT"
done
eventually 10 no_daemon

step "what a mount hides is said"
echo kept >"$SCRATCH/other/file"
expect_match "'$SCRATCH/other' is not empty" \
    "$primofs" "$SCRATCH/state2" "$SCRATCH/other"
umount_primofs "$SCRATCH/other"
expect kept cat "$SCRATCH/other/file"
rm -r "$SCRATCH/other/file" "$SCRATCH/state2"

step "two state directories can be mounted side by side"
mount_primofs
mount_primofs "$SCRATCH/state2" "$SCRATCH/other"
[ ! -e "$SCRATCH/other/templates/kept" ]
[ -e "$MNT/templates/kept" ]
umount "$SCRATCH/other"
expect 'epochs = 3' cat "$MNT/templates/kept"

step "SIGTERM to the daemon unmounts"
kill -TERM $(daemon_pids)
eventually 10 no_daemon
! is_mounted "$MNT"

step "-f stays in the foreground"
"$primofs" -f "$STATE" "$MNT" &
pid=$!
eventually 10 is_mounted "$MNT"
eventually 10 test -f "$MNT/README"
kill -TERM $pid
wait $pid || fail "a daemon in the foreground exits with $? after SIGTERM"
! is_mounted "$MNT"

step "-s uses one thread, and -d prints the requests"
mount_primofs "$STATE" "$MNT" -s
expect 'epochs = 3' cat "$MNT/templates/kept"
umount_primofs
"$primofs" -d "$STATE" "$MNT" 2>"$SCRATCH/debug" >&2 &
pid=$!
eventually 10 test -f "$MNT/README"
kill -TERM $pid
wait $pid || true
[ -s "$SCRATCH/debug" ]

step "-o ro mounts read-only"
mount_primofs "$STATE" "$MNT" -o ro
expect 'epochs = 3' cat "$MNT/templates/kept"
expect_errno 'Read-only file system' put "$MNT/templates/new" ''
expect_errno 'Read-only file system' mkdir "$MNT/processes/local"
expect_errno 'Read-only file system' rm "$MNT/templates/kept"
umount_primofs

step "a state directory that cannot be written is refused"
if [ "$(id -u)" = 0 ]; then
    mkdir "$SCRATCH/sealed"
    mount -t tmpfs -o ro none "$SCRATCH/sealed"
    cannot_mount "$SCRATCH/sealed.*Read-only" "$SCRATCH/sealed" "$MNT"
    cannot_mount "$SCRATCH/sealed.*Read-only" "$SCRATCH/sealed/new" "$MNT"
    umount "$SCRATCH/sealed"
else
    mkdir -m 500 "$SCRATCH/sealed"
    cannot_mount "$SCRATCH/sealed.*denied" "$SCRATCH/sealed" "$MNT"
fi
expect 700 stat -c %a "$STATE"

step "a state directory of a newer version is refused, and left as it is"
mount_primofs "$SCRATCH/state3" "$MNT"
umount_primofs
# The number of the format, a little-endian 1, becomes 9.
mdb_dump -s meta "$SCRATCH/state3/db" |
    sed '/^ 666f726d6174$/{n;s/^ 01/ 09/}' >"$SCRATCH/meta"
grep -q '^ 09' "$SCRATCH/meta"
mdb_load -s meta -f "$SCRATCH/meta" "$SCRATCH/state3/db"
cannot_mount 'newer' "$SCRATCH/state3" "$MNT"

step "it is mounted as mount(8) and fstab do"
if [ "$(id -u)" = 0 ] && command -v mount.fuse3 >/dev/null; then
    mount -t fuse "$primofs#$STATE" "$MNT" -o noatime,nodev
    expect 'epochs = 3' cat "$MNT/templates/kept"
    expect_match noatime findmnt -no OPTIONS "$MNT"
    umount_primofs
    install -D "$BUILD/primofs" "$SCRATCH/bin/primofs"
    PATH=$SCRATCH/bin:$PATH mount.fuse3 "$STATE" "$MNT" -t fuse.primofs
    expect 'epochs = 3' cat "$MNT/templates/kept"
    umount_primofs
fi

step "relative paths and a mount point with a space work"
mkdir "$SCRATCH/a b"
(cd "$SCRATCH" && "$primofs" state 'a b')
expect 'epochs = 3' cat "$SCRATCH/a b/templates/kept"
fusermount3 -u "$SCRATCH/a b"
eventually 10 no_daemon
