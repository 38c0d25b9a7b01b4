#!/bin/bash
# Datasets and primo-train alone: one that cannot be trained on fails with a
# reason within seconds, before any work is done; single bad pictures are
# named and left out.
# timeout: 120
. "$(dirname "$0")/../lib.sh"

TRAIN=$BUILD/primo-train
cd "$SCRATCH"
pictures "$SCRATCH/data" 6 2

# attempt NAME [key=value…]: trains one epoch on $SCRATCH/NAME; the messages are
# in NAME.err.
attempt()
{
    local name=$1
    shift
    printf 'dataset = %s\nepochs = 1\nimage_size = 32\n' "$SCRATCH/$name" \
        >template
    rm -rf "$name.out"
    "$TRAIN" template "$name.out" threads=1 "$@" 2>"$name.err"
}

# fails NAME REGEX: the attempt has to fail with exit status 1 and this reason.
fails()
{
    local status=0 start=$SECONDS
    attempt "$1" || status=$?
    [ $status -eq 1 ] || fail "$1 ended with $status: $(cat "$1.err")"
    grep -Eq "^failed: .*$2" "$1.err" ||
        fail "$1 said '$(tail -n 1 "$1.err")', expected '$2'"
    [ $((SECONDS - start)) -lt 20 ] || fail "$1 took $((SECONDS - start)) s"
    [ ! -e "$1.out/model.onnx" ] || fail "$1 left a model"
}

# trains NAME REGEX: the attempt has to succeed, with a log that matches.
trains()
{
    attempt "$1" || fail "$1 failed: $(tail -n 3 "$1.err")"
    grep -Eq "$2" "$1.out/log" || fail "the log of $1 has no '$2'"
}

step "a dataset that cannot be read fails"
fails missing 'missing.*No such file'
echo text >file
fails file 'file'
mkdir empty
fails empty 'class'

step "a dataset needs two classes with pictures"
mkdir -p one/only
cp "$(find data/train -name "*.jpg" | sed -n 1p)" one/only/
fails one 'class'
cp -r data hollow
first=$(basename "$(find hollow/train -mindepth 1 -maxdepth 1 | sort | sed -n 1p)")
rm hollow/train/"$first"/*
fails hollow "$first"

step "single bad pictures are named and left out"
class=data/train/$first
some=$(find "$class" -name '*.jpg' | sort | sed -n 1p)
: >"$class/zero.jpg"
head -c 300 "$some" >"$class/cut.jpg"
echo "not a picture" >"$class/words.png"
# A PNG that ends with its header, which claims 60000 x 60000 pixels.
printf '\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\xea\x60\0\0\xea\x60\x08\2\0\0\0' \
    >"$class/huge.png"
trains data 'zero\.jpg'
for name in cut.jpg words.png huge.png; do
    grep -q "$name" data.out/log || fail "the log does not name $name"
done
rm "$class/zero.jpg" "$class/cut.jpg" "$class/words.png" "$class/huge.png"

step "a picture under another format's name is read"
cp "$some" "$class/renamed.png"
trains data 'dataset read: 10 classes, 61 training'
rm "$class/renamed.png"

step "uneven classes are reported and weighted"
trains data 'dataset read'
! grep -q uneven data.out/log || fail "6 pictures in each class are uneven"
cp -r data uneven
find uneven/train/"$first" -name '*.jpg' | sort | tail -n +3 | xargs rm
trains uneven 'classes are uneven, 2 to 6 training pictures'

step "a dataset of bad pictures only fails"
cp -r data broken
for picture in broken/train/"$first"/*; do
    : >"$picture"
done
fails broken "$first"
