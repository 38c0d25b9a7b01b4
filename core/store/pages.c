#include "core/store/pages.h"

#include "core/basic/alloc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of LMDB's mdb.c. A page is a header of 16 bytes (number u64, padding u16,
 * flags u16, and lower u16, upper u16 or, for the first of some overflow pages,
 * their count u32), then the offsets u16 of its nodes, which fill it from its
 * end. A node is a header of 8 bytes (low u16, high u16, flags u16, bytes of
 * the key u16), the key, and in leaves the value. */
enum {
    HEADER = 16,
    NODE = 8,
    BRANCH = 1,
    LEAF = 2,
    OVERFLOW = 4,
    META = 8,
    BIG = 1, /* the value is on overflow pages, and the node has their number */
    TABLE = 2, /* the value is the record of a table */
    TABLE_BYTES = 48,
    TABLE_ROOT = 40,
    DEPTH_MOST = 32,
    PAGE_LEAST = 512,
    PAGE_MOST = 65536,
    WHOLE_BYTES =
        256 << 20, /* bytes: files of at most this size are read whole */
};
#define MAGIC   0xBEEFC0DEu
#define NO_PAGE UINT64_MAX

static uint16_t get16(const unsigned char *at)
{
    uint16_t v;
    memcpy(&v, at, sizeof v);
    return v;
}

static uint32_t get32(const unsigned char *at)
{
    uint32_t v;
    memcpy(&v, at, sizeof v);
    return v;
}

static uint64_t get64(const unsigned char *at)
{
    uint64_t v;
    memcpy(&v, at, sizeof v);
    return v;
}

static void bad_note(struct pages *p, uint64_t number)
{
    if (!p->bad++)
        p->first_bad = number;
}

/* Life cycle */

/* A meta page behind its header: magic u32, version u32, address u64, size of
 * the map u64, the tables of free pages and of tables, last page u64,
 * transaction u64. */
static bool meta_take(struct pages *p, const unsigned char *page,
                      uint64_t *newest)
{
    const unsigned char *meta = page + HEADER, *tables = meta + 24;
    const unsigned char *rest = tables + 2 * TABLE_BYTES;
    uint32_t size = get32(tables);
    if (!(get16(page + 10) & META) || get32(meta) != MAGIC ||
        get32(meta + 4) != 1 || size < PAGE_LEAST || size > PAGE_MOST)
        return false;
    uint64_t transaction = get64(rest + 8);
    if (p->size && transaction < *newest)
        return true;
    *newest = transaction;
    p->size = size;
    p->needed = get64(rest) + 1;
    p->free_root = get64(tables + TABLE_ROOT);
    p->main_root = get64(tables + TABLE_BYTES + TABLE_ROOT);
    return true;
}

/* The second meta page follows the first, which has the size of pages. Where
 * the first is damaged, the usual size is tried. */
static void metas_read(struct pages *p)
{
    unsigned char page[PAGE_LEAST];
    uint64_t newest = 0;
    for (int i = 0; i < 2; i++) {
        off_t at = i * (off_t)(p->size ? p->size : 4096);
        if (pread(p->fd, page, sizeof page, at) != sizeof page ||
            !meta_take(p, page, &newest))
            bad_note(p, (uint64_t)i);
    }
}

int pages_open(struct pages *p, int dir, const char *name, struct reason *why)
{
    struct stat st;
    *p = (struct pages){.fd = -1};
    p->fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (p->fd < 0 || fstat(p->fd, &st))
        return refuse_errno(why, errno, "cannot open '%s'", name);
    metas_read(p);
    if (!p->size)
        return refuse(why, EUCLEAN,
                      "the state database is damaged: its first pages are not "
                      "those of a database");
    p->count = (uint64_t)st.st_size / p->size;
    p->seen = xcalloc(p->count / 8 + 1, 1);
    return 0;
}

void pages_close(struct pages *p)
{
    if (p->fd >= 0)
        close(p->fd);
    free(p->seen);
    *p = (struct pages){.fd = -1};
}

/* Pages */

/* Marks a page as reached. Returns false where there is no such page, or where
 * it was reached before. */
static bool page_mark(struct pages *p, uint64_t number)
{
    if (number < 2 || number >= p->count ||
        (p->seen[number / 8] & 1 << number % 8))
        return false;
    p->seen[number / 8] |= (unsigned char)(1 << number % 8);
    return true;
}

static bool page_read(struct pages *p, uint64_t number, unsigned char *page)
{
    return pread(p->fd, page, p->size, (off_t)(number * p->size)) ==
               (ssize_t)p->size &&
           get64(page) == number;
}

/* The number of nodes of a branch or leaf page; -1 = it is neither. */
static int nodes_count(const struct pages *p, const unsigned char *page)
{
    unsigned flags = get16(page + 10), lower = get16(page + 12);
    unsigned upper = get16(page + 14);
    if (!(flags & (BRANCH | LEAF)) || (flags & (OVERFLOW | META)) ||
        lower < HEADER || lower > upper || upper > p->size || lower % 2)
        return -1;
    return (int)(lower - HEADER) / 2;
}

/* Finds a node; NULL = it does not lie in the page with its whole key. */
static const unsigned char *node_at(const struct pages *p,
                                    const unsigned char *page, int i)
{
    size_t at = get16(page + HEADER + 2 * i);
    if (at < HEADER || at + NODE > p->size ||
        at + NODE + get16(page + at + 6) > p->size)
        return NULL;
    return page + at;
}

/* Reads the value of a leaf's node. A value on overflow pages is read into
 * *buffer. */
static bool value_read(struct pages *p, const unsigned char *page,
                       const unsigned char *node, unsigned char **buffer,
                       struct store_view *out)
{
    const unsigned char *at = node + NODE + get16(node + 6);
    size_t size = get32(node);
    bool big = get16(node + 4) & BIG;
    if ((size_t)(at - page) + (big ? 8 : size) > p->size)
        return false;
    *out = (struct store_view){at, size};
    if (!big)
        return true;
    uint64_t number = get64(at), pages = (HEADER + size - 1) / p->size + 1;
    if (number >= p->count || pages > p->count - number)
        return false;
    for (uint64_t i = 0; i < pages; i++)
        if (!page_mark(p, number + i))
            return false;
    *buffer = xrealloc(*buffer, pages * p->size);
    ssize_t bytes = (ssize_t)(pages * p->size);
    *out = (struct store_view){*buffer + HEADER, size};
    return pread(p->fd, *buffer, (size_t)bytes, (off_t)(number * p->size)) ==
               bytes &&
           get64(*buffer) == number && (get16(*buffer + 10) & OVERFLOW) &&
           get32(*buffer + 12) >= pages;
}

/* Walking */

struct walk {
    struct pages *pages;
    pages_take *take;
    void *context;
    unsigned char *buffer; /* for values on overflow pages */
    bool ended;
};

static void page_walk(struct walk *w, uint64_t number, int depth);

static void leaf_walk(struct walk *w, uint64_t number, unsigned char *page)
{
    struct pages *p = w->pages;
    int nodes = nodes_count(p, page);
    for (int i = 0; i < nodes && !w->ended; i++) {
        const unsigned char *node = node_at(p, page, i);
        struct store_view value;
        if (!node || !value_read(p, page, node, &w->buffer, &value))
            bad_note(p, number);
        else if (w->take)
            w->ended = !w->take(
                w->context, (struct store_view){node + NODE, get16(node + 6)},
                value);
    }
}

static void branch_walk(struct walk *w, uint64_t number, unsigned char *page,
                        int depth)
{
    struct pages *p = w->pages;
    int nodes = nodes_count(p, page);
    if (depth == DEPTH_MOST)
        nodes = -1;
    if (nodes < 1)
        bad_note(p, number);
    for (int i = 0; i < nodes && !w->ended; i++) {
        const unsigned char *node = node_at(p, page, i);
        if (node)
            page_walk(w, get32(node) | (uint64_t)get16(node + 4) << 32,
                      depth + 1);
        else
            bad_note(p, number);
    }
}

static void page_walk(struct walk *w, uint64_t number, int depth)
{
    struct pages *p = w->pages;
    unsigned char *page = xmalloc(p->size);
    if (!page_mark(p, number) || !page_read(p, number, page) ||
        nodes_count(p, page) < 0)
        bad_note(p, number);
    else if (get16(page + 10) & BRANCH)
        branch_walk(w, number, page, depth);
    else if (!p->shallow)
        leaf_walk(w, number, page);
    free(page);
}

static void root_walk(struct pages *p, uint64_t root, pages_take *take,
                      void *context)
{
    struct walk w = {.pages = p, .take = take, .context = context};
    if (root != NO_PAGE)
        page_walk(&w, root, 0);
    free(w.buffer);
}

struct table_search {
    const char *name;
    uint64_t root;
};

static bool take_table(void *context, struct store_view key,
                       struct store_view value)
{
    struct table_search *search = context;
    if (key.size != strlen(search->name) ||
        memcmp(key.data, search->name, key.size) || value.size != TABLE_BYTES)
        return true;
    search->root = get64((const unsigned char *)value.data + TABLE_ROOT);
    return false;
}

void pages_walk(struct pages *p, const char *table, pages_take *take,
                void *context)
{
    struct table_search search = {table, NO_PAGE};
    /* a copy, as the search for each table reaches the same pages again */
    struct pages tables = *p;
    if (!table) {
        root_walk(p, p->free_root, take, context);
        return;
    }
    tables.shallow = false;
    tables.seen = xcalloc(p->count / 8 + 1, 1);
    root_walk(&tables, p->main_root, take_table, &search);
    for (uint64_t i = 0; i <= p->count / 8; i++)
        p->seen[i] |= tables.seen[i];
    free(tables.seen);
    p->bad = tables.bad;
    p->first_bad = tables.first_bad;
    root_walk(p, search.root, take, context);
}

void pages_scan(struct pages *p, pages_take *take, void *context)
{
    struct walk w = {.pages = p, .take = take, .context = context};
    unsigned char *page = xmalloc(p->size);
    for (uint64_t number = 2; number < p->count && !w.ended; number++) {
        bool seen = p->seen[number / 8] & 1 << number % 8;
        if (!seen && page_read(p, number, page) && nodes_count(p, page) >= 0 &&
            (get16(page + 10) & LEAF))
            leaf_walk(&w, number, page);
    }
    free(page);
    free(w.buffer);
}

/* The list of free pages, which LMDB takes new ones from: a value is a count
 * and so many numbers. One that a table uses as well would be overwritten. */

struct free_list {
    uint64_t *numbers;
    size_t count, room;
};

static bool take_free(void *context, struct store_view key,
                      struct store_view value)
{
    struct free_list *list = context;
    size_t count = value.size / 8;
    (void)key;
    if (count < 2)
        return true;
    ALLOC_GROW(list->numbers, list->count + count - 1, list->room);
    memcpy(list->numbers + list->count, (const char *)value.data + 8,
           (count - 1) * 8);
    list->count += count - 1;
    return true;
}

static void free_check(struct pages *p, const struct free_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        uint64_t n = list->numbers[i];
        if (n < 2 || n >= p->needed ||
            (n < p->count && (p->seen[n / 8] & 1 << n % 8)))
            bad_note(p, n);
    }
}

static void pages_walk_all(struct pages *p)
{
    struct free_list list = {0};
    p->shallow = p->count >= p->needed && p->count * p->size > WHOLE_BYTES;
    pages_walk(p, NULL, take_free, &list);
    for (int i = 0; i < STORE_TABLES; i++)
        pages_walk(p, store_table_name((enum store_table)i), NULL, NULL);
    free_check(p, &list);
    free(list.numbers);
}

int pages_check(int dir, const char *name, struct reason *why)
{
    struct pages p;
    int err = pages_open(&p, dir, name, why);
    if (err == 0) {
        pages_walk_all(&p);
        if (p.bad)
            err = refuse(why, EUCLEAN,
                         "the state database is damaged: page %llu of its %llu "
                         "is not what it should be",
                         (unsigned long long)p.first_bad,
                         (unsigned long long)p.needed);
    }
    pages_close(&p);
    return err;
}
