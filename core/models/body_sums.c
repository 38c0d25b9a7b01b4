#include "core/models/body_sums.h"

#include "core/store/garbage.h"
#include "core/system/directory.h"
#include "core/system/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum { PIECE = 1 << 16 }; /* bytes that are read at once */

int file_sum(int fd, uint32_t *sum, uint64_t *size)
{
    unsigned char piece[PIECE];
    uLong crc = crc32_z(0, NULL, 0);
    ssize_t n;
    *size = 0;
    while ((n = pread(fd, piece, sizeof piece, (off_t)*size)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        crc = crc32_z(crc, piece, (size_t)n);
        *size += (uint64_t)n;
    }
    *sum = (uint32_t)crc;
    return 0;
}

/* Making */

static int sum_of(int dir, const char *name, uint32_t *sum, uint64_t *size,
                  struct reason *why)
{
    int fd = file_open(dir, name, why);
    if (fd < 0)
        return fd;
    int err = file_sum(fd, sum, size);
    close(fd);
    return err ? refuse_errno(why, -err, "cannot read '%s'", name) : 0;
}

static void put_line(struct text *out, uint32_t sum, uint64_t size,
                     const char *name)
{
    text_printf(out, "%08" PRIx32 " %" PRIu64 " %s\n", sum, size, name);
}

static int body_sum_add(int dir, const char *name, struct text *out,
                        struct reason *why)
{
    uint32_t sum;
    uint64_t size;
    int err = sum_of(dir, name, &sum, &size, why);
    if (err == 0)
        put_line(out, sum, size, name);
    return err;
}

int body_sum_make(int fd, struct text *out, struct reason *why)
{
    uint32_t sum;
    uint64_t size;
    int err = file_sum(fd, &sum, &size);
    if (err == 0)
        put_line(out, sum, size, "");
    return err ? refuse_errno(why, -err, "it cannot be read") : 0;
}

int body_sums_make(int dir, struct text *out, struct reason *why)
{
    DIR *list = directory_list(dir, ".");
    struct dirent *e;
    int err = 0;
    if (!list)
        return refuse_errno(why, errno, "the model's files cannot be listed");
    while (err == 0 && (e = readdir(list)))
        if (e->d_name[0] != '.')
            err = body_sum_add(dir, e->d_name, out, why);
    closedir(list);
    return err;
}

/* Checking */

static int line_check(int folder, uint64_t id, uint32_t wanted,
                      uint64_t wanted_size, const char *name,
                      struct reason *why)
{
    char path[300];
    uint32_t sum;
    uint64_t size;
    snprintf(path, sizeof path, *name ? "%" PRIu64 "/%s" : "%" PRIu64, id,
             name);
    int err = sum_of(folder, path, &sum, &size, why);
    if (err)
        return err;
    if (sum != wanted || size != wanted_size)
        return refuse(why, EUCLEAN, "'%s' is not as it was published", path);
    return 0;
}

static int lines_check(int folder, uint64_t id, const struct text *sums,
                       struct reason *why)
{
    const char *line = text_string(sums);
    int err = 0;
    while (err == 0 && *line) {
        uint32_t sum;
        uint64_t size;
        int at = 0;
        char name[256];
        size_t n = strcspn(line, "\n");
        if (sscanf(line, "%" SCNx32 " %" SCNu64 "%n", &sum, &size, &at) != 2 ||
            line[at] != ' ' || n - (size_t)at - 1 >= sizeof name)
            return refuse(why, EUCLEAN, "its checksums cannot be read");
        snprintf(name, sizeof name, "%.*s", (int)(n - (size_t)at - 1),
                 line + at + 1);
        err = line_check(folder, id, sum, size, name, why);
        line += n + (line[n] == '\n');
    }
    return err;
}

int body_sums_check(struct store_txn *txn, int folder, uint64_t id,
                    struct reason *why)
{
    struct text sums = TEXT_INIT;
    char name[32];
    int err = sums_get(txn, id, &sums);
    snprintf(name, sizeof name, "%" PRIu64, id);
    if (err == -ENOENT)
        err = faccessat(folder, name, F_OK, AT_SYMLINK_NOFOLLOW)
                  ? refuse_errno(why, errno, "its files are missing")
                  : 0;
    else if (err)
        err = refuse(why, EUCLEAN, "its checksums cannot be read");
    else
        err = lines_check(folder, id, &sums, why);
    text_release(&sums);
    return err;
}
