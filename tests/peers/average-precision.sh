#!/bin/bash
# The average precision and accuracy that primo-train reports equal those of
# scikit-learn to 1e-6; users compare models by these figures.
# timeout: 180
. "$(dirname "$0")/../lib.sh"
need_python numpy sklearn
"$PYTHON" "$ROOT/tests/peers/average-precision.py" \
    "$BUILD/tests/unit/evaluation/average_precision_test" "$SCRATCH"
