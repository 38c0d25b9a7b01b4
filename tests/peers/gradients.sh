#!/bin/bash
# timeout: 600
# The network against PyTorch: gradients, steps, statistics, probabilities.
# not under: thread
. "$(dirname "$0")/../lib.sh"
need_python numpy torch torchvision
"$PYTHON" "$ROOT/tests/peers/gradients.py" "$BUILD/tests/unit/net/net_test" "$SCRATCH" \
    f32 $(grep -qw avx512_bf16 /proc/cpuinfo && echo bf16)
