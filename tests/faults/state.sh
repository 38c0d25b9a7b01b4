#!/bin/bash
# timeout: 120
# A state directory whose database is missing, damaged or another one's, or that
# is not the daemon's own, is refused with a sentence, and nothing in it changes.
. "$(dirname "$0")/../lib.sh"

primofs=$BUILD/primofs
kept=$SCRATCH/kept

contents() { (cd "$STATE" && find . -type f ! -path './db/lock.mdb' \
    -exec sha256sum {} + | sort -k 2); }

# refuses REGEX: the mount is refused with REGEX and leaves all as it was.
refuses()
{
    local before
    before=$(contents)
    expect_errno "$1" timeout 20 "$primofs" "$STATE" "$MNT"
    ! is_mounted "$MNT" || fail "it is mounted"
    eventually 10 no_daemon
    [ "$(contents)" = "$before" ] || fail "files have changed"
}

# again: the state directory as it was made below.
again()
{
    rm -rf "$STATE"
    cp -a "$kept" "$STATE"
}

step "a state directory with a base, a template and a run that failed"
mount_primofs
cp "$MNT/bases/base" "$MNT/bases/mine"
put "$MNT/templates/t" "dataset = $SCRATCH/none\nbase = mine\n"
mkdir "$MNT/processes/local"
put "$MNT/processes/local/template" t
touch "$MNT/processes/local/start"
await failed
umount_primofs
eventually 10 no_trainer
[ -n "$(ls "$STATE/runs")" ]
[ -n "$(ls "$STATE/bases")" ]
mkdir "$STATE/models/7" # nobody names it
echo text >"$STATE/models/7/model.onnx"
cp -a "$STATE" "$kept"

step "a database that is missing, in all ways"
for how in 'rm -r db' 'rm db/data.mdb' 'truncate -s 0 db/data.mdb' \
    'rm -r db identity'; do
    again
    (cd "$STATE" && $how)
    refuses "the database .*missing or empty.*--salvage $STATE"
done

step "one that is damaged"
for how in 'truncate -s 20000 db/data.mdb' 'truncate -s 40960 db/data.mdb' \
    'dd if=/dev/zero of=db/data.mdb bs=4096 count=2 conv=notrunc status=none' \
    'dd if=/dev/urandom of=db/data.mdb bs=4096 seek=3 conv=notrunc count=40
        status=none'; do
    again
    # shellcheck disable=SC2086
    (cd "$STATE" && $how)
    refuses "state database is damaged.*--check $STATE.*--salvage $STATE"
done

step "records, and a format, that this version does not know"
# edit FROM TO: change lines of the database's dump
edit()
{
    mdb_dump -a "$STATE/db" | sed "$1" >"$SCRATCH/dump"
    rm -r "$STATE/db"
    mkdir -m 700 "$STATE/db"
    mdb_load "$STATE/db" <"$SCRATCH/dump" 2>/dev/null
}
again # the records of objects, behind their keys of 8 bytes
edit '/^database=object$/,/^DATA=END$/s/^ 0400000/ 0700000/'
refuses "newer primofs .*layout 7"
again
edit '/^ 666f726d6174$/{n;s/.*/ 63000000/}'
refuses "newer primofs .*format 99"
again
edit '/^ 666f726d6174$/{n;s/.*/ 02000000/}'
refuses "newer primofs .*format 2"

step "the database of another directory"
mount_primofs "$SCRATCH/other" "$MNT"
umount_primofs
again
cp "$SCRATCH/other/db/data.mdb" "$STATE/db/data.mdb"
refuses "not the one of this state directory.*identity"

step "one that is not the daemon's own"
again
chmod g+w "$STATE"
refuses "can be written by others"
again
chmod o+w "$STATE/runs"
refuses "runs.*can be written by others"
for name in models bases runs lost db; do
    again
    mv "$STATE/$name" "$SCRATCH/away"
    ln -s "$SCRATCH/away" "$STATE/$name"
    refuses "'$name'.* [Nn]ot a directory"
    [ -n "$(ls "$SCRATCH/away")" ] || [ $name != models ] || fail "swept"
    rm "$STATE/$name"
    rm -r "$SCRATCH/away"
done
again
ln -s "$STATE" "$SCRATCH/link"
expect_errno "'$SCRATCH/link' is not a directory" "$primofs" "$SCRATCH/link/" \
    "$MNT"
if [ "$(id -u)" = 0 ]; then
    for name in . models bases runs db; do
        again
        chown nobody "$STATE/$name"
        refuses "belongs to user"
    done
fi

step "and in order it is mounted: what nobody names is kept aside"
again
mount_primofs
[ ! -e "$STATE/models/7" ]
expect text cat "$STATE/lost/models.7/model.onnx"
expect_match 'lost/models\.7 moved there' cat "$MNT/events"
[ -n "$(ls "$STATE/runs")" ]
cmp "$MNT/bases/mine" "$MNT/bases/base"
touch "$MNT/processes/local/resume"
await failed
umount_primofs
touch -d '8 days ago' "$STATE/lost/models.7"
mount_primofs
eventually 10 eval '[ ! -e "$STATE/lost/models.7" ]'
umount_primofs

step "a directory of an older version has no identity, and gets one"
again
rm "$STATE/identity"
edit '/^ 6964656e74697479$/{N;d}' # its key in the table `meta`
! mdb_dump -a "$STATE/db" | grep '^ 6964656e74697479$'
mount_primofs
[ -s "$STATE/identity" ]
umount_primofs
mdb_dump -a "$STATE/db" | grep '^ 6964656e74697479$'
