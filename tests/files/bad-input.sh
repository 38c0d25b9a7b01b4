#!/bin/bash
# Datasets and pictures that are not what they should be. Users bring whatever
# lies in a folder, so each bad picture is left out and named, each bad
# dataset fails with one clear sentence, and the mount goes on as before.
# timeout: 300
. "$(dirname "$0")/../lib.sh"
pictures "$SCRATCH/good" 8 3
mount_primofs
process=$MNT/processes/local
mkdir "$process"

train() # DATASET [LINE]
{
    printf 'dataset = %s\nimage_size = 32\nepochs = 1\n%s\n' "$1" "${2:-}" \
        >"$MNT/templates/t"
    echo t >"$process/template"
    touch "$process/start"
    timeout 90 cat "$process/wait" >"$SCRATCH/end"
}

fails() # REGEX DATASET [LINE]
{
    local regex=$1
    shift
    train "$@"
    expect failed cat "$SCRATCH/end"
    expect_match "^reason: .*($regex)" cat "$process/info"
    expect 1 sh -c "grep -c ^reason: '$process/info'"
}

classes() # DIR: a copy of the good dataset's training part
{
    rm -rf "$1"
    cp -r "$SCRATCH/good/train" "$1"
}

step "a dataset that cannot be trained on fails with a reason"
fails "$SCRATCH/nowhere" "$SCRATCH/nowhere"
echo text >"$SCRATCH/file"
fails "$SCRATCH/file" "$SCRATCH/file"
mkdir "$SCRATCH/empty"
fails 'class' "$SCRATCH/empty"
mkdir "$SCRATCH/one"
cp -r "$(ls -d "$SCRATCH"/good/train/* | sed -n 1p)" "$SCRATCH/one/"
fails 'class' "$SCRATCH/one"
classes "$SCRATCH/hollow"
mkdir "$SCRATCH/hollow/hollow-class"
fails 'hollow-class' "$SCRATCH/hollow"
fails 'extension|png' "$SCRATCH/good" 'extensions = png'

step "pictures that cannot be read are left out, and named in the log"
classes "$SCRATCH/mixed"
class=$(ls -d "$SCRATCH"/mixed/* | sed -n 1p)
good=$(ls "$class"/*.jp* | sed -n 1p)
: >"$class/zero-byte.jpg"
head -c $(($(stat -c %s "$good") / 2)) "$good" >"$class/truncated.jpg"
echo 'this is no picture' >"$class/text.png"
head -c 100000 /dev/urandom >"$class/random.tif"
printf 'GIF89a' >"$class/other.bmp"
# A PNG whose header claims 60000 x 60000 pixels.
printf '\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\xea\x60\0\0\xea\x60\x08\x02\0\0\0' \
    >"$class/huge.png"
head -c 100 /dev/zero >>"$class/huge.png"
mkfifo "$class/pipe.jpg"
ln -s /dev/zero "$class/device.jpg"
ln -s nowhere "$class/dangling.jpg"
: >"$class/.hidden.jpg"
mkdir "$SCRATCH/mixed/.hidden"
# A PNG that is named .jpg is a picture.
png=$SCRATCH/png
"$BUILD/examples/fashion-mnist" "$png" 1 1 --png >/dev/null
cp "$(find "$png" -name '*.png' | sed -n 1p)" "$class/renamed-png.jpg"
cp "$good" "$class/UPPER.JPG"
cp "$good" "$class/$(printf 'latin\xe9.jpg')"
cp "$good" "$class/$(printf 'new\nline.jpg')"
train "$SCRATCH/mixed"
expect succeeded cat "$SCRATCH/end"
for name in zero-byte.jpg truncated.jpg text.png random.tif other.bmp \
    huge.png; do
    expect_match "$name.*[a-z]" grep "$name" "$process/log"
done
expect_match 'huge.png.*60000' cat "$process/log"
for name in renamed-png.jpg UPPER.JPG hidden; do
    ! grep -q "$name" "$process/log" || fail "$name is in the log"
done
iconv -f UTF-8 -t UTF-8 "$process/log" >/dev/null
expect 10 sh -c "wc -l <'$process/model/labels.txt'"

step "a class without a readable picture fails the training"
classes "$SCRATCH/broken"
mkdir "$SCRATCH/broken/zzz"
for i in 1 2 3 4 5; do : >"$SCRATCH/broken/zzz/$i.jpg"; done
fails zzz "$SCRATCH/broken"

step "a batch may be larger than the dataset"
train "$SCRATCH/good" 'batch_size = 1024'
expect succeeded cat "$SCRATCH/end"

step "the mount still works, and keeps the status over a restart"
expect 'README' sh -c "cd '$MNT'; ls README"
umount_primofs
mount_primofs
expect succeeded cat "$process/status"
