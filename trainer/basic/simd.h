/*
 * How our own loops use the processor's vector instructions in a portable
 * build: functions marked MULTIVERSION are compiled for several levels of
 * x86-64, and the dynamic loader picks one of them. Not with sanitizers, which
 * cannot run the loader's resolver functions.
 */
#ifndef PRIMO_SIMD_H
#define PRIMO_SIMD_H

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) &&         \
    !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
#define MULTIVERSION                                                           \
    __attribute__((                                                            \
        target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define MULTIVERSION
#endif

/* Marks functions that vectorised loops use. They must be inlined: a call would
 * prevent vectorisation, and its code would not be compiled for the levels of
 * the caller. */
#define INLINE static inline __attribute__((always_inline))

#endif
