#!/bin/bash
# A training with a learning rate that is far too high diverges. It must go
# back and try once with half of the rate, then fail with a reason, and not
# publish a model of lost weights.
. "$(dirname "$0")/../lib.sh"

cd "$SCRATCH"
pictures "$SCRATCH/data" 16 4
cat >template <<END
dataset = $SCRATCH/data
base = scratch
image_size = 32
epochs = 8
augment = none
END
if "$BUILD/primo-train" template lost learning_rate=10 2>err; then
    fail "it succeeded: $(tail -n 3 err)"
fi
grep -q "diverged at update .*; it .*, at half the learning rate" err
grep -q "diverged again at half the learning rate (update .*); a lower" err
[ ! -e lost/model.onnx ] || fail "there is a model"
# The rows do not show what the lost weights gave.
awk -F, 'NR > 1 && !($5 < 1000) { exit 1 }' lost/metrics.csv ||
    fail "the metrics have a lost loss: $(cat lost/metrics.csv)"
