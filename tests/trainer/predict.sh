#!/bin/bash
# `primo-train predict`: programs read what it prints, so each picture has its
# lines, in order, whatever its name is. Bad pictures, models and arguments are
# reported, with the exit status that the man page promises.
# timeout: 400
# not under: thread
. "$(dirname "$0")/../lib.sh"
predict() { "$BUILD/primo-train" predict "$@"; }

mkdir "$SCRATCH/model"
"$BUILD/tests/unit/files/export_test" "$SCRATCH/model" 32 7 resnet18
pictures "$SCRATCH/data" 1 2
cd "$SCRATCH/data/test"
files=(*/*.jpg)
[ ${#files[@]} -eq 20 ]

# Of more pictures than are evaluated together, each gets five lines, in order.
predict "$SCRATCH/model" "${files[@]}" >"$SCRATCH/all"
cut -f1 "$SCRATCH/all" | cmp - <(printf '%s\n' "${files[@]}" |
    sed 'p;p;p;p') || fail "not five lines a picture"
awk -F'\t' 'NF != 3 || $2 !~ /^class [0-6]$/ || $3 < 0 || $3 > 1 { exit 1 }' \
    "$SCRATCH/all" || fail "a line is not picture, class, probability"

# A picture's answer does not depend on those beside it.
grep -F "${files[19]}" "$SCRATCH/all" >"$SCRATCH/beside"
predict "$SCRATCH/model" "${files[19]}" | cut -f2 |
    cmp - <(cut -f2 "$SCRATCH/beside") || fail "it depends"

# The probabilities of all classes add up to 1.
predict --top 100 "$SCRATCH/model" "${files[0]}" >"$SCRATCH/sum"
awk -F'\t' '{ sum += $3 } END { exit !(NR == 7 && sum > 0.9999 &&
    sum < 1.0001) }' "$SCRATCH/sum" || fail "they don't sum up to 1"
[ "$(predict --top 1 "$SCRATCH/model" "${files[0]}" | wc -l)" -eq 1 ]

# A name with odd characters is one field.
cp "${files[0]}" "$SCRATCH/"$'tab\there\nand\\there.jpg'
predict --top 1 "$SCRATCH/model" "$SCRATCH/"tab* >"$SCRATCH/odd"
[ "$(wc -l <"$SCRATCH/odd")" -eq 1 ]
[ "$(cut -f1 "$SCRATCH/odd")" = "$SCRATCH"'/tab\there\nand\\there.jpg' ]

# A picture that cannot be read is reported, and the others are answered.
echo no picture >"$SCRATCH/text.jpg"
status=0
predict --top 1 "$SCRATCH/model" "$SCRATCH/text.jpg" "${files[0]}" \
    "$SCRATCH/absent.jpg" >"$SCRATCH/out" 2>"$SCRATCH/err" || status=$?
[ $status -eq 1 ]
[ "$(cut -f1 "$SCRATCH/out")" = "${files[0]}" ]
grep -q 'text\.jpg' "$SCRATCH/err"
grep -q 'absent\.jpg.*No such file' "$SCRATCH/err"

# exits STATUS REGEX ARGUMENT…: how predict has to end with these arguments.
exits()
{
    local wanted=$1 regex=$2 status=0
    shift 2
    predict "$@" >"$SCRATCH/out" 2>"$SCRATCH/err" || status=$?
    [ $status -eq "$wanted" ] || fail "exit status $status of predict $*"
    grep -Eq -- "$regex" "$SCRATCH/err" ||
        fail "predict $* said '$(cat "$SCRATCH/err")'"
    [ ! -s "$SCRATCH/out" ] || fail "predict $* printed something"
}
exits 2 '^usage: '
exits 2 '^usage: ' "$SCRATCH/model"
exits 2 "unknown option '--best'" --best "$SCRATCH/model" "${files[0]}"
exits 2 "positive number.*'--top'" --top 0 "$SCRATCH/model" "${files[0]}"
exits 2 "positive number.*'--top'" --top
exits 1 'absent.*No such file' "$SCRATCH/absent" "${files[0]}"
mkdir "$SCRATCH/damaged"
head -c 100000 "$SCRATCH/model/model.safetensors" \
    >"$SCRATCH/damaged/model.safetensors"
exits 1 'its header tells of' "$SCRATCH/damaged" "${files[0]}"
expect_match '^usage: .*MODEL_DIR' predict --help

# Options may stand anywhere, and -- ends them.
one=$(predict --top 1 "$SCRATCH/model" "${files[0]}")
[ "$(predict "$SCRATCH/model" "${files[0]}" --top 1)" = "$one" ]
[ "$(predict "$SCRATCH/model" --top=1 -- "${files[0]}")" = "$one" ]
cp "${files[0]}" ./--odd.jpg
[ "$(predict --top 1 "$SCRATCH/model" -- --odd.jpg | cut -f2-)" = \
    "$(cut -f2- <<<"$one")" ]
rm ./--odd.jpg

# A folder, a list and standard input give the same answers.
predict "$SCRATCH/model" . --top 1 | sed 's,^\./,,' >"$SCRATCH/folder"
predict "$SCRATCH/model" --top 1 "${files[@]}" | sort | cmp - <(
    sort "$SCRATCH/folder") || fail "the folder has other answers"
[ "$(predict "$SCRATCH/model" --top 1 - <"${files[0]}" | cut -f2-)" = \
    "$(cut -f2- <<<"$one")" ]
printf '%s\n' "${files[@]:0:3}" >"$SCRATCH/list"
[ "$(predict "$SCRATCH/model" --list "$SCRATCH/list" --top 1 | wc -l)" -eq 3 ]
[ "$(predict "$SCRATCH/model" --list - --top 1 <"$SCRATCH/list" | wc -l)" -eq 3 ]

# For programs: errors stand among the answers, in the order of the pictures.
status=0
predict --json --top 2 "$SCRATCH/model" "${files[0]}" "$SCRATCH/text.jpg" \
    "${files[1]}" >"$SCRATCH/json" 2>/dev/null || status=$?
[ $status -eq 1 ]
expect '2 0 2' jq -rs 'map(.items | length) | join(" ")' "$SCRATCH/json"
expect "$(cut -f2 <<<"$one")" jq -rs '.[0].items[0].field' "$SCRATCH/json"
expect_match 'is not a JPEG' jq -rs '.[1].error' "$SCRATCH/json"
status=0
predict --csv "$SCRATCH/model" "${files[0]}" "$SCRATCH/text.jpg" \
    >"$SCRATCH/csv" 2>/dev/null || status=$?
[ $status -eq 1 ]
expect 'path,class,confidence,second,second_confidence,error' \
    sed -n 1p "$SCRATCH/csv"
[ "$(wc -l <"$SCRATCH/csv")" -eq 3 ]

# A model is found by the directory above its versions, and by a file in it.
mkdir "$SCRATCH/family"
ln -s ../model "$SCRATCH/family/latest"
for name in family model/model.onnx model/model.safetensors; do
    [ "$(predict "$SCRATCH/$name" --top 1 "${files[0]}")" = "$one" ] ||
        fail "no model by $name"
done

# A full disk is reported as a failure.
if [ -c /dev/full ]; then
    if predict "$SCRATCH/model" "${files[0]}" >/dev/full 2>"$SCRATCH/err"; then
        fail "it wrote to a full disk"
    fi
    grep -q 'No space left' "$SCRATCH/err"
fi
