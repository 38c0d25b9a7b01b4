/*
 * A trained classifier as a value: its weights, its classes, the size of its
 * pictures and what else is known of it. export.h writes one as files,
 * classifier_open() takes it back from them; the values of its weights then
 * remain in the file until they are asked for, one tensor after the other, as
 * all of them together are large.
 */
#ifndef PRIMO_CLASSIFIER_H
#define PRIMO_CLASSIFIER_H

#include "core/basic/reason.h"
#include "core/network/network.h"
#include "core/network/safetensors_header.h"
#include "trainer/basic/tensor.h"
#include "trainer/files/safetensors.h"

struct classifier {
    const struct network *network;
    int image_size;     /* side of the network's input in pixels */
    char **class_names; /* the names of the folders, which may have any byte but
                           NUL */
    int classes;
    struct tensor *tensors; /* net_export() without state; of a file, they have
                               no data */
    int count;
    struct metadata *facts; /* more to put into the files: template, … */
    int fact_count;
    struct safetensors_file file; /* that it is read from, while it is open */
};

/* Life cycle */

#define CLASSIFIER_INIT                                                        \
    {                                                                          \
        0                                                                      \
    }

/* Open a file model.safetensors; everything is in it. ENOENT, EACCES, …; EINVAL
 * when it is damaged or was not written by export_model(). */
int classifier_read(struct classifier *out, const char *path,
                    struct reason *why);
/* The same with DIR/model.safetensors. */
int classifier_open(struct classifier *out, const char *dir,
                    struct reason *why);
/* Close the file: what was read remains. */
void classifier_close(struct classifier *m);
/* Release what these made (not a model that was put together). */
void classifier_release(struct classifier *m);

/* Read */

/* Read the values of a tensor: a tensor_fill of a struct classifier whose file
 * is open. The shape must be that of the tensor in `tensors`. */
int classifier_values(void *classifier, const struct tensor *t,
                      struct reason *why);

#endif
