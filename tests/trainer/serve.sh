#!/bin/bash
# The worker of a service alone: it is told of pictures in a file of its run
# directory, and its journal says of each what `predict` says. A picture that
# cannot be read is an answer too; another model takes over between two
# pictures; a stop ends it.
# not under: thread
. "$(dirname "$0")/../lib.sh"
train=$BUILD/primo-train
run=$SCRATCH/run
mkdir "$run" "$SCRATCH/a" "$SCRATCH/b"
"$BUILD/tests/unit/files/export_test" "$SCRATCH/a" 32 7 resnet18
"$BUILD/tests/unit/files/export_test" "$SCRATCH/b" 32 5 resnet18
pictures "$SCRATCH/data" 1 5
cd "$SCRATCH/data/test"
files=(*/*.jpg)
cd "$run"
cp "$SCRATCH/a/model.safetensors" model.1
cp "$SCRATCH/b/model.safetensors" model.2
printf 'threads = 1\nlang = en\n' >job
printf 'precision = f32\ntold = 3\n' >template
: >requests.000003

# told LINE: as the daemon does.
told() { echo "$*" >>"$run/requests.000003"; }
# give NUMBER FILE: a request of that number.
give()
{
    cp "$2" "$run/in.$1"
    told "picture $1 7 in.$1"
}
# answers: those in the journal, a line each.
answers()
{
    grep -aoh 'request=[0-9]* revision=[^'$'\001''-'$'\037'']*' \
        "$run"/journal.* | sed 's/PRJ1.*//'
}
has_answers() { [ "$(answers | wc -l)" -ge "$1" ]; }

told 'model model.1 1 7'
"$train" --serve "$run" >"$SCRATCH/said" 2>&1 &
worker=$!
for i in "${!files[@]}"; do
    give $i "$SCRATCH/data/test/${files[i]}"
done
eventually 60 has_answers ${#files[@]} || fail "$(answers; cat "$SCRATCH/said")"

# As `predict` says: the same classes in the same order, the same numbers.
for i in 0 17 49; do
    answers | grep "^request=$i " >"$SCRATCH/one"
    grep -q ' revision=7 .* type=image/jpeg .* model=model.1 ' "$SCRATCH/one"
    sum=$(sha256sum <"$SCRATCH/data/test/${files[i]}")
    grep -q " sha256=${sum%% *} " "$SCRATCH/one"
    sed 's/.* classes=//; s/PRJ.*//' "$SCRATCH/one" | tr ',' '\n' \
        >"$SCRATCH/ours"
    "$train" predict --top 7 "$SCRATCH/a" "$SCRATCH/data/test/${files[i]}" |
        sed -E 's/.*class ([0-9])\t(.*)/\1:\2/' >"$SCRATCH/theirs"
    [ "$(wc -l <"$SCRATCH/ours")" -eq 7 ]
    paste -d: "$SCRATCH/ours" "$SCRATCH/theirs" | awk -F: '
        $1 != $3 || $2 - $4 > 1e-5 || $4 - $2 > 1e-5 { exit 1 }' ||
        fail "predict differs: $(paste "$SCRATCH/ours" "$SCRATCH/theirs")"
done
[ -z "$(ls "$run" | grep '^in\.')" ] || fail "pictures are left over"

# What is no picture, or is not there, has an answer with a word.
head -c 500 "$SCRATCH/data/test/${files[0]}" >"$SCRATCH/cut.jpg"
give 100 "$SCRATCH/cut.jpg"
told 'picture 101 1 absent'
told 'a line that nobody knows'
give 102 "$SCRATCH/data/test/${files[1]}"
eventually 60 has_answers $((${#files[@]} + 3))
expect_match '^request=100 .* code=damaged error=is cut short' answers
expect_match '^request=101 .* code=unreadable error=.*No such file' answers
expect_match '^request=102 .* classes=' answers

# Another model, with a temperature that makes it less sure; a new file of
# lines, as another daemon begins one.
printf 'model model.2 4 2\n' >>requests.000003
cp "$SCRATCH/data/test/${files[2]}" in.103
printf 'picture 103 8 in.103\n' >requests.000004
eventually 60 has_answers $((${#files[@]} + 4))
answers | sed -n 's/^request=103 .*model=model.2 .*classes=\([^ ]*\).*/\1/p' |
    tr ',:' '\n ' >"$SCRATCH/ours"
[ "$(wc -l <"$SCRATCH/ours")" -eq 2 ]
"$train" predict --top 5 "$SCRATCH/b" "$SCRATCH/data/test/${files[2]}" |
    awk -F'\t' '{ p = $3 ^ 0.25; sum += p; of[NR] = p }
        END { print of[1] / sum; print of[2] / sum }' |
    paste -d' ' "$SCRATCH/ours" - |
    awk '{ if ($2 - $3 > 1e-4 || $3 - $2 > 1e-4) exit 1 }' ||
    fail "not calibrated: $(cat "$SCRATCH/ours")"

touch stop
wait $worker || fail "the worker failed: $(cat "$SCRATCH/said")"
