/*
 * The base model of a training: a file of weights to start from. The tensors go
 * one by one from the file to their places in the network. Main thread only.
 */
#ifndef PRIMO_BASE_H
#define PRIMO_BASE_H

#include "core/network/base_match.h"
#include "trainer/files/safetensors.h"
#include "trainer/net/net.h"

struct base {
    struct safetensors_file file;
    struct base_match match; /* .network NULL = there is no file */
    char **class_names; /* the classes of its head, if the file names them */
    int classes;
    int image_size; /* what it was trained at; 0 = the file does not say */
};

/* Life cycle */

#define BASE_INIT                                                              \
    {                                                                          \
        .match = { 0 }                                                         \
    }

/* EINVAL with what is wrong with the file; ENOENT, EACCES and so on. */
int base_open(struct base *b, const char *path, struct reason *why);
void base_release(struct base *b);

/* Read */

/* The network that the file is for; without a file, the smallest one. */
const struct network *base_network(const struct base *b);
bool base_is_trained(const struct base *b);
/* Whether its head has exactly these classes, in this order. */
bool base_has_head_for(const struct base *b, char *const *class_names,
                       int classes);
/* Append a `key=value` line that identifies the file. */
int base_identity(const struct base *b, struct text *out, struct reason *why);

/* Change */

/* Copy the weights of the file into the network; those of the head only if
 * `head` is true. EINVAL: a value is not finite. */
int base_give(const struct base *b, struct net *net, bool head,
              struct reason *why);

#endif
