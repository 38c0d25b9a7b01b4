/*
 * The base model of a training: a file of weights to begin with, one tensor at
 * a time from the file to its place in the network.
 *
 * Used by the main thread.
 */
#ifndef PRIMO_BASE_H
#define PRIMO_BASE_H

#include "core/shared/base_match.h"
#include "trainer/files/safetensors.h"
#include "trainer/net/net.h"

struct base {
    struct safetensors_file file;
    struct base_match match; /* network NULL = there is no file */
    char **class_names;      /* that its head tells apart, where it says so */
    int classes;
};

/* Life cycle */

#define BASE_INIT                                                              \
    {                                                                          \
        .match = { 0 }                                                         \
    }

/* ENOENT, EACCES, EINVAL … with what is wrong with the file. */
int base_open(struct base *b, const char *path, struct reason *why);
void base_release(struct base *b);

/* Read */

/* The smallest without a file. */
const struct network *base_network(const struct base *b);
bool base_is_trained(const struct base *b);
/* Whether its head tells just these classes apart, in this order. */
bool base_has_head_for(const struct base *b, char *const *class_names,
                       int classes);
/* Append a `key=value` line that tells this file from others. */
int base_identity(const struct base *b, struct text *out, struct reason *why);

/* Change */

/* Give the network its weights, but for the head unless that is wanted. EINVAL
 * where one is not finite. */
int base_give(const struct base *b, struct net *net, bool head,
              struct reason *why);

#endif
