#include "trainer/far/bases.h"

#include "core/basic/sha256.h"
#include "core/far/protocol.h"
#include "core/system/directory.h"
#include "core/system/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { KEPT_SECONDS = 7 * 24 * 3600, PART = 100 };

static void part_name(char out[PART], const char *name)
{
    snprintf(out, PART, "%.80s.part", name);
}

uint64_t base_part(int dir, const char *name, bool *whole)
{
    struct stat st;
    char part[PART];
    part_name(part, name);
    *whole = fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
    if (*whole || fstatat(dir, part, &st, AT_SYMLINK_NOFOLLOW) == 0)
        return (uint64_t)st.st_size;
    return 0;
}

int base_add(int dir, const char *name, uint64_t offset,
             const struct text *bytes, struct reason *why)
{
    char part[PART];
    part_name(part, name);
    int fd =
        openat(dir, part, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return refuse_errno(why, errno, "cannot write the base");
    int err = descriptor_write_at(fd, bytes->data, bytes->size, offset);
    if (err)
        refuse_errno(why, -err, "cannot write the base");
    close(fd);
    return err;
}

int base_keep(int dir, const char *name, struct reason *why)
{
    char part[PART], hex[SHA256_HEX];
    bool whole;
    base_part(dir, name, &whole);
    if (whole)
        return 0;
    part_name(part, name);
    int fd = openat(dir, part, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return refuse_errno(why, errno, "cannot read the base");
    int err = descriptor_sum(fd, hex, NULL);
    if (err == 0 && fsync(fd))
        err = -errno;
    close(fd);
    if (err)
        return refuse_errno(why, -err, "cannot keep the base");
    if (strlen(name) != FAR_BASE_DIGITS ||
        strncmp(hex, name, FAR_BASE_DIGITS)) {
        unlinkat(dir, part, 0);
        return refuse(why, EBADMSG, "the base was damaged on its way");
    }
    return renameat(dir, part, dir, name)
               ? refuse_errno(why, errno, "cannot keep the base")
               : 0;
}

void bases_tidy(int dir)
{
    DIR *list = directory_list(dir, ".");
    struct dirent *e;
    struct stat st;
    while (list && (e = readdir(list)))
        if (e->d_name[0] != '.' &&
            fstatat(dir, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            st.st_nlink == 1 && time(NULL) - st.st_mtime > KEPT_SECONDS)
            unlinkat(dir, e->d_name, 0);
    if (list)
        closedir(list);
}
