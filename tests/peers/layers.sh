#!/bin/bash
# Single layers, the loss and the optimiser against PyTorch, forward and
# backward, in f32 and, where the processor has it, in bf16. It says which
# layer is wrong when tests/peers/gradients.sh fails.
# timeout: 600
# not under: thread
. "$(dirname "$0")/../lib.sh"
need_python numpy torch torchvision
"$PYTHON" "$ROOT/tests/peers/layers.py" "$BUILD/tests/peers/layers" "$SCRATCH" \
    f32 $(grep -qw avx512_bf16 /proc/cpuinfo && echo bf16)
