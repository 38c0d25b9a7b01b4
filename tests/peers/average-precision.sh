#!/bin/bash
# timeout: 180
# Average precision and accuracy as scikit-learn computes them, to 1e-6.
. "$(dirname "$0")/../lib.sh"
need_python numpy sklearn
"$PYTHON" "$ROOT/tests/peers/average-precision.py" \
    "$BUILD/tests/unit/training/average_precision_test" "$SCRATCH"
