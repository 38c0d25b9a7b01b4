/*
 * Targets of fuzzing: each file here that is not fuzz.c is a program that takes
 * bytes as somebody hostile might give them to one parser of ours, and ends
 * with a signal where it should have refused them.
 *
 * The same target is linked in two ways. With clang, libFuzzer calls it and
 * looks for inputs that reach new code (make fuzz). With any compiler, fuzz.c
 * calls it with each file of its corpus and with mutations of them that depend
 * on a seed alone (make test). One thread.
 */
#ifndef PRIMO_FUZZ_H
#define PRIMO_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* The target: libFuzzer wants this name. Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
