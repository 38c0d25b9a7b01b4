#include "core/report/decoded.h"

#include <sys/statvfs.h>

enum { SHARE_OF_ALL = 20, SHARE_OF_FREE = 4 };
#define BYTES_MOST ((uint64_t)4 << 30)

uint64_t decoded_bound(int fd, uint64_t held)
{
    struct statvfs fs;
    if (fstatvfs(fd, &fs))
        return 0;
    uint64_t all = (uint64_t)fs.f_blocks * fs.f_frsize / SHARE_OF_ALL;
    uint64_t free =
        ((uint64_t)fs.f_bavail * fs.f_frsize + held) / SHARE_OF_FREE;
    uint64_t bound = all < free ? all : free;
    return bound < BYTES_MOST ? bound : BYTES_MOST;
}
