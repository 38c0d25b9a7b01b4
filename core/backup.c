#include "core/backup.h"

#include "core/basic/alloc.h"
#include "core/store/store.h"
#include "core/system/file.h"
#include "core/system/own.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK = 512, PIECE = 1 << 16 };

/* A member's header: ustar of POSIX.1-1988. */
struct tar_header {
    char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8];
    char type, link[100], magic[6], version[2], user[32], group[32], device[16];
    char prefix[155], rest[12];
};
_Static_assert(sizeof(struct tar_header) == BLOCK, "a header is a block");

/* Octal digits, which hold 8 GiB here: bases and models are smaller by far. */
static void number_put(char *field, size_t size, uint64_t number)
{
    field[--size] = 0;
    for (; size > 0; number >>= 3)
        field[--size] = (char)('0' + (number & 7));
}

static int header_put(int out, const char *name, const struct stat *st)
{
    struct tar_header h = {.type = S_ISDIR(st->st_mode) ? '5' : '0'};
    unsigned sum = 0;
    size_t size = S_ISDIR(st->st_mode) ? 0 : (size_t)st->st_size;
    snprintf(h.name, sizeof h.name, "%s", name);
    number_put(h.mode, sizeof h.mode, st->st_mode & 0777);
    number_put(h.uid, sizeof h.uid, st->st_uid);
    number_put(h.gid, sizeof h.gid, st->st_gid);
    number_put(h.size, sizeof h.size, size);
    number_put(h.mtime, sizeof h.mtime,
               st->st_mtime > 0 ? (uint64_t)st->st_mtime : 0);
    memcpy(h.magic, "ustar", 6);
    memcpy(h.version, "00", 2);
    memset(h.checksum, ' ', sizeof h.checksum);
    for (size_t i = 0; i < sizeof h; i++)
        sum += ((const unsigned char *)&h)[i];
    number_put(h.checksum, sizeof h.checksum - 1, sum);
    return write(out, &h, sizeof h) == sizeof h ? 0 : errno ? errno : EIO;
}

static int bytes_put(int out, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t n = write(out, data, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno;
        data += n;
        size -= (size_t)n;
    }
    return 0;
}

/* Exactly as many as the header says, filled up to a block. */
static int contents_put(int out, int fd, uint64_t size)
{
    char piece[PIECE];
    int code = 0;
    uint64_t left = size;
    while (left > 0 && code == 0) {
        ssize_t n = read(fd, piece, left < PIECE ? (size_t)left : PIECE);
        if (n < 0 && errno == EINTR)
            continue;
        code = n < 0 ? errno : n == 0 ? EIO : bytes_put(out, piece, (size_t)n);
        left -= n > 0 ? (uint64_t)n : 0;
    }
    memset(piece, 0, BLOCK);
    if (code == 0 && size % BLOCK)
        code = bytes_put(out, piece, BLOCK - size % BLOCK);
    return code;
}

static int file_put(int out, int dir, const char *from, const char *name,
                    struct reason *why)
{
    struct stat st;
    int fd = file_open(dir, from, why);
    if (fd < 0)
        return fd;
    int code = fstat(fd, &st) ? errno : 0;
    if (code == 0)
        code = header_put(out, name, &st);
    if (code == 0)
        code = contents_put(out, fd, (uint64_t)st.st_size);
    close(fd);
    return code ? refuse_errno(why, code, "cannot copy '%s'", name) : 0;
}

/* A directory and what is in it: models and bases are two levels at most. What
 * was removed meanwhile, or is being written, is passed over. */
static int folder_put(int out, int parent, const char *from, const char *name,
                      struct reason *why)
{
    struct stat st;
    struct dirent *e;
    int fd = directory_seen(parent, from, why), err = 0;
    if (fd < 0)
        return fd == -ENOENT ? 0 : fd;
    DIR *dir = fdopendir(fd);
    if (!dir) {
        close(fd);
        return refuse(why, ENOMEM, "no memory to list '%s'", name);
    }
    int code = fstat(fd, &st) ? errno : header_put(out, name, &st);
    if (code)
        err = refuse_errno(why, code, "cannot copy '%s'", name);
    while (err == 0 && (e = readdir(dir))) {
        char path[512];
        size_t n = strlen(e->d_name);
        if (e->d_name[0] == '.' ||
            (n > 4 && !strcmp(e->d_name + n - 4, ".new")) ||
            fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW))
            continue;
        snprintf(path, sizeof path, "%s%s%s", name, e->d_name,
                 S_ISDIR(st.st_mode) ? "/" : "");
        if (S_ISDIR(st.st_mode))
            err = folder_put(out, fd, e->d_name, path, why);
        else if (S_ISREG(st.st_mode))
            err = file_put(out, fd, e->d_name, path, why);
        if (err == -ENOENT)
            err = 0;
    }
    closedir(dir);
    return err;
}

/* The database first: what it names is there then, and does not change. */
static int store_put_copy(int state, int out, struct reason *why)
{
    struct store *store;
    char name[40];
    int copies = directory_own_make(state, "copies", why);
    if (copies < 0)
        return copies;
    int err = store_open_view(&store, state, why);
    if (err == -ENOENT)
        refuse(why, ENOENT, "there is no database in it");
    snprintf(name, sizeof name, "backup.%d", (int)getpid());
    if (err == 0) {
        err = store_copy(store, copies, name, why);
        store_close(store);
    }
    struct stat st = {.st_mode = S_IFDIR | 0700, .st_uid = geteuid()};
    st.st_gid = getegid();
    int code = err ? 0 : header_put(out, "db/", &st);
    if (code)
        err = refuse_errno(why, code, "cannot write the backup");
    if (err == 0)
        err = file_put(out, copies, name, "db/data.mdb", why);
    unlinkat(copies, name, 0);
    close(copies);
    return err;
}

static int state_put(int state, int out, struct reason *why)
{
    static const char end[2 * BLOCK];
    int err = store_put_copy(state, out, why);
    if (err == 0)
        err = file_put(out, state, "identity", "identity", why);
    if (err == 0)
        err = folder_put(out, state, "models", "models/", why);
    if (err == 0)
        err = folder_put(out, state, "bases", "bases/", why);
    int code = err ? 0 : bytes_put(out, end, sizeof end);
    return code ? refuse_errno(why, code, "cannot write the backup") : err;
}

static int file_backup(int state, const char *file, struct reason *why)
{
    char *aside = xstrfmt("%s.new", file);
    unlink(aside);
    int out = open(aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int err = out < 0 ? refuse_errno(why, errno, "cannot make '%s'", file)
                      : state_put(state, out, why);
    if (err == 0 && (fsync(out) || rename(aside, file)))
        err = refuse_errno(why, errno, "cannot save '%s'", file);
    if (out >= 0)
        close(out);
    if (err && out >= 0)
        unlink(aside);
    free(aside);
    return err;
}

int backup(const char *state, const char *file, struct reason *why)
{
    int dir = directory_own_top(state, false, why);
    if (dir < 0)
        return dir;
    int err = strcmp(file, "-") ? file_backup(dir, file, why)
                                : state_put(dir, STDOUT_FILENO, why);
    close(dir);
    return err;
}
