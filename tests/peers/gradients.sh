#!/bin/bash
# The whole network against PyTorch: gradients, optimiser steps, running
# statistics and probabilities. An error in any layer's way back would still
# train, only worse; here it shows.
# timeout: 1200
# not under: thread
. "$(dirname "$0")/../lib.sh"
need_python numpy torch torchvision
"$PYTHON" "$ROOT/tests/peers/gradients.py" "$BUILD/tests/unit/net/net_test" "$SCRATCH" \
    f32 $(grep -qw avx512_bf16 /proc/cpuinfo && echo bf16)
