#!/bin/bash
# Base models are brought, checked, read back, renamed and removed as files. A
# training that begins from a damaged file would waste hours, so a truncated
# or foreign file never becomes a base model, and a base model in use never
# changes under a training. Trainings begin from base models and from trained
# models.
# timeout: 300
# not under: thread
. "$(dirname "$0")/../lib.sh"
make_base() { "$PYTHON" "$ROOT/tests/peers/bases.py" "$@"; }

cd "$SCRATCH"
mkdir small
pictures data 6 3
printf 'dataset = %s\nimage_size = 32\niterations = 4\nprecision = f32\n' \
    "$SCRATCH/data" >first
"$BUILD/primo-train" first trained >log 2>&1 || { cat log; exit 1; }
# weights that do not say what their classes are
good=$SCRATCH/good.safetensors
make_base trained/model.safetensors "$good" metadata=none
make_base "$good" half type=F16
mount_primofs
cd "$MNT"
size=$(stat -c %s "$good")
# how many there are besides that of bases/base
bodies() { find "$STATE/bases" -type f | tail -n +2 | wc -l; }

step "cp brings a base model, and the same bytes come out"
cp "$good" bases/r18.safetensors
expect "$size" stat -c %s bases/r18.safetensors
cmp "$good" bases/r18.safetensors
cp bases/r18.safetensors "$SCRATCH/out"
cmp "$good" "$SCRATCH/out"
expect 1 bodies
expect_match 'bases/r18.safetensors created' tail -n 1 events
dd if=bases/r18.safetensors bs=1000 skip=7000 count=3 status=none |
    cmp - <(dd if="$good" bs=1000 skip=7000 count=3 status=none)

step "dd, rsync and cat write one in their own ways"
dd if="$good" of=bases/dd bs=300k status=none
cmp "$good" bases/dd
dd if="$good" of=bases/synced bs=1M conv=fsync status=none
cmp "$good" bases/synced
rsync -a "$good" bases/rsync
cmp "$good" bases/rsync
expect "$(stat -c %Y "$good")" stat -c %Y bases/rsync
rsync --inplace "$SCRATCH/half" bases/rsync
cmp "$SCRATCH/half" bases/rsync
rsync --inplace --no-whole-file "$good" bases/rsync
cmp "$good" bases/rsync
cat "$good" >bases/cat
cmp "$good" bases/cat
# The first of the two commands closes an incomplete file, and is told so; that
# does no harm.
{ head -c 5000000 "$good" 2>/dev/null || true; tail -c +5000001 "$good"; } \
    >bases/joined
cmp "$good" bases/joined
rm bases/dd bases/synced bases/rsync bases/cat bases/joined
expect 1 bodies

step "a truncated copy is refused, and leaves what was there"
head -c 9000000 "$good" >"$SCRATCH/cut"
refused 'Invalid argument' "cut short: it has 9000000 bytes, its header tells of $size" \
    cp "$SCRATCH/cut" bases/cut
expect_errno 'No such file' stat bases/cut
refused 'Invalid argument' 'cut short' cp "$SCRATCH/cut" bases/r18.safetensors
cmp "$good" bases/r18.safetensors
timeout -s KILL 1 sh -c 'head -c 20000000 "$1" >bases/killed;
    exec sleep 9' - "$good" || true
eventually 5 test ! -e bases/killed
: >bases/r18.safetensors
cmp "$good" bases/r18.safetensors
expect 1 bodies

step "a file that is not a base model is refused with its header"
dd if=/dev/zero bs=1M count=8 status=none >"$SCRATCH/zeros"
refused 'Invalid argument' 'not a safetensors file' cp "$SCRATCH/zeros" bases/x
make_base "$good" "$SCRATCH/wrong" drop=layer3.0.bn2.weight
# Writing ends with the write() that brings the header.
{ dd bs=64k count=1 status=none 2>&1; cat >/dev/null; } <"$SCRATCH/wrong" \
    >bases/x 2>"$SCRATCH/said" || true
last_error "the key 'layer3.0.bn2.weight' is missing; a ResNet-18 has it"
expect_errno 'No such file' stat bases/x
refused 'Invalid argument' "layer3.0.bn2.weight" cp "$SCRATCH/wrong" bases/x
refused 'Invalid argument' "layer3.0.bn2.weight" \
    cp "$SCRATCH/wrong" bases/r18.safetensors
cmp "$good" bases/r18.safetensors
{ cat "$good"; echo more; } >"$SCRATCH/long"
refused 'Invalid argument' "its header tells of $size" cp "$SCRATCH/long" bases/x
expect 1 bodies

step "a file with a scratch name may hold anything, on disk"
cp "$SCRATCH/zeros" bases/.tmp.1
expect 8388608 stat -c %s bases/.tmp.1
cmp "$SCRATCH/zeros" bases/.tmp.1
refused 'Invalid argument|subdirectory' 'not a safetensors file' mv bases/.tmp.1 bases/x
rm bases/.tmp.1
cp "$good" bases/.tmp.2
mv bases/.tmp.2 bases/moved
cmp "$good" bases/moved
mv bases/moved bases/renamed
cmp "$good" bases/renamed
rm bases/renamed
cp "$SCRATCH/zeros" bases/.tmp.3

step "the built-in base models cannot be removed or replaced"
refused 'not permitted' 'built in' rm bases/scratch
refused 'not permitted' 'built in' rm bases/base
refused 'not permitted' 'built in' cp "$good" bases/base
refused 'not permitted' 'built in' mv bases/base bases/x
refused 'not permitted' 'built in' mv bases/r18.safetensors bases/base
cp bases/base bases/fresh
cmp bases/base bases/fresh
rm bases/fresh

step "base models survive the daemon, and unfinished ones do not"
kill -9 "$(daemon_pids)"
cd /
umount_primofs
mount_primofs
cd "$MNT"
cmp "$good" bases/r18.safetensors
expect_errno 'No such file' stat bases/.tmp.3
expect 1 bodies
(cat "$good"; sleep 5) | { head -c 20000000; cat >/dev/null; } >bases/dying &
eventually 10 test -e bases/dying
kill -9 "$(daemon_pids)"
wait || true
cd /
umount_primofs
mount_primofs
cd "$MNT"
expect_errno 'No such file' stat bases/dying
expect 1 bodies

step "a training begins from a base model, which is in use then"
cat >templates/t <<END
dataset = $SCRATCH/data
base = r18
image_size = 32
batch_size = 20
epochs = 2
precision = f32
END
mkdir processes/local
echo t >processes/local/template
sed 's/r18/r19/' templates/t >templates/wrong
echo wrong >processes/local/template
refused 'Invalid argument' "no base model 'r19' in bases/" \
    touch processes/local/start
echo t >processes/local/template
touch processes/local/start
refused 'busy' "base model 'r18.safetensors' is in use" rm bases/r18.safetensors
refused 'busy' 'is in use' mv bases/r18.safetensors bases/other
cp "$SCRATCH/half" bases/r18.safetensors # the run keeps what it began with
expect succeeded cat processes/local/wait
grep -q 'base bases/r18.safetensors: ResNet-18 by .*the head is replaced' \
    processes/local/log
grep -q 'a new head is fitted to' processes/local/log
grep -B1 '^base = r18$' processes/local/config |
    grep '100 tensors of 11.2 million values'
expect_match '^learning_rate = 0.015625$' grep ^learning_rate \
    processes/local/config
cp "$good" bases/r18.safetensors
rm bases/r18.safetensors
eventually 10 sh -c "[ \$(ls $STATE/bases | wc -l) = 1 ]"

step "a trained model is trained further"
printf 'base = models/t/latest\n' >"$SCRATCH/more"
grep -v ^base templates/t | cat - "$SCRATCH/more" >templates/more
echo more >processes/local/template
touch processes/local/start
expect succeeded cat processes/local/wait
grep -q 'base models/t/1: ResNet-18 .*the head is kept' processes/local/log
! grep -q 'a new head is fitted' processes/local/log || fail 'a new head'
grep -B1 '^base = models/t/1$' processes/local/config | grep 'models/t/latest'
expect_match '^base: models/t/1$' grep ^base: models/more/1/info
cp models/t/1/model.safetensors bases/own
cmp models/t/1/model.safetensors bases/own
sed -i 's,models/t/latest,models/t/7,' templates/more
refused 'Invalid argument' 'there is no such model' touch processes/local/start

step "a stopped training resumes though its base model is gone"
sed 's/r18/own/; s/epochs = 2/epochs = 50/' templates/t >templates/long
echo long >processes/local/template
touch processes/local/start
eventually 60 sh -c "[ \$(wc -l <$MNT/processes/local/metrics.csv) -gt 1 ]"
touch processes/local/stop
await stopped 30
rm bases/own
touch processes/local/resume
eventually 60 grep -q 'continues from its checkpoint' processes/local/log
eventually 60 status_is running
touch processes/local/stop
await stopped 30
rmdir processes/local
eventually 10 sh -c "[ \$(ls $STATE/bases | wc -l) = 1 ]"

step "a full disk refuses a base model, and harms no other file"
cd "$SCRATCH"
umount_primofs
mount -t tmpfs -o size=40m tmpfs small 2>/dev/null || {
    echo "not tried: no tmpfs can be mounted here"
    exit 0
}
mount_primofs "$SCRATCH/small" "$MNT"
cd "$MNT"
refused 'No space' 'does not fit|cannot be written' cp "$good" bases/r18
expect_errno 'No such file' stat bases/r18
echo 'epochs = 3' >templates/still
expect 'epochs = 3' cat templates/still
cp "$SCRATCH/half" bases/half
cmp "$SCRATCH/half" bases/half
refused 'No space' 'does not fit|cannot be written' cp "$SCRATCH/half" bases/two
cmp "$SCRATCH/half" bases/half
cd /
