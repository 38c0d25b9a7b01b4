#!/bin/bash
# `primo-train evaluate` makes the reports of a training for another labelled
# folder: on the same pictures it says the same.
# timeout: 200
# not under: thread
. "$(dirname "$0")/../lib.sh"
cd "$SCRATCH"
evaluate() { "$BUILD/primo-train" evaluate "$@"; }

pictures data 6 4
printf 'dataset = %s\nepochs = 2\nimage_size = 32\nprecision = f32\n' \
    "$SCRATCH/data" >template
"$BUILD/primo-train" template model threads=1 2>log || fail "$(cat log)"

step "on the pictures that it was tested on, the figures are the same"
evaluate --out reports model data/test >figures
for file in README.md predictions.csv classes.csv confusion.csv confusion.svg \
    mistakes.csv mistakes.html thresholds.csv; do
    [ -s "reports/$file" ] || fail "there is no $file"
    [ -s "model/$file" ] || fail "the training made no $file"
done
diff <(cut -d, -f2,3,5 reports/predictions.csv) \
    <(cut -d, -f2,3,5 model/predictions.csv)
cmp reports/confusion.csv model/confusion.csv
expect "images: 40" head -n 1 figures
for key in mistakes accuracy average_precision macro_f1 temperature \
    calibration_error milliseconds_per_image; do
    expect_match "^$key: [0-9]" cat figures
done
expect "$(($(grep -c '' reports/mistakes.csv) - 1))" \
    sed -n 's/^mistakes: //p' figures

step "a part of the classes is enough, and paths may be relative or links"
mkdir some
cp -r data/test/bag some/bag
ln -s some link
expect "images: 4" sed 1q <(evaluate model link/)
expect "images: 4" sed 1q <(cd some && evaluate ../model .)
expect '' find . -newer link/bag -name '*.csv'

# exits STATUS REGEX ARGUMENT…: how evaluate has to end with these arguments.
exits()
{
    local wanted=$1 regex=$2 status=0
    shift 2
    evaluate "$@" >out 2>err || status=$?
    [ $status -eq "$wanted" ] || fail "exit status $status of evaluate $*"
    grep -Eq -- "$regex" err || fail "evaluate $* said '$(cat err)'"
}

step "a picture that cannot be read is named and left out"
echo no picture >some/bag/text.jpg
exits 1 "text\.jpg' is not a" model some
expect "images: 4" head -n 1 out
expect "unreadable_images: 1" sed -n 2p out

step "what cannot be evaluated is refused with what would be"
mkdir -p other/cat none/bag
exits 1 "'cat' in .*other' is none of the classes .*: ankle-boot, bag, " \
    model other
exits 1 "did you mean '.*data/test'" model data
exits 1 'no pictures in class folders' model none
exits 1 'absent' model absent
exits 1 'absent.*No such file' absent some
exits 1 "cannot create '/nowhere/out'" --out /nowhere/out model some
exits 2 '^usage: ' model
exits 2 "unknown option '--best'" --best model some
exits 2 "folder is expected after '--out'" --out
expect_match '^usage: .*MODEL_DIR FOLDER' evaluate --help
if [ -c /dev/full ]; then
    evaluate model data/test >/dev/full 2>err && fail "it wrote to a full disk"
    grep -q 'No space left' err
fi
