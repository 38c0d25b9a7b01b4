/*
 * Pictures that were decoded for earlier trainings, and those of this one for
 * later ones: files that the launcher lends to the run directory
 * (core/report/decoded.h), each with pictures of one side, as the loader keeps
 * them in memory.
 *
 * A picture is taken from there if the file of the dataset is still the same:
 * its name below the dataset, inode, size, and its times of change in
 * nanoseconds, of which the system's own (ctime) can be set by nobody. Who asks
 * has opened the file, so that nobody gets a picture that he may not read now.
 * It must have been decoded by the same program and libraries. Pixels have
 * checksums; what is damaged or incomplete is not taken. So the pixels are
 * those that decoding would give, and a training is the same with these files
 * and without.
 *
 * A picture that has changed within the last seconds is not kept: it could
 * change once more without another time. Neither are pages of documents, which
 * depend on the fonts of the host.
 *
 * Nothing here fails: where a file is not lent, or the disk is full, pictures
 * are not found, or not kept. decoded_find() and decoded_keep(): any thread.
 */
#ifndef PRIMO_DECODED_H
#define PRIMO_DECODED_H

#include <stdbool.h>
#include <stdint.h>

struct decoded;

/* A file of the dataset, before it is read. */
struct decoded_file {
    uint64_t name[2]; /* hash of its name below the dataset, and page */
    uint64_t inode, size;
    int64_t modified, changed; /* nanoseconds since 1970 */
    bool settled;              /* these tell it from what it becomes */
};

/* What is known of a picture besides its pixels (loader_scan.h). */
struct decoded_facts {
    int width, height;
    uint64_t hash[2];
    bool more_pages;
};

/* Life cycle */

/* `dir` is the descriptor of the run directory; pictures are side x side. */
struct decoded *decoded_open(int dir, int side);
/* Make what was kept fit for use. NULL is fine. */
void decoded_close(struct decoded *d);

/* Read */

/* Look at an open file, which has the name below the dataset, for a page of it.
 */
void decoded_look(struct decoded_file *file, int fd, const char *name,
                  int page);
/* Find it. Returns whether it was found; then *facts and pixels [side, side, 3]
 * are set. */
bool decoded_find(struct decoded *d, const struct decoded_file *file,
                  struct decoded_facts *facts, uint8_t *pixels);
int decoded_found(const struct decoded *d); /* how many were */

/* Change */

/* Keep a picture for later trainings; `found` is what decoded_find() said. */
void decoded_keep(struct decoded *d, const struct decoded_file *file,
                  const struct decoded_facts *facts, const uint8_t *pixels,
                  bool found);
/* Give back the room that the files in the run directory take on the disk.
 * False: there is none. */
bool decoded_give_up(int dir);

#endif
