/*
 * A file is a head, pictures of one size, each in a slot, and an index. The
 * head is written last, so that a file whose trainer was killed has none.
 */
#include "trainer/data/decoded.h"

#include "core/basic/alloc.h"
#include "core/basic/clock.h"
#include "core/report/decoded.h"
#include "core/system/file.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xxhash.h>

enum {
    RENEWED_FROM = 4,    /* so many files of a side are made into one */
    SETTLED_SECONDS = 3, /* FAT's times are exact to 2 s */
    PAGE = 4096,         /* where the slots begin */
};
static const char magic[8] = "primo.1";

struct head {
    char magic[8];
    uint64_t decoder[2];         /* decoder_identity() */
    uint64_t side, count, index; /* the byte where the index begins */
    uint64_t index_sum, sum;     /* of the index, and of all before this */
};

struct entry {
    uint64_t name[2], inode, size; /* as in struct decoded_file */
    int64_t modified, changed;
    uint64_t hash[2], sum; /* of the pixels */
    uint32_t width, height, more_pages, slot;
};

/* A file of earlier trainings. */
struct old {
    int fd;
    struct head head;
    struct entry *entries; /* [head.count], by name */
    bool used;             /* atomic */
};

struct decoded {
    uint64_t side;
    uint64_t decoder[2];
    struct old old[DECODED_OLD_MOST];
    int old_count;
    bool renews;    /* all pictures are put into the new file */
    int found;      /* atomic */
    int fd;         /* the new file; -1 = there is none, or no more is kept */
    uint64_t slots; /* that it may have */
    pthread_mutex_t lock; /* of what follows, and of fd */
    struct entry *entries;
    size_t count, room;
    uint64_t taken; /* slots */
};

static size_t pixels_size(const struct decoded *d)
{
    return (size_t)d->side * (size_t)d->side * 3;
}

static uint64_t slot_at(const struct decoded *d, uint64_t slot)
{
    return PAGE + slot * pixels_size(d);
}

/* The decoder */

/* Adds what identifies a program or library: the number that the linker gave
 * its content, or else its name and size. */
static int object_add(struct dl_phdr_info *info, size_t size, void *context)
{
    XXH3_state_t *sum = context;
    bool known = false;
    uint64_t bytes = 0;
    (void)size;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        bytes += part->p_memsz;
        if (part->p_type != PT_NOTE)
            continue;
        XXH3_128bits_update(sum,
                            (const void *)(info->dlpi_addr + part->p_vaddr),
                            part->p_memsz);
        known = true;
    }
    if (!known) {
        XXH3_128bits_update(sum, info->dlpi_name, strlen(info->dlpi_name));
        XXH3_128bits_update(sum, &bytes, sizeof bytes);
    }
    return 0;
}

/* This program with all its libraries: whichever is another one may decode
 * differently. */
static void decoder_identify(uint64_t decoder[2])
{
    XXH3_state_t *sum = XXH3_createState();
    if (!sum)
        abort();
    XXH3_128bits_reset(sum);
    XXH3_128bits_update(sum, PRIMO_VERSION, sizeof PRIMO_VERSION);
    dl_iterate_phdr(object_add, sum);
    XXH128_hash_t h = XXH3_128bits_digest(sum);
    XXH3_freeState(sum);
    decoder[0] = h.high64;
    decoder[1] = h.low64;
}

/* Gives back the room that a file takes, whatever other names it has. */
static bool emptied(int fd)
{
    return ftruncate(fd, 0) == 0;
}

/* Files of earlier trainings */

static uint64_t head_sum(const struct head *h)
{
    return XXH3_64bits(h, offsetof(struct head, sum));
}

static int by_name(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    if (x->name[0] != y->name[0])
        return x->name[0] < y->name[0] ? -1 : 1;
    return (x->name[1] > y->name[1]) - (x->name[1] < y->name[1]);
}

/* Reads the index. False: it is damaged. */
static bool index_read(struct old *o, uint64_t file_size)
{
    const struct head *h = &o->head;
    if (h->count > file_size / sizeof *o->entries)
        return false;
    size_t size = (size_t)h->count * sizeof *o->entries;
    o->entries = malloc(size + 1);
    if (o->entries &&
        descriptor_read_at(o->fd, o->entries, size, h->index) == 0 &&
        XXH3_64bits(o->entries, size) == h->index_sum)
        return true;
    free(o->entries);
    return false;
}

/* Whether the trainer that was to fill the file lives no more. */
static bool is_abandoned(int fd)
{
    bool lost = flock(fd, LOCK_SH | LOCK_NB) == 0;
    if (lost)
        flock(fd, LOCK_UN);
    return lost;
}

enum finding { OF_USE, OF_NO_USE_HERE, OF_NO_USE };

static enum finding old_read(const struct decoded *d, struct old *o)
{
    struct stat st;
    struct head *h = &o->head;
    if (fstat(o->fd, &st) || descriptor_read_at(o->fd, h, sizeof *h, 0))
        return OF_NO_USE_HERE;
    if (!h->magic[0])
        return is_abandoned(o->fd) ? OF_NO_USE : OF_NO_USE_HERE;
    if (memcmp(h->magic, magic, sizeof magic) || h->sum != head_sum(h) ||
        memcmp(h->decoder, d->decoder, sizeof d->decoder))
        return OF_NO_USE;
    if (h->side != d->side)
        return OF_NO_USE_HERE;
    return index_read(o, (uint64_t)st.st_size) ? OF_USE : OF_NO_USE;
}

/* A file that is of no use to any training is emptied. */
static void old_open(struct decoded *d, int dir, const char *name)
{
    struct old *o = &d->old[d->old_count];
    o->fd = openat(dir, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (o->fd < 0)
        return;
    enum finding finding = old_read(d, o);
    if (finding == OF_USE) {
        d->old_count++;
        return;
    }
    if (finding == OF_NO_USE)
        emptied(o->fd);
    close(o->fd);
}

/* Life cycle */

static void new_open(struct decoded *d, int dir)
{
    d->fd = openat(dir, DECODED_NEW, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (d->fd < 0)
        return;
    flock(d->fd, LOCK_EX | LOCK_NB); /* is_abandoned() asks for it */
    d->slots = decoded_bound(d->fd, 0) / (pixels_size(d) + sizeof *d->entries);
}

struct decoded *decoded_open(int dir, int side)
{
    struct decoded *d = xcalloc(1, sizeof *d);
    char name[32];
    d->side = (uint64_t)side;
    pthread_mutex_init(&d->lock, NULL);
    decoder_identify(d->decoder);
    for (int i = 0; i < DECODED_OLD_MOST; i++) {
        snprintf(name, sizeof name, DECODED_OLD, i);
        old_open(d, dir, name);
    }
    d->renews = d->old_count >= RENEWED_FROM;
    new_open(d, dir);
    return d;
}

/* Writes the index and the head. */
static bool new_complete(struct decoded *d)
{
    struct head h = {
        .side = d->side, .count = d->count, .index = slot_at(d, d->taken)};
    size_t size = d->count * sizeof *d->entries;
    qsort(d->entries, d->count, sizeof *d->entries, by_name);
    memcpy(h.magic, magic, sizeof magic);
    memcpy(h.decoder, d->decoder, sizeof d->decoder);
    h.index_sum = XXH3_64bits(d->entries, size);
    h.sum = head_sum(&h);
    return descriptor_write_at(d->fd, d->entries, size, h.index) == 0 &&
           descriptor_write_at(d->fd, &h, sizeof h, 0) == 0;
}

/* Empties the files whose pictures are in the new one. */
static void old_drop(struct decoded *d)
{
    for (int i = 0; i < d->old_count; i++)
        d->old[i].used &= !emptied(d->old[i].fd);
}

static void new_close(struct decoded *d)
{
    bool complete = d->count && new_complete(d);
    if (complete && d->renews)
        old_drop(d);
    if (!complete)
        emptied(d->fd);
    close(d->fd);
}

/* The time of a file says when it was last of use, and a confined trainer can
 * set it only by writing. */
static void old_close(struct old *o)
{
    if (o->used)
        descriptor_write_at(o->fd, &o->head, sizeof o->head, 0);
    free(o->entries);
    close(o->fd);
}

void decoded_close(struct decoded *d)
{
    if (!d)
        return;
    if (d->fd >= 0)
        new_close(d);
    for (int i = 0; i < d->old_count; i++)
        old_close(&d->old[i]);
    pthread_mutex_destroy(&d->lock);
    free(d->entries);
    free(d);
}

/* Finding */

/* A change within the last seconds may be followed by one that has the same
 * time. */
static bool is_settled(const struct stat *st)
{
    time_t latest = st->st_ctime > st->st_mtime ? st->st_ctime : st->st_mtime;
    return (double)latest + SETTLED_SECONDS < unix_now();
}

void decoded_look(struct decoded_file *file, int fd, const char *name, int page)
{
    struct stat st;
    XXH128_hash_t h =
        XXH3_128bits_withSeed(name, strlen(name), (XXH64_hash_t)page);
    *file = (struct decoded_file){.name = {h.high64, h.low64}};
    if (fstat(fd, &st) || !S_ISREG(st.st_mode))
        return;
    file->inode = st.st_ino;
    file->size = (uint64_t)st.st_size;
    file->modified = timespec_ns(st.st_mtim);
    file->changed = timespec_ns(st.st_ctim);
    file->settled = is_settled(&st);
}

static bool is_same_file(const struct entry *a, const struct decoded_file *b)
{
    return a->inode == b->inode && a->size == b->size &&
           a->modified == b->modified && a->changed == b->changed;
}

static const struct entry *entry_find(const struct old *o,
                                      const struct decoded_file *file)
{
    const struct entry wanted = {.name = {file->name[0], file->name[1]}};
    return o->head.count ? bsearch(&wanted, o->entries, o->head.count,
                                   sizeof *o->entries, by_name)
                         : NULL;
}

static bool old_find(const struct decoded *d, const struct old *o,
                     const struct decoded_file *file,
                     struct decoded_facts *facts, uint8_t *pixels)
{
    const struct entry *e = entry_find(o, file);
    size_t size = pixels_size(d);
    if (!e || !is_same_file(e, file) ||
        descriptor_read_at(o->fd, pixels, size, slot_at(d, e->slot)) ||
        XXH3_64bits(pixels, size) != e->sum)
        return false;
    *facts = (struct decoded_facts){.width = (int)e->width,
                                    .height = (int)e->height,
                                    .hash = {e->hash[0], e->hash[1]},
                                    .more_pages = e->more_pages};
    return true;
}

bool decoded_find(struct decoded *d, const struct decoded_file *file,
                  struct decoded_facts *facts, uint8_t *pixels)
{
    for (int i = 0; file->settled && i < d->old_count; i++)
        if (old_find(d, &d->old[i], file, facts, pixels)) {
            __atomic_store_n(&d->old[i].used, true, __ATOMIC_RELAXED);
            __atomic_fetch_add(&d->found, 1, __ATOMIC_RELAXED);
            return true;
        }
    return false;
}

int decoded_found(const struct decoded *d)
{
    return __atomic_load_n(&d->found, __ATOMIC_RELAXED);
}

/* Keeping */

/* Takes a slot of the new file. False: there is none. */
static bool slot_take(struct decoded *d, uint32_t *slot)
{
    pthread_mutex_lock(&d->lock);
    bool taken = d->taken < d->slots;
    if (taken)
        *slot = (uint32_t)d->taken++;
    pthread_mutex_unlock(&d->lock);
    return taken;
}

/* Without memory for it the picture is not kept. */
static void entry_add(struct decoded *d, const struct entry *e)
{
    pthread_mutex_lock(&d->lock);
    if (d->count == d->room) {
        size_t room = alloc_room(d->room, d->count + 1);
        struct entry *more = reallocarray(d->entries, room, sizeof *more);
        d->entries = more ? more : d->entries;
        d->room = more ? room : d->room;
    }
    if (d->count < d->room)
        d->entries[d->count++] = *e;
    pthread_mutex_unlock(&d->lock);
}

/* Nothing more is kept once the disk takes no more. */
static void slots_end(struct decoded *d)
{
    pthread_mutex_lock(&d->lock);
    d->slots = 0;
    pthread_mutex_unlock(&d->lock);
}

void decoded_keep(struct decoded *d, const struct decoded_file *file,
                  const struct decoded_facts *facts, const uint8_t *pixels,
                  bool found)
{
    struct entry e = {.name = {file->name[0], file->name[1]},
                      .inode = file->inode,
                      .size = file->size,
                      .modified = file->modified,
                      .changed = file->changed,
                      .hash = {facts->hash[0], facts->hash[1]},
                      .width = (uint32_t)facts->width,
                      .height = (uint32_t)facts->height,
                      .more_pages = facts->more_pages};
    if (d->fd < 0 || (found && !d->renews) || !file->settled ||
        !slot_take(d, &e.slot))
        return;
    size_t size = pixels_size(d);
    e.sum = XXH3_64bits(pixels, size);
    if (descriptor_write_at(d->fd, pixels, size, slot_at(d, e.slot)))
        slots_end(d);
    else
        entry_add(d, &e);
}

/* A full disk */

static bool file_give_up(int dir, const char *name)
{
    struct stat st;
    int fd = openat(dir, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return false;
    bool made = fstat(fd, &st) == 0 && st.st_blocks && emptied(fd);
    close(fd);
    return made;
}

bool decoded_give_up(int dir)
{
    char name[32];
    bool made = file_give_up(dir, DECODED_NEW);
    for (int i = 0; i < DECODED_OLD_MOST; i++) {
        snprintf(name, sizeof name, DECODED_OLD, i);
        made |= file_give_up(dir, name);
    }
    return made;
}
