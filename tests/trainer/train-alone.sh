#!/bin/bash
# primo-train without a mount. It trains, is stopped, is killed and continues,
# and the model is the same bit for bit; it says what it refuses; and it keeps
# its contract with the supervisor of primofs.
# timeout: 400
# not under: thread
. "$(dirname "$0")/../lib.sh"

TRAIN=$BUILD/primo-train
DATA=$SCRATCH/data
cd "$SCRATCH"
pictures "$DATA" 24 6
cat >template <<END
dataset = $DATA
base = scratch
epochs = 4
image_size = 32
END

# train OUT [key=value…]: trains on two threads, and exits as the trainer does.
train() { "$TRAIN" template "$@" threads=2 2>>"$1.err"; }

# begin OUT [key=value…]: trains in the background, as process $pid.
begin()
{
    "$TRAIN" template "$@" threads=2 2>>"$1.err" &
    pid=$!
}

# rows_are COUNT OUT: metrics.csv has to have so many rows, beside its header.
rows_are() { [ "$(grep -c , "$2/metrics.csv" 2>/dev/null)" -gt "$1" ]; }

# exits STATUS COMMAND…: COMMAND has to exit with STATUS.
exits()
{
    local status=0 wanted=$1
    shift
    "$@" || status=$?
    [ $status -eq "$wanted" ] ||
        fail "'$*' ended with $status, expected $wanted"
}

step "an undisturbed training gives the reference"
train one
for file in model.onnx model.safetensors labels.txt metrics.csv monitor.svg \
    config dataset template log; do
    [ -s one/$file ] || fail "one/$file is missing"
done
[ ! -e one/.run ] || fail "one/.run is left over"
[ "$(wc -l <one/labels.txt)" -eq 10 ] || fail "labels.txt has not ten classes"
[ "$(epoch_rows one/metrics.csv | wc -l)" -eq 4 ] ||
    fail "metrics.csv has not four epochs"
cmp template one/template
grep -q '^image_size = 32$' one/config
grep -qF '# template' one/config
"$TRAIN" one/config three epochs=1 threads=2 2>/dev/null ||
    fail "config is no template"
xmllint --noout one/monitor.svg 2>/dev/null ||
    ! command -v xmllint >/dev/null || fail "monitor.svg is no XML"

step "a finished model is not overwritten"
exits 1 train one
grep -q "finished model" one.err

step "a training is killed in its second epoch"
begin two
eventually 60 rows_are 1 two || fail "no first epoch"
eventually 10 test -s two/.run/checkpoint || fail "no checkpoint of it"
kill -9 $pid
wait $pid 2>/dev/null || true

step "its checkpoint is refused to another training"
exits 1 train two batch_size=8
grep -q "made with batch_size=16, this training has batch_size=8" two.err || fail "$(tail -n 5 two.err)"

step "a training is stopped by a signal, with a checkpoint"
begin two
eventually 60 rows_are 2 two || fail "no second epoch"
start=${EPOCHREALTIME/./}
kill -INT $pid
exits 3 wait $pid
took=$(((${EPOCHREALTIME/./} - start) / 1000))
[ $took -lt 5000 ] || fail "the stop took $took ms"

step "it continues to the same model"
train two
grep -q "continuing from the checkpoint" two/log
cmp one/model.safetensors two/model.safetensors
cmp one/model.onnx two/model.onnx
diff <(cut -d, -f2-7 one/metrics.csv) <(cut -d, -f2-7 two/metrics.csv) ||
    fail "the metrics differ"

step "a damaged checkpoint is reported and not used"
begin four
eventually 60 rows_are 1 four || fail "no first epoch"
eventually 10 test -s four/.run/checkpoint || fail "no checkpoint of it"
kill -9 $pid
wait $pid 2>/dev/null || true
printf 'x' | dd of=four/.run/checkpoint bs=1 seek=100000 conv=notrunc \
    status=none
train four
grep -q "checkpoint is damaged.*from scratch" four/log
cmp one/model.safetensors four/model.safetensors

if grep -q '^precision = bf16$' one/config; then
    step "a killed training in f32 continues to the same model, too"
    train five precision=f32
    ! cmp -s one/model.safetensors five/model.safetensors
    begin six precision=f32
    eventually 60 rows_are 1 six || fail "no first epoch"
    eventually 10 test -s six/.run/checkpoint || fail "no checkpoint of it"
    kill -9 $pid
    wait $pid 2>/dev/null || true
    train six precision=f32
    grep -q "continuing from the checkpoint" six/log
    cmp five/model.safetensors six/model.safetensors
fi

step "wrong arguments are refused, and nothing is written"
printf 'dataset = %s\nepohcs = 3\n' "$DATA" >bad
exits 2 "$TRAIN" bad out 2>err
grep -q "^bad:2:1: unknown key 'epohcs', did you mean 'epochs'?" err
grep -qx 'epohcs = 3' err
grep -qx '^\^' err
exits 2 "$TRAIN" template out epochs=0 2>err
grep -q "argument 'epochs=0'" err
exits 2 "$TRAIN" template out nonsense 2>err
exits 2 "$TRAIN" missing out 2>err
grep -q "missing" err
exits 2 "$TRAIN" /dev/null out 2>err
grep -q "dataset must be set" err
exits 2 "$TRAIN" 2>err
exits 1 "$TRAIN" template /nowhere/out 2>err
grep -q "/nowhere/out" err
"$TRAIN" --version | grep '^primo-train [0-9]' >/dev/null
"$TRAIN" --help | grep 'Exit status' >/dev/null
[ ! -e out ] || fail "a refused command left out/"

step "with --run it holds the lock, obeys the stop file and exits as promised"
mkdir run
cp template run/template
printf 'threads = 1\n' >run/job
"$TRAIN" --run run 2>run/stderr &
pid=$!
eventually 60 grep -aq 'iteration=[1-9]' run/journal.000001 ||
    fail "it did not train"
exits 1 "$TRAIN" --run run 2>err
grep -q "another trainer" err
[ ! -e run/journal.000002 ] || fail "the refused one wrote a journal"
start=${EPOCHREALTIME/./}
touch run/stop
exits 0 wait $pid
took=$(((${EPOCHREALTIME/./} - start) / 1000))
[ $took -lt 5000 ] || fail "the stop took $took ms"
tail -c 7 run/journal.000001 | grep -x stopped >/dev/null
[ -s run/checkpoint ] || fail "there is no checkpoint"
rm run/stop

step "with --run a bad template is the reason of the end"
mkdir ill
printf 'dataset = relative\n' >ill/template
exits 1 "$TRAIN" --run ill 2>err
grep -aq "failed: template, line 1: dataset must be an absolute path" \
    ill/journal.000001
