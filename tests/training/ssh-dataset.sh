#!/bin/bash
# copy_dataset = yes: the data set of this host is copied to the one that trains,
# over an sshd of the test's own on loopback.
# timeout: 700
# not under: address|thread (the loader that is carried has no sanitizer)
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../sshd.sh"
RSYNC=$(command -v rsync) || skip "no rsync (Debian package rsync)"

# The rsync "there" is missing, and that here slow, where a file says so.
mkdir "$SCRATCH/far-bin" "$SCRATCH/bin"
cat >"$SCRATCH/far-bin/rsync" <<SH
#!/bin/sh
[ ! -e "$SCRATCH/gone" ] || exit 127
exec "$RSYNC" "\$@"
SH
cat >"$SCRATCH/bin/rsync" <<SH
#!/bin/sh
[ ! -e "$SCRATCH/slow" ] || exec "$RSYNC" --bwlimit=400 "\$@"
exec "$RSYNC" "\$@"
SH
chmod +x "$SCRATCH/far-bin/rsync" "$SCRATCH/bin/rsync"
SSHD_ENV="PATH=$SCRATCH/far-bin:$PATH"
sshd_start
mount_primofs
cd "$MNT"

data="$SCRATCH/the data"
pictures "$data" 16 4
for part in train test; do
    mv "$data/$part/bag" "$data/$part/-a bag"
done
class="$data/train/-a bag"
files=("$class"/*.jpg)
mv "${files[0]}" "$class/-first of all.jpg"
mv "${files[1]}" "$class/a line"$'\n'"and another.jpg"
ln -s "a line"$'\n'"and another.jpg" "$class/link.jpg"
echo hidden >"$class/.hidden"
put templates/t "dataset = $data\nbase = scratch\nimage_size = 32\nepochs = 1\n"
printf 'launcher = ssh\nhost = there\ndirectory = %s\nthreads = 1
copy_dataset = yes\n' "$THERE" >machines/far
printf 'launcher = local\nthreads = 1\n' >machines/local
mkdir processes/far processes/local
for machine in far local; do
    echo t >processes/$machine/template
done
copies() { ls -d "$THERE"/datasets/*/*/; }
copying() { grep -q '^queue: the data set is being copied there: [0-9]' \
    processes/far/info; }
no_rsync() { [ -z "$(pids_of rsync)" ]; }

step "the copy trains the same model, and is called what the template calls it"
touch processes/far/start
expect succeeded timeout 150 cat processes/far/wait
touch processes/local/start
expect succeeded timeout 150 cat processes/local/wait
cmp models/t/1/model.safetensors models/t/2/model.safetensors
expect_match "$data\$" cat models/t/1/dataset
diff models/t/1/dataset models/t/2/dataset
expect 1 wc -l <<<"$(copies)"
there=$(copies)
diff -r --no-dereference -x .hidden "$data" "$there"
[ ! -e "$there/train/-a bag/.hidden" ]

step "next time, only what changed is copied, and what is cut goes on"
inodes() { (cd "$there" && find . -type f -printf '%i %P\0' | sort -z); }
inodes >"$SCRATCH/before"
rm "$class/-first of all.jpg"
head -c 20000000 /dev/urandom >"$class/big.bin"
touch "$SCRATCH/slow"
touch processes/far/start
eventually 30 copying || fail "$(cat processes/far/info)"
status_is starting far
sshd_stop
part="$there/train/-a bag/.primofs-part/big.bin"
eventually 20 test -s "$part" || fail "$(find "$there" -name '*big*')"
size=$(stat -c %s "$part")
rm "$SCRATCH/slow"
sshd_start
expect succeeded timeout 120 cat processes/far/wait
cmp "$class/big.bin" "$there/train/-a bag/big.bin"
[ ! -e "$part" ]
[ "$size" -lt 20000000 ]
diff -r --no-dereference -x .hidden "$data" "$there"
inodes >"$SCRATCH/after"
expect "train/-a bag/big.bin" cut -d ' ' -f 2- <(comm -z -13 \
    "$SCRATCH/before" "$SCRATCH/after" | tr -d '\0')

step "a stop ends the copying"
touch "$SCRATCH/slow"
head -c 20000001 /dev/urandom >"$class/big.bin"
touch processes/far/start
eventually 30 copying || fail "$(cat processes/far/info)"
touch processes/far/stop
await stopped 20 far
eventually 10 no_rsync || fail "rsync goes on"
! grep ^queue processes/far/info
rm "$class/big.bin" "$SCRATCH/slow"

# fails REGEX: a start fails with this reason.
fails()
{
    touch processes/far/start
    expect failed timeout 100 cat processes/far/wait
    expect_match "^reason: host 'there', step 'dataset': $1" \
        cat processes/far/info
}

step "no rsync there"
touch "$SCRATCH/gone"
fails 'rsync is not installed there; to try by hand: rsync -rltp '
rm "$SCRATCH/gone"

step "a data set that cannot be read"
mkdir "$data/shut"
chmod 0 "$data/shut"
fails '.*shut.*Permission denied'
rmdir "$data/shut"
mv "$data" "$SCRATCH/elsewhere"
fails '.*the data.*No such file'
mv "$SCRATCH/elsewhere" "$data"
[ -n "$(ls "$there")" ] # what was there stays

unreached() { grep -q '^far: NOT reached' overview; }
reached() { grep -q '^far: reached' overview; }
reconnect()
{
    sshd_stop
    eventually 30 unreached || fail "$(cat overview)"
    sshd_start
    eventually 60 reached || fail "$(cat overview)"
}

step "a copy that nobody has needed for a week is removed"
old=$(copies)
cp -a "$data" "$SCRATCH/other"
put templates/other "dataset = $SCRATCH/other\nbase = scratch\nimage_size = 32\nepochs = 1\n"
echo other >processes/far/template
touch processes/far/start
expect succeeded timeout 150 cat processes/far/wait
expect 2 wc -l <<<"$(copies)"
touch -d '6 days ago' "${old%/}.lock"
reconnect
expect 2 wc -l <<<"$(copies)"
touch -d '8 days ago' "${old%/}.lock"
reconnect
old_is_gone() { [ ! -e "$old" ]; }
eventually 30 old_is_gone || fail "$(ls -la "$THERE"/datasets/*)"
expect 1 wc -l <<<"$(copies)"
[ ! -e "${old%/}.lock" ]

step "a copy that a trainer reads is kept, whether a run there names it or not"
# As on one of several hosts that train together, where no run is but that of
# another host.
tidy()
{
    local id=("$THERE"/runs/*)
    "$BUILD/primo-train" --far "$THERE" "${id##*/}" "$BUILD/primo-train" \
        </dev/null >/dev/null
}
no_training() { [ -z "$(training_pids)" ]; }
copy=$(copies)
put templates/long "dataset = $SCRATCH/other\nbase = scratch\nimage_size = 32\nepochs = 9999\n"
echo long >processes/far/template
touch processes/far/start
await running 60 far
eventually 60 grep 'dataset read' processes/far/log
jobs=("$THERE"/runs/*/*/job)
for job in "${jobs[@]}"; do
    mv "$job" "$job-aside"
done
touch -d '8 days ago' "${copy%/}.lock"
tidy
[ -d "$copy" ] || fail "it was removed"
touch processes/far/stop
await stopped 30 far
eventually 20 no_training
tidy
[ ! -d "$copy" ] || fail "it is still there"
for job in "${jobs[@]}"; do
    mv "$job-aside" "$job"
done
echo t >processes/far/template

step "a full disk there"
if [ "$(id -u)" = 0 ] &&
    mount -t tmpfs -o size=1M none "$THERE/datasets"; then
    reconnect
    head -c 3000000 /dev/urandom >"$class/big.bin"
    fails '.*No space left on device'
    rm "$class/big.bin"
else
    echo "not root: left out"
fi

step "no rsync here"
cd /
umount_primofs
mkdir "$SCRATCH/here-bin"
ln -s /usr/bin/* "$SCRATCH/here-bin"
rm "$SCRATCH/here-bin/rsync" "$SCRATCH/bin/rsync"
(PATH=$SCRATCH/bin:$SCRATCH/here-bin mount_primofs)
cd "$MNT"
fails 'rsync cannot be started here: No such file'
