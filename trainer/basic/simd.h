/*
 * How own loops reach the processor's vectors in a portable build: functions
 * marked MULTIVERSION are compiled for several levels of x86-64, and the
 * loader picks one. Sanitizers cannot run its resolvers.
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

/* A function that a loop over vectors uses: a call would keep the loop out of
 * vectors, and would not be compiled for the levels of its caller. */
#define INLINE static inline __attribute__((always_inline))

#endif
