#!/bin/bash
# The reports on what a model said of each picture of the test part. They are
# made of one evaluation, so that no two of them disagree, and neither do they
# and `info`; a process has the tables of its last evaluation.
# timeout: 300
. "$(dirname "$0")/../lib.sh"
cd "$SCRATCH"
pictures data 6 4
# A file of a spreadsheet's formula, and one with a quote and a comma.
mv data/test/bag/0001.jpg 'data/test/bag/a, "b" & <c>.jpg'
tables="predictions.csv classes.csv confusion.csv mistakes.csv thresholds.csv"
drawn="confusion.svg mistakes.html README.md"

mount_primofs
process=$MNT/processes/local
mkdir "$process"
printf 'dataset = %s\nepochs = 2\nimage_size = 32\ndescription = What <b> we wear\n' \
    "$SCRATCH/data" >"$MNT/templates/wear"
echo wear >"$process/template"

step "before the first evaluation the tables have no rows"
for file in $tables; do
    expect 1 grep -c '' "$process/$file"
done
for file in $drawn; do
    [ ! -e "$process/$file" ] || fail "a process has $file"
done

step "the model and the process have the same tables"
touch "$process/start"
expect succeeded timeout 200 cat "$process/wait"
model=$MNT/models/wear/1
for file in $tables; do
    cmp "$process/$file" "$model/$file"
    expect "$(stat -c %s "$model/$file")" wc -c <"$model/$file"
done
for file in $drawn; do
    [ -s "$model/$file" ] || fail "the model has no $file"
done

# info KEY: a value of the model's info.
info() { sed -n "s/^$1: //p" "$model/info"; }
# same TEXT A B: two numbers agree to the digits that are shown.
same()
{
    awk -v a="$2" -v b="$3" 'BEGIN { exit !(a - b < 5e-6 && b - a < 5e-6) }' ||
        fail "$1: $2 is not $3"
}

step "they agree with each other and with info"
count=$(info test_images)
expect "path,truth,predicted,confidence,second,second_confidence" \
    head -n 1 "$model/predictions.csv"
expect $((count + 1)) grep -c '' "$model/predictions.csv"
expect 1 grep -c '^"test/bag/a, ""b"" & <c>.jpg",bag,' "$model/predictions.csv"
# None of the other names needs quotes.
right=$(sed '1d; s/^"[^,]*, [^,]*,/x,/' "$model/predictions.csv" |
    awk -F, '$2 == $3 { n++ } END { print n + 0 }')
wrong=$((count - right))
same accuracy "$(awk -v r="$right" -v n="$count" 'BEGIN { print r / n }')" \
    "$(info best_accuracy)"
expect $((wrong + 1)) grep -c '' "$model/mistakes.csv"
expect $((wrong < 100 ? wrong : 100)) grep -c '<img ' "$model/mistakes.html"
same "average precision" "$(awk -F, 'NR > 1 { sum += $5; n++ }
    END { print sum / n }' "$model/classes.csv")" "$(info average_precision)"
same "macro F1" "$(awk -F, 'NR > 1 && ($2 || $6) { sum += $4; n++ }
    END { print sum / n }' "$model/classes.csv")" "$(info macro_f1)"
expect "$count $right" awk -F, 'NR > 1 { for (i = 2; i <= NF; i++) all += $i
    right += $NR } END { print all, right }' "$model/confusion.csv"
expect_match '^truth ' head -n 1 "$model/confusion.csv"
same "the first threshold" "$(sed -n '2s/.*,//p' "$model/thresholds.csv")" \
    "$(info best_accuracy)"
sed '1d; s/^"[^,]*, [^,]*,/x,/' "$model/mistakes.csv" | cut -d, -f4 |
    sort -c -g -r || fail "the mistakes are not sorted"
for key in temperature calibration_error milliseconds_per_image; do
    expect_match '^[0-9.e-]+$' info $key
done
same "the model's temperature" "$(head -c 4000 "$model/model.safetensors" |
    grep -ao '"temperature":"[^"]*' | cut -d'"' -f4)" "$(info temperature)"

step "no name breaks out of its place"
xmllint --noout "$model/confusion.svg"
! grep -q '<c>' "$model/mistakes.html" || fail "a name is markup"
grep -q 'a, &quot;b&quot; &amp; &lt;c&gt;.jpg' "$model/mistakes.html" ||
    ! grep -q '<c>' "$model/mistakes.csv" || fail "a picture is missing"
grep -qF 'What &lt;b\> we wear' "$model/README.md"
! grep -Eq '(src|href)="?(https?|file):|<script' "$model/mistakes.html" ||
    fail "the page loads something"

step "another training has its own, while it runs"
sed -i 's/^epochs.*/epochs = 1000/' "$MNT/templates/wear"
touch "$process/start"
for file in $tables; do # of the run before there is nothing left
    [ "$(grep -c '' "$process/$file")" -eq 1 ] ||
        [ "$(cat "$process/metrics.csv" | grep -c '')" -gt 1 ] ||
        fail "$file is that of another run"
done
has_rows() { [ "$(grep -c '' "$process/$1")" -gt 1 ]; }
for file in $tables; do
    eventually 100 has_rows "$file" || fail "$file stays without rows"
done
expect running cat "$process/status"
touch "$process/stop"
await stopped
umount_primofs

step "the card is in the language of the mount"
mount_primofs "$STATE" "$MNT" -o lang=ru
sed -i 's/^epochs.*/epochs = 1/' "$MNT/templates/wear"
echo 'batch_size = 8' >>"$MNT/templates/wear"
touch "$process/start"
expect succeeded timeout 200 cat "$process/wait"
grep -q 'Насколько она хороша' "$MNT/models/wear/2/README.md"
grep -q 'lang="ru"' "$MNT/models/wear/2/mistakes.html"
grep -q 'How good it is' "$MNT/models/wear/1/README.md"

step "the versions are beside each other"
versions=$MNT/models/wear/versions.csv
expect "number,date,changed,images,average_precision,average_precision_low,\
average_precision_high,accuracy,milliseconds_per_image" head -n 1 "$versions"
expect 3 grep -c '' "$versions"
expect "$(stat -c %s "$versions")" wc -c <"$versions"
expect '1,,60
2,epochs: 2 -> 1; batch_size: 16 -> 8,60' \
    cut -d, -f1,3,4 <(sed 1d "$versions")
same "average precision" "$(sed -n 2p "$versions" | cut -d, -f5)" \
    "$(info best_average_precision)"
same accuracy "$(sed -n 2p "$versions" | cut -d, -f8)" "$(info best_accuracy)"
awk -F, 'NR > 1 && !($6 < $5 && $5 < $7 && $9 > 0) { exit 1 }' "$versions" ||
    fail "a figure is out of its interval: $(cat "$versions")"
rm -r "$MNT/models/wear/1"
expect '2,,60' cut -d, -f1,3,4 <(sed 1d "$versions")
rm -r "$MNT/models/wear"
[ ! -e "$MNT/models/wear" ] || fail "models/wear is still there"
