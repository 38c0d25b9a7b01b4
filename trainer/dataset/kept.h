/*
 * The pictures that a training began with. They are written down when its
 * dataset has been read, and a training that is continued has these, whatever
 * has come into the folders since: its order of pictures, and so its model,
 * depends on them.
 *
 * The list is bytes: records that end in a NUL, as a path may have any other.
 * "class NAME" in the order of labels, then "train LABEL HASH PATH" and "test
 * LABEL HASH PATH", in the order of the dataset, with paths below its folder,
 * and at last "end". Before a picture that is a page of its file stands "page
 * NUMBER". Pictures that could not be read are not in it.
 */
#ifndef PRIMO_KEPT_H
#define PRIMO_KEPT_H

#include "core/basic/text.h"
#include "trainer/dataset/dataset.h"

/* Read */
void kept_put_classes(const struct dataset *d, struct text *out);
void kept_put(const struct dataset *d, const struct sample *s,
              const uint64_t hash[2], bool test, struct text *out);
void kept_put_end(struct text *out);

/* Life cycle */

/* Open the dataset with the pictures of a list. What else lies in its folders
 * is only counted and noted. EINVAL: the list is damaged; otherwise fails as
 * dataset_open() where the folder of the dataset cannot be opened. */
int kept_open(struct dataset *d, const struct settings *settings,
              const struct text *list, struct reason *why);

#endif
