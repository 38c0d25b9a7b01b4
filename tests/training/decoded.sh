#!/bin/bash
# Pictures that were decoded for one training are there for the next one of the
# same user, and only for him. The model is the same with them and without; what
# has changed is decoded again, and what is damaged is not used.
# timeout: 300
# not under: address|thread
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../users.sh"
users_make anna boris
data=$SCRATCH/data
pictures "$data" 4 2
chmod -R a+rX "$data"
mount_primofs "$STATE" "$MNT" -o allow_other
printf '%s\n' "members = $anna $boris" 'templates = view create edit' \
    'processes = view create edit manage' 'models = view' >"$MNT/roles/trainers"
process=$MNT/processes/local
put "$MNT/templates/t" "dataset = $data\nbase = mobilenet\nepochs = 1
image_size = 32\n"
count=60

as() { runuser -u "$1" -- "${@:2}"; }
# trained USER: the user trains, and *model becomes the folder of the model.
trained()
{
    as "$1" touch "$process/start"
    await succeeded 120
    model=$MNT/models/t/$(readlink "$MNT/models/t/latest")
}
# decoded N: the last training has found so many pictures.
decoded()
{
    local found
    found=$(sed -n 's/.*pictures that were decoded before: //p' "$model/log")
    [ "${found:-0}" = "$1" ] ||
        fail "${found:-0} were decoded before, expected $1"
}
# same: its model is that of the first training, to the last bit.
same()
{
    local file
    for file in model.onnx model.safetensors dataset predictions.csv; do
        cmp "$first/$file" "$model/$file"
    done
}
kept() { find "$STATE/runs/decoded" -type f -size +0 | wc -l; }

as "$anna" mkdir "$process"
as "$anna" sh -c "echo t >'$process/template'"
sleep 4 # pictures that have just been made are not kept

step "the second training finds what the first has decoded"
trained "$anna"
first=$model
decoded 0
expect 1 kept
trained "$anna"
decoded $count
same
expect 1 kept

step "nobody else does"
expect 700 stat -c %a "$STATE/runs/decoded"
expect_errno 'Permission denied' as "$anna" ls "$STATE/runs/decoded"
trained "$boris"
decoded 0
same

step "a picture that he may not read any more is not there for him either"
picture=$(find "$data/train" -type f | sort | sed -n 1p)
chmod go-r "$picture"
trained "$boris"
decoded $((count - 1))
expect_match 'unreadable_images: 1' cat "$model/info"
chmod go+r "$picture"

step "one that was changed is decoded again, whatever its time says"
other=$(find "$data/train" -type f | sort | sed -n '$p')
cp -p "$picture" "$SCRATCH/picture"
touch -r "$picture" "$SCRATCH/time"
cat "$other" >"$picture"
touch -r "$SCRATCH/time" "$picture"
trained "$anna"
decoded $((count - 1))
cmp -s "$first/model.safetensors" "$model/model.safetensors" &&
    fail "the old picture was used"
cat "$SCRATCH/picture" >"$picture"

step "files that are damaged are not used"
for file in "$STATE"/runs/decoded/*; do
    size=$(stat -c %s "$file")
    [ "$size" -lt 100000 ] || dd if=/dev/urandom \
        of="$file" bs=10000 seek=1 count=5 conv=notrunc status=none
done
trained "$anna"
[ "$(sed -n 's/.*decoded before: //p' "$model/log")" -lt $count ]
same

step "without the folder there is a new one"
rm -r "$STATE/runs/decoded"
trained "$anna"
decoded 0
same

step "what was not used for a week goes"
touch -d '8 days ago' "$STATE"/runs/decoded/*
gone() { [ "$(kept)" = 0 ]; }
eventually 20 gone || fail "it stays: $(ls -l "$STATE/runs/decoded")"

step "a check has nothing against it, and a backup does without"
"$BUILD/primofs" --check "$STATE"
"$BUILD/primofs" --backup "$STATE" "$SCRATCH/backup.tar"
[ "$(tar -tf "$SCRATCH/backup.tar" | grep -c decoded)" = 0 ] ||
    fail "it is in the backup"

step "when others fill the disk it goes first"
umount_primofs
small=$SCRATCH/small
mkdir "$small"
mount -t tmpfs -o size=200m none "$small" 2>/dev/null || exit 0
STATE=$small/state
mount_primofs
put "$MNT/templates/t" "dataset = $data\nbase = mobilenet\nepochs = 1
image_size = 32\n"
mkdir "$process"
put "$process/template" t
trained root
expect 1 kept
# The run that has ended may still give room back.
filled=0
full_and_gone()
{
    local free
    free=$(($(stat -f -c '%a * %S' "$small")))
    [ $free -lt 200000 ] ||
        fallocate -l $((free - 100000)) "$small/rest.$((++filled))"
    gone
}
eventually 20 full_and_gone || fail "it stays: $(ls -l "$STATE/runs/decoded")"
rm "$small"/rest.*
trained root
decoded 0
expect 1 kept
umount_primofs
umount "$small"
