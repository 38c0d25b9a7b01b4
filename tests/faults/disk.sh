#!/bin/bash
# timeout: 300
# not under: address|thread
# A disk that is full, over its quota, broken or slow at each stage: whoever is
# concerned hears the reason, `stop` stops, nothing is left half done, and all
# goes on when the disk does. And clocks that are set: only printed times notice.
#
# Calls of the daemon are made to fail by a library of our own. Where root may
# mount one, a small file system is really full.
. "$(dirname "$0")/../lib.sh"

control=$SCRATCH/faults
process=$MNT/processes/local
full='No space left on device'
quota='Disk quota exceeded'
broken='Input/output error'

faulty() { printf '%s\n' "$@" >"$control.new" && mv "$control.new" "$control"; }
well() { faulty ''; }
mount_faulty()
{
    FAULTS=$control LD_PRELOAD=$BUILD/tests/faults/preload/faults.so \
        mount_primofs
}
says() { grep -q "$1" "$2"; }

# shows REGEX FILE…: each of the files of the process says so in the end.
shows()
{
    local file
    for file in "${@:2}"; do
        eventually 90 says "$1" "$process/$file" ||
            fail "$file does not say '$1': $(tail -n 3 "$process/$file")"
    done
}

# stops: `stop` does, soon.
stops()
{
    touch "$process/stop"
    await stopped 8
}

# in_order FILE: the times that its lines begin with do not go back.
in_order()
{
    grep -o '^20[0-9T:.Z-]*' "$1" | sort -c ||
        fail "times in ${1#"$MNT/"} go back"
}

pictures "$SCRATCH/data" 4 2
well
mount_faulty
put "$MNT/templates/t" "dataset = $SCRATCH/data\nepochs = 2\nimage_size = 32\n"
put "$MNT/machines/other" 'description = not this host\n'
mkdir "$process"
put "$process/template" t

# what is failed | the reason
while IFS='|' read -r rule reason; do
    step "saving: $rule"
    faulty "$rule"
    refused "$reason" "$reason" put "$MNT/templates/new" 'epochs = 3\n'
    [ ! -e "$MNT/templates/new" ] || fail "a new file that is not saved stays"
    refused "$reason" "$reason" put "$MNT/templates/t" 'epochs = 3\n'
    expect_match 'epochs = 2' cat "$MNT/templates/t"
    refused "$reason" "$reason" mkdir "$MNT/processes/other"
    well
    put "$MNT/templates/new" 'epochs = 3\n'
    expect 'epochs = 3' cat "$MNT/templates/new"
    rm "$MNT/templates/new"
done <<END
write /data.mdb 28|$full
write /data.mdb 122|$quota
END

step "saving: a broken disk"
faulty 'sync /data.mdb 5'
expect_errno "$broken" cp "$MNT/templates/t" "$MNT/templates/new"
eventually 5 test ! -e "$MNT/templates/new"
well
cp "$MNT/templates/t" "$MNT/templates/new"

step "uploading a base"
for rule in 'write /bases/ 28' 'make /bases/ 28'; do
    faulty "$rule"
    expect_errno "$full" cp "$MNT/bases/base" "$MNT/bases/mine"
    [ ! -s "$MNT/bases/mine" ]
    well
    rm -f "$MNT/bases/mine"
done

step "starting"
faulty 'make /runs/ 28'
touch "$process/start"
await failed
shows "$full" info progress log
well

step "a training goes on while the store is full, and while clocks are set"
touch "$process/start"
eventually 60 says 'stage: training' "$process/log"
faulty 'write /data.mdb 28' 'clock -3600'
eventually 20 says "processes/local.*$full" "$MNT/errors"
for file in status info progress metrics.csv log; do
    cat "$process/$file" >/dev/null
done
faulty 'clock 86400' 'write /models/ 28'

# what is failed | the reason | what becomes of the process by itself
while IFS='|' read -r rule reason end; do
    step "saving a model: $rule"
    faulty "$rule" 'clock -600'
    [ "$(cat "$process/status")" != stopped ] &&
        [ "$(cat "$process/status")" != failed ] || touch "$process/resume"
    if [ "$end" = failed ]; then
        await failed 90
        shows "$reason" info progress log
    else
        [ -z "$reason" ] || shows "cannot be saved.*$reason" info progress log
        [ -n "$reason" ] || sleep 1
        stops
    fi
    [ ! -e "$MNT/models/t/1" ] || fail "there is a model"
done <<END
write /models/ 28|$full|
write /models/ 122|$quota|
make /models 28|$full|
write /models/ 5|$broken|failed
sync /models/ 5|$broken|failed
sync /models/ -4000||
END

step "and when the disk works, what was trained is published"
well
touch "$process/resume"
await succeeded
cmp "$MNT/models/t/1/model.onnx" "$process/model/model.onnx"
expect 3 wc -l <"$process/metrics.csv"
in_order "$process/log"
in_order "$process/metrics.csv"
in_order "$MNT/events"
awk '/^started:/ { s = $2 } /^finished:/ { f = $2 } END { exit f < s }' \
    "$process/info" || fail "finished before it started"
umount_primofs
[ ! -e "$STATE/models/"*.new ] || fail "something is left of a try"

step "what is lost stays for a week, however the clock is set"
mkdir "$STATE/models/77777" "$STATE/models/88888" # nobody names them
mount_faulty
umount_primofs
[ -d "$STATE/lost/models.77777" ]
touch -d '8 days ago' "$STATE/lost/models.88888"
faulty 'clock 40000000'
mount_faulty
eventually 20 eval '[ ! -e "$STATE/lost/models.88888" ]' || fail "it stays"
umount_primofs
[ -d "$STATE/lost/models.77777" ] || fail "it went with a clock that was set"
rm -r "$STATE/lost/models.77777"
well

step "a file system that is really full"
[ "$(id -u)" = 0 ] && mkdir "$SCRATCH/small" &&
    mount -t tmpfs -o size=400m tmpfs "$SCRATCH/small" 2>/dev/null || {
    echo "   not tried: it takes root, who may mount one"
    exit 0
}
cp -a "$STATE" "$SCRATCH/small/state"
STATE=$SCRATCH/small/state
chmod 700 "$STATE"
mount_primofs
fill() { dd if=/dev/zero of="$SCRATCH/small/fill$1" bs=64k status=none \
    2>/dev/null || true; }
small() { put "$MNT/templates/small$1" "description = $(printf '%3000d' 0)\n"; }
small 0
fill 1
for ((i = 1; i < 200; i++)); do # until the database has no free page left
    small $i 2>/dev/null || break
done
[ $i -lt 200 ] || fail "the disk is not full"
[ ! -e "$MNT/templates/small$i" ] || fail "a file that is not saved stays"

step "removing works, and makes room"
rm "$MNT/templates/small0"
fill 2 # what the reserve has given back
rm -r "$MNT/models/t/1"
[ ! -e "$MNT/models/t" ] || expect versions.csv ls "$MNT/models/t"
small again
cat "$MNT/templates/smallagain" >/dev/null
eventually 10 test -e "$STATE/reserve" || fail "there is no new reserve"

step "a full disk is mounted, and a process removed from it"
fill 3
umount_primofs
mount_primofs
expect_errno "$full" cp "$MNT/bases/base" "$MNT/bases/mine"
rmdir "$process"
rm "$MNT/templates/smallagain"
umount_primofs
