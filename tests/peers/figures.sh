#!/bin/bash
# The figures of the reports are scikit-learn's, and the temperature is the one
# of maximum likelihood; people choose thresholds by them.
# timeout: 180
. "$(dirname "$0")/../lib.sh"
need_python numpy scipy sklearn
"$PYTHON" "$ROOT/tests/peers/reports.py" \
    "$BUILD/tests/unit/evaluation/reports_test" \
    "$BUILD/tests/unit/evaluation/temperature_test" "$SCRATCH"
