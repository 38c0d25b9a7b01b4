#include "core/models/weights_file.h"

#include "core/system/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Returns 0 with *size 0 where `there` bytes do not hold the whole header
 * yet. */
int weights_header(int fd, uint64_t there, uint64_t *size, struct base_match *m,
                   struct reason *why)
{
    char start[SAFETENSORS_SIZE_BYTES];
    size_t json;
    *size = 0;
    if (there < sizeof start)
        return 0;
    if (descriptor_read_at(fd, start, sizeof start, 0))
        return refuse_errno(why, EIO, "the base cannot be read");
    int err = safetensors_header_size(start, &json, why);
    if (err || there < sizeof start + json)
        return err;
    char *text = malloc(json);
    struct safetensors_header h = SAFETENSORS_HEADER_INIT;
    if (!text || descriptor_read_at(fd, text, json, sizeof start))
        err = refuse_errno(why, text ? EIO : ENOMEM, "the base cannot be read");
    if (err == 0)
        err = safetensors_header_parse(&h, text, json, why);
    if (err == 0)
        err = base_match(m, &h, why);
    *size = h.size;
    safetensors_header_release(&h);
    free(text);
    return err;
}

int weights_too_long(uint64_t end, uint64_t size, struct reason *why)
{
    return refuse(why, EINVAL,
                  "the file goes on to byte %llu, its header tells of %llu",
                  (unsigned long long)end, (unsigned long long)size);
}

int weights_check(int fd, struct base_match *m, bool *cut, struct reason *why)
{
    uint64_t size = 0;
    struct stat st;
    int err = fstat(fd, &st)
                  ? refuse_errno(why, errno, "it cannot be read")
                  : weights_header(fd, (uint64_t)st.st_size, &size, m, why);
    bool shorter = err == 0 && (!size || (uint64_t)st.st_size < size);
    if (shorter && !size)
        err = refuse(why, EINVAL, "the file is cut short within its header");
    else if (shorter)
        err = refuse(why, EINVAL,
                     "the file is cut short: it has %lld bytes, its header "
                     "tells of %llu",
                     (long long)st.st_size, (unsigned long long)size);
    else if (err == 0 && (uint64_t)st.st_size > size)
        err = weights_too_long((uint64_t)st.st_size, size, why);
    if (cut)
        *cut = shorter;
    return err;
}
