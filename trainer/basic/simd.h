/*
 * How our own loops use the processor's vector instructions in a portable
 * build: functions marked MULTIVERSION are compiled for several levels of
 * x86-64, and the dynamic loader picks one of them. Not with sanitizers, which
 * cannot run the loader's resolver functions, nor in a build for one kind of
 * processor (-march=native), which has the instructions anyway, nor without
 * optimisation, which leaves in what a level cannot do.
 */
#ifndef PRIMO_SIMD_H
#define PRIMO_SIMD_H

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) &&         \
    !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__) &&         \
    !defined(__AVX2__) && defined(__OPTIMIZE__)
#define MULTIVERSION                                                           \
    __attribute__((                                                            \
        target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define MULTIVERSION
#endif

/* The target of functions that use AVX-512, which are called where the
 * processor has it. What is inlined must not have instructions that its caller
 * lacks, and intrinsics have those of the build: in one for one kind of
 * processor, the level is added to what that has. */
#ifdef __AVX2__
#define AVX512_LEVEL "avx512f,avx512bw,avx512cd,avx512dq,avx512vl"
#else
#define AVX512_LEVEL "arch=x86-64-v4"
#endif

/* Marks functions that vectorised loops use. They must be inlined: a call would
 * prevent vectorisation, and its code would not be compiled for the levels of
 * the caller. */
#define INLINE static inline __attribute__((always_inline))

#endif
