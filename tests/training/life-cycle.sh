#!/bin/bash
# A process from mkdir to its model: every action where it works, and where it
# is refused. This is the way that every user goes.
# timeout: 400
. "$(dirname "$0")/../lib.sh"
pictures "$SCRATCH/data" 12 4
cp "$SCRATCH/data/test/bag/0001.jpg" "$SCRATCH/data/train/bag/leak.jpg"
mount_primofs
cd "$MNT"

template() # NAME EPOCHS [LINE]
{
    printf 'dataset = %s\nimage_size = 32\nepochs = %d\n%s\n' \
        "$SCRATCH/data" "$2" "${3:-}" >"$MNT/templates/$1"
}
has_rows() { [ "$(wc -l <metrics.csv)" -ge "$1" ]; }
in_use='resource busy'
invalid='Invalid argument'
generated='status progress eta info metrics.csv monitor.svg monitor.html
    config dataset log'

step "mkdir creates a process with all of its files"
expect_errno 'No such file' mkdir processes/nowhere
last_error nowhere
mkdir processes/local
expect_errno 'File exists' mkdir processes/local
expect_errno 'denied|not permitted' mkdir processes/local/folder
expect_errno 'denied|not permitted' put processes/local/file x
cd processes/local
expect created cat status
expect yes cat enabled
expect '' cat template
expect --:--:-- cat eta
expect 1 sh -c 'wc -l <metrics.csv'
expect \
    time,epoch,iteration,learning_rate,train_loss,average_precision,accuracy,images_per_second \
    cat metrics.csv
xmllint --noout monitor.svg
expect created timeout 5 cat wait
expect '' sh -c 'ls | grep -x wait || :'
for file in $generated; do
    expect 444 stat -c %a $file
    expect_errno 'denied|not permitted' put $file x
done
grep -q '^status\|^local .*created' "$MNT/overview"

step "actions that are not possible are refused with a reason"
refused "$invalid" template touch start
refused 'No such file|Invalid argument' nosuch put template 'nosuch\n'
put "$MNT/templates/empty" ''
put template 'empty\n'
expect empty cat template
refused "$invalid" dataset touch start
refused "$invalid|busy" . touch stop
refused "$invalid|busy" . touch resume
expect created cat status
expect_errno "$invalid" put enabled 'maybe\n'

step "a disabled process refuses all actions"
template t 40
put template 't\n'
put enabled 'no\n'
expect no cat enabled
refused 'busy|denied|not permitted' disabled touch start
put enabled yes
expect created cat status

step "actions fire on touch and writes, and on nothing else"
for file in start stop resume; do
    expect 0 stat -c %s $file
    expect '' cat $file
    touch -d 2020-01-01 $file
    touch -r $file "$SCRATCH/reference"
    touch -r "$SCRATCH/reference" $file
    : >$file
    ls -l $file >/dev/null
    cp -p $file "$SCRATCH/action"
done
expect "$(stat -c %Y start)" stat -c %Y stop
[ "$(stat -c %Y start)" -lt "$(($(date +%s) - 86400))" ]
expect created cat status

step "a training starts"
touch start
expect_match 'starting|running' cat status
refused "$in_use" . touch start
refused "$in_use" . touch resume
await running
refused "$in_use" . put template 't\n'
expect_errno "$in_use" rm status
expect_errno "$in_use" rmdir "$MNT/processes/local"
expect_errno "$in_use" rm -r "$MNT/processes/local"
expect_errno "$in_use" rm "$MNT/machines/local"
refused "$in_use" t rm "$MNT/templates/t"
template t 1 # the run keeps what it started with
expect_match '^local .*running' cat "$MNT/overview"

step "wait blocks while the training runs, and a signal ends it at once"
status=0
timeout -s INT 1 cat wait >"$SCRATCH/waited" || status=$?
expect 124 echo $status
[ ! -s "$SCRATCH/waited" ]
expect running cat status
readers_start wait

step "a running training can be watched"
eventually 60 has_rows 2
eventually 60 grep -Eq "^average_precision: *[^ ]" info
expect_match '^[0-9]{2}:[0-9]{2}:[0-9]{2}$' cat eta
expect_match '/ ?40' cat progress
expect 1 sh -c 'wc -l <progress'
for key in template machine created started classes epoch iteration \
    train_loss learning_rate average_precision accuracy images_per_second; do
    grep -Eq "^$key: *[^ ]" info || fail "no $key in info: $(cat info)"
done
expect_match '^classes: *10$' cat info
expect_match '^template: *t$' cat info
expect_match '^leaked_test_images: *1$' cat info
expect_match '^epochs = 40\b' cat config
grep -q . dataset
grep -q . log
xmllint --noout monitor.svg
grep -q '</svg>' monitor.html
grep -q '</html>' monitor.html
readers_block

step "a training stops within five seconds, with a checkpoint"
cat wait >"$SCRATCH/waited" &
waiter=$!
before=$SECONDS
touch stop
expect_match 'stopping|stopped' cat status
await stopped 6
[ -n "${SANITIZE:-}" ] || [ $((SECONDS - before)) -le 6 ]
wait $waiter
expect stopped cat "$SCRATCH/waited"
readers_expect stopped
readers_start wait
readers_expect stopped
expect stopped head -n 1 wait
eventually 5 no_trainer
refused 'busy|Invalid' . touch stop
expect_match '^status: *stopped|^reason:' cat info
rows=$(wc -l <metrics.csv)

step "a resumed training keeps what it had"
cp metrics.csv "$SCRATCH/before.csv"
touch resume
await running
cmp -n "$(stat -c %s "$SCRATCH/before.csv")" "$SCRATCH/before.csv" metrics.csv
eventually 60 has_rows $((rows + 1))
expect_match '^epochs = 40\b' cat config
echo now >stop
await stopped 6

step "a new training runs to its end"
template t 2 'description = the second'
touch start
expect_match 'starting|running' cat status
expect succeeded timeout 120 cat wait
expect succeeded cat status
expect 2 sh -c 'grep -cE "^[^,]*,[12]," metrics.csv'
expect 00:00:00 cat eta
expect succeeded timeout 5 cat wait
awk -F, 'NF != 8 || NR > 1 && ($2 > 2 || $3 <= last ||
    $6 != "" && ($6 < 0 || $6 > 1 || $7 > 1) ||
    $8 <= 0 || $1 !~ /^20..-..-..T..:..:..\.?[0-9]*Z$/) {
    print "bad row: " $0; bad = 1 } NR > 1 { last = $3 } END { exit bad }' metrics.csv
expect 1 readlink "$MNT/models/t/latest"
expect . sh -c '[ model -ef ../../models/t/1 ] && echo .'
expect_match '^local .*succeeded' cat "$MNT/overview"

step "the model has all of its files"
cd "$MNT/models/t"
expect '1 latest versions.csv' sh -c 'ls | paste -sd " "'
expect "README.md classes.csv config confusion.csv confusion.svg dataset info \
labels.txt log metrics.csv mistakes.csv mistakes.html model.onnx \
model.safetensors monitor.svg predictions.csv template thresholds.csv" \
    sh -c 'ls 1 | LC_ALL=C sort | paste -sd " "'
cmp 1/metrics.csv ../../processes/local/metrics.csv
cmp 1/template ../../templates/t
expect_match '^model: models/t/1$' cat 1/info
expect 10 sh -c 'wc -l <1/labels.txt'
expect "$(ls "$SCRATCH/data/train")" cat 1/labels.txt
[ "$(stat -c %s 1/model.onnx)" -gt 40000000 ]
for file in 1/*; do
    cat "$file" >"$SCRATCH/copy"
    expect "$(stat -c %s "$SCRATCH/copy")" stat -c %s "$file"
    expect 444 stat -c %a "$file"
    expect_errno 'denied|not permitted' put "$file" x
    expect_errno 'denied|not permitted' touch "$file"
done
expect_errno 'denied|not permitted' put 1/new x
expect_errno 'denied|not permitted' mkdir 2
picture=$(find "$SCRATCH/data/test" -type f | sed -n 1p)
expect_match '	0\.[0-9]+|	1' "$BUILD/primo-train" predict latest "$picture"

step "version numbers go on and are not used again"
cd "$MNT/processes/local"
for version in 2 3; do
    touch start
    expect succeeded timeout 120 cat wait
    expect $version readlink "$MNT/models/t/latest"
    # With the same seed, data and threads the model is the same.
    cmp model/metrics.csv metrics.csv
    cmp "$MNT/models/t/1/model.safetensors" model/model.safetensors
done
rm -r "$MNT/models/t/3"
refused 'No such file' 'the model of the process was removed' cat model
expect 2 readlink "$MNT/models/t/latest"
rmdir "$MNT/models/t/1"
expect_errno 'No such file' ls "$MNT/models/t/1"
touch start
expect succeeded timeout 120 cat wait
expect 4 readlink "$MNT/models/t/latest"

step "a removed link latest is back with a newer version"
rm "$MNT/models/t/latest"
expect_errno 'No such file' ls -d "$MNT/models/t/latest"
tail -f log >"$SCRATCH/followed" 2>/dev/null &
tail=$!
tail -c +0 -f metrics.csv >"$SCRATCH/rows" 2>/dev/null &
tails="$tail $!"
touch start
expect succeeded timeout 120 cat wait
expect 5 readlink "$MNT/models/t/latest"
# A reader who followed the files of the last training follows this one, too.
eventually 10 grep -q 'exported: average precision' "$SCRATCH/followed"
tail -n +2 metrics.csv >"$SCRATCH/new"
eventually 10 grep -Fqf "$SCRATCH/new" "$SCRATCH/rows"
kill $tails

step "a base that does not exist cannot be trained from"
template further 1 'base = models/none/latest'
put template 'further\n'
refused "$invalid|No such file" 'models/none/latest' touch start
expect succeeded cat status

step "a failed training gives its reason"
template bad 1
sed -i "s,^dataset = .*,dataset = $SCRATCH/nowhere," "$MNT/templates/bad"
put template 'bad\n'
touch start
expect failed timeout 20 cat wait
expect failed cat status
expect_match "^reason: .*$SCRATCH/nowhere" cat info
[ ! -e model ]

step "a resumed training keeps its template, whatever is set meanwhile"
template slow 2000
put template 'slow\n'
touch start
eventually 60 has_rows 1
put enabled 'no\n'
refused 'Device or resource busy' 'disabled' touch stop
put enabled 'yes\n'
touch stop
await stopped 8
expect_match 'stopped, as requested' tail -n 3 log
put template 't\n'
expect_match '^template: slow$' cat info
touch resume
eventually 60 sh -c 'grep -q running status'
refused 'Device or resource busy' "template 'slow' is in use" \
    rm "$MNT/templates/slow"
mv "$MNT/templates/slow" "$MNT/templates/slow~"
refused 'Device or resource busy' "template 'slow' is in use" \
    rm "$MNT/templates/slow~"
mv "$MNT/machines/local" "$MNT/machines/local~"
refused 'Device or resource busy' "machine 'local' is in use" \
    rm "$MNT/machines/local~"
mv "$MNT/machines/local~" "$MNT/machines/local"
mv "$MNT/templates/slow~" "$MNT/templates/slow"

step "a stop ends a trainer that hangs"
kill -STOP $(trainer_pids)
touch stop
await stopped 20
no_trainer

step "events has everything that happened"
for word in local created started stopped resumed succeeded failed; do
    grep -q "$word" "$MNT/events" || fail "no '$word' in: $(cat "$MNT/events")"
done

step "all is as it was after the next mount"
cd "$MNT"
snapshot()
{
    ls -R models templates processes
    cat processes/local/{status,info,metrics.csv,config,log,template} \
        models/t/5/info events
    sha256sum models/*/*/*
}
snapshot >"$SCRATCH/first"
cd /
umount_primofs
mount_primofs
cd "$MNT"
snapshot >"$SCRATCH/second"
diff "$SCRATCH/first" "$SCRATCH/second"

step "a disabled machine refuses a start"
sed 's/^enabled *=.*//' machines/local >"$SCRATCH/machine"
cp "$SCRATCH/machine" "$SCRATCH/off"
echo 'enabled = no' >>"$SCRATCH/off"
cp "$SCRATCH/off" machines/local
refused "$in_use" 'local' touch processes/local/start
cp "$SCRATCH/machine" machines/local

step "processes and models can be removed"
rm processes/local/log
[ ! -e processes/local/log ]
rm processes/local/start processes/local/template processes/local/status
expect_errno 'Permission denied' sh -c 'echo running >processes/local/status'
echo t >processes/local/template
expect t cat processes/local/template
echo no >processes/local/enabled
refused "$in_use" '.' touch processes/local/start
[ -e processes/local/start ]
rm -r processes/local
[ ! -e processes/local ]
refused 'No such file' . mkdir processes/nowhere
mkdir processes/local
expect created cat processes/local/status
[ -e processes/local/log ]
rmdir processes/local
rm templates/t
rm -r models/t
[ ! -e models/t ]
