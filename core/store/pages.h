/*
 * The database file page by page, without LMDB, which trusts what it maps and
 * may end the program where a page is not what it should be. For checking a
 * file before it is opened, and for saving what can be read of a damaged one.
 * Nothing is written, and nobody may write meanwhile. The format is that of
 * LMDB 0.9 with 64-bit page numbers: data version 1 of its mdb.c.
 *
 * A struct pages belongs to one thread.
 */
#ifndef PRIMO_PAGES_H
#define PRIMO_PAGES_H

#include "core/store/store.h"

struct pages {
    int fd;
    uint32_t size;  /* bytes of a page */
    uint64_t count; /* whole pages of the file */
    uint64_t
        needed; /* number of pages by the meta page; the last may be unused */
    uint64_t free_root;  /* UINT64_MAX = empty; so for main_root */
    uint64_t main_root;  /* root of the table of tables */
    uint64_t bad;        /* number of pages that are not what they should be */
    uint64_t first_bad;  /* the first of them, where bad is not 0 */
    unsigned char *seen; /* a bit for each page: it was reached from a root */
    bool shallow;        /* leaves are not read */
};

/* Is called with each entry. Returning false ends the walk. */
typedef bool pages_take(void *context, struct store_view key,
                        struct store_view value);

/* Life cycle */

/* Open DIR/name and find its newest meta page. EUCLEAN when there is none. */
int pages_open(struct pages *p, int dir, const char *name, struct reason *why);
void pages_close(struct pages *p);

/* Read */

/* Show all entries of a table that can be read, in order; NULL = the list of
 * free pages. Damaged pages are counted and passed over. */
void pages_walk(struct pages *p, const char *table, pages_take *take,
                void *context);
/* Show the entries of leaves that no walk has reached: what a damaged branch
 * hides, and what was deleted or replaced before. */
void pages_scan(struct pages *p, pages_take *take, void *context);

/* Check that all pages of the database DIR/name are there and are what they
 * should be. Where a file has more than 256 MiB and is not cut, only branches
 * are read. EUCLEAN, with the first page that is not. */
int pages_check(int dir, const char *name, struct reason *why);

#endif
