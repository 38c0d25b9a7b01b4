/*
 * A trained classifier as a value: its weights, its classes, the size of its
 * pictures and what else is known of it. export.h writes one as files,
 * model_open() reads it back from them.
 */
#ifndef PRIMO_MODEL_H
#define PRIMO_MODEL_H

#include "metadata.h"
#include "reason.h"
#include "tensor.h"

#define MODEL_FILE "model.safetensors"

struct model {
    int image_size;     /* side of the network's input in pixels */
    char **class_names; /* as the folders were named, any bytes but NUL */
    int classes;
    struct tensor *tensors; /* net_export() without state */
    int count;
    struct metadata *facts; /* more to put into the files: template, … */
    int fact_count;
};

/* Life cycle */

#define MODEL_INIT                                                             \
    {                                                                          \
        0                                                                      \
    }

/* Read DIR/MODEL_FILE; everything is in it. ENOENT, EACCES, …; EINVAL
 * when it is damaged or was not written by export_model(). */
int model_open(struct model *out, const char *dir, struct reason *why);
/* Release what model_open() made (not a model that was put together). */
void model_release(struct model *m);

#endif
