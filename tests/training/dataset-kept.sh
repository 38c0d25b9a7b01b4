#!/bin/bash
# A dataset is what the training began with. Pictures that come into its folders
# later are left out when the training is continued, also after a crash, and one
# that is gone is named.
# timeout: 240
. "$(dirname "$0")/../lib.sh"

mount_primofs
pictures "$SCRATCH/parts" 6 1
data=$SCRATCH/data
mv "$SCRATCH/parts/train" "$data" # class folders, which are split
printf 'dataset = %s\nepochs = 2000\nimage_size = 32\n' "$data" \
    >"$MNT/templates/t"
mkdir "$MNT/processes/local"
cd "$MNT/processes/local"
echo t >template
class=$(basename "$(find "$data" -mindepth 1 -maxdepth 1 | sort | sed -n 1p)")
some=$(basename "$(find "$data/$class" -name '*.jpg' | sort | sed -n 1p)")

touch start
await running
saved() { [ -e "$(find "$STATE" -path '*run*' -name checkpoint | sed -n 1p)" ]; }
eventually 60 saved || fail "no checkpoint"
touch stop
await stopped

step "a training goes on beside new pictures, folders and classes"
cp "$data/$class/$some" "$data/$class/dropped-by-robot.jpg"
cp -r "$data/$class" "$data/new-class"
mkdir "$data/empty-class"
rows=$(wc -l <metrics.csv)
touch resume
eventually 60 grep -q 'continuing from the checkpoint' log || fail "$(cat info)"
grep -q 'not used: .* pictures that were not there' log || fail "not told"
grep -q "$class/dropped-by-robot.jpg" log || fail "not named"
await running
more() { [ "$(wc -l <metrics.csv)" -gt "$rows" ]; }
eventually 60 more || fail "no further rows"
grep -q 'not used: .*dropped-by-robot.jpg' dataset || fail "not in the report"

step "so does one that was killed"
kill -9 $(trainer_pids)
twice() { [ "$(grep -c 'continuing from the checkpoint' log)" = 2 ]; }
eventually 60 twice || fail "not continued: $(cat info)"
await running
touch stop
await stopped

step "a picture that is gone is named"
mv "$data/$class/$some" "$SCRATCH/"
touch resume
await failed
grep -q "reason: the training began with the picture '$class/$some'" info ||
    fail "$(cat info)"
mv "$SCRATCH/$some" "$data/$class/"
touch resume
await running
touch stop
await stopped
