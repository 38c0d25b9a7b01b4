#!/bin/bash
# What compilers and flags make of the sources trains: gcc and clang, without
# optimisation for debuggers, and with all of it for the processor at hand, where
# our vector code has other paths. Warnings are errors. What is built is the
# trainer, whose code depends on flags, and the daemon once.
# timeout: 1200
# not under: address|thread
. "$(dirname "$0")/../lib.sh"
unset MAKEFLAGS MAKELEVEL CC CFLAGS CPPFLAGS LDFLAGS

pictures "$SCRATCH/data" 6 2
printf '%s\n' "dataset = $SCRATCH/data" 'base = scratch' 'image_size = 32' \
    'epochs = 1' >"$SCRATCH/template"

# usable CC: whether it is there, with what OpenMP takes, which Debian's clang has
# only beside libomp-dev.
usable()
{
    printf '#include <omp.h>\nint main(void) { return !omp_get_max_threads(); }' |
        "$1" -fopenmp -x c -o "$SCRATCH/usable" - 2>/dev/null
}

# built CC CFLAGS PROGRAM…: builds the programs in $SCRATCH/build anew.
built()
{
    local compiler=$1 flags=$2
    shift 2
    rm -rf "$SCRATCH/build"
    make -s -j2 -C "$ROOT" CC="$compiler" CFLAGS="$flags" WERROR=1 \
        BUILD="$SCRATCH/build" "${@/#/$SCRATCH/build/}" \
        "$SCRATCH/build/base.safetensors" >"$SCRATCH/said" 2>&1 ||
        fail "$compiler $flags: $(grep -m 20 -v '^  ' "$SCRATCH/said")"
}

trains()
{
    rm -rf "$SCRATCH/out"
    "$SCRATCH/build/primo-train" "$SCRATCH/template" "$SCRATCH/out" threads=1 \
        >"$SCRATCH/said" 2>&1 || fail "$(tail -n 5 "$SCRATCH/said")"
    expect_match '^\{"path": ?".*"items"' "$SCRATCH/build/primo-train" predict \
        --json "$SCRATCH/out" "$SCRATCH"/data/test/*/*.jpg
}

if usable clang; then
    step "clang, for a debugger"
    built clang '-O0 -g3' primo-train primofs
    trains
    BUILD=$SCRATCH/build mount_primofs
    cp "$SCRATCH/template" "$MNT/templates/t"
    mkdir "$MNT/processes/local"
    echo t >"$MNT/processes/local/template"
    touch "$MNT/processes/local/start"
    expect succeeded timeout 120 cat "$MNT/processes/local/wait"
    umount_primofs
fi

step "our vector code, for processors of several kinds"
loops=("$ROOT"/trainer/loops/*.c)
loops=("${loops[@]#"$ROOT/"}")
for build in 'gcc haswell' 'gcc znver3' 'gcc icelake-server' 'clang haswell'; do
    read -r compiler kind <<<"$build"
    [ "$(uname -m)" = x86_64 ] && usable "$compiler" || continue
    built "$compiler" "-O3 -march=$kind" "${loops[@]/%.c/.o}"
done

step "gcc, for a debugger"
built gcc '-O0 -g3' primo-train
trains

step "gcc, with all optimisations for this processor"
built gcc '-O3 -march=native' primo-train
trains
