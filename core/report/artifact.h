/*
 * The artifacts: the files that a training leaves in artifacts/ of its run
 * directory, one row for each. Both programs take their names from here. What
 * only one of them needs is elsewhere: the functions that write them
 * (trainer/files/export.c), the checks of their content
 * (core/models/artifact_check.c), and the blobs that hold some of them while
 * the training runs (core/training/follow.c). Constant data; any thread.
 */
#ifndef PRIMO_ARTIFACT_H
#define PRIMO_ARTIFACT_H

#include "core/basic/text.h"

#include <stdbool.h>
#include <stdint.h>

/* The order in which artifacts are checked, and in which a training without a
 * mount moves them to its folder: labels.txt is checked against the head of
 * model.safetensors, and model.onnx comes last, because it marks the folder as
 * finished. */
enum artifact_no {
    ARTIFACT_CONFIG,
    ARTIFACT_DATASET,
    ARTIFACT_EVALUATION,
    ARTIFACT_WEIGHTS,
    ARTIFACT_LABELS,
    ARTIFACT_GRAPH,
    ARTIFACTS,
};

struct artifact {
    const char *name; /* in artifacts/, and in the model's directory */
    uint64_t limit;   /* most bytes that the daemon accepts */
    /* Whether it is a text that is complete before the training ends. The
     * daemon takes it into the store as soon as the journal reports it, shows
     * it while the training runs, and writes it to the model from there. Other
     * artifacts are copied to the model when the training has succeeded. */
    bool shown;
    /* Whether it is no file of the model itself: reports are made of it
     * (core/evaluation/), as soon as it is there. */
    bool inner;
};

extern const struct artifact artifacts[ARTIFACTS];

/* The checksum that a trainer reports for an artifact it has written, so that
 * bits which flip on the way to the model are noticed. Trainers of older
 * versions report none. */
struct artifact_sum {
    bool known;
    uint32_t crc; /* crc32 of all its bytes */
};

/* The artifact of this name; ARTIFACTS = there is none. */
enum artifact_no artifact_find(const char *name);

/* Append the payload of a journal record: "NAME crc32=XXXXXXXX". */
void artifact_print(struct text *out, const char *name, uint32_t crc);
/* Parse such a payload, which may be the name alone; ARTIFACTS = it names none.
 */
enum artifact_no artifact_parse(const char *payload, struct artifact_sum *sum);

/* Sums: of bytes, and of all that can be read from a descriptor, from its
 * beginning on; 0 or -errno. */
uint32_t artifact_crc(const void *data, size_t size);
int artifact_file_crc(int fd, uint32_t *crc);
/* Whether the sum is the one that the trainer reported; true if it reported
 * none.
 */
bool artifact_sum_fits(const struct artifact_sum *sum, uint32_t crc);

#endif
