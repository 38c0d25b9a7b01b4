/* Checkpoints, which their user may change: the input is one without the
 * checksum at its end, which is put there. */
#include "tests/fuzz/fuzz.h"

#include "trainer/files/checkpoint.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

static char path[64];

static void path_remove(void)
{
    unlink(path);
}

static void path_make(void)
{
    if (*path)
        return;
    snprintf(path, sizeof path, "/dev/shm/primofs-fuzz.%d", (int)getpid());
    atexit(path_remove);
}

static void file_write(const uint8_t *data, size_t size)
{
    uint32_t crc = (uint32_t)crc32_z(crc32_z(0, NULL, 0), data, size);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size ||
        write(fd, &crc, sizeof crc) != sizeof crc)
        abort();
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct checkpoint c = CHECKPOINT_INIT;
    struct reason why = REASON_INIT;
    path_make();
    file_write(data, size);
    if (checkpoint_read(&c, path, &why) == 0) {
        if (!c.state.count || !c.state.tensors)
            abort();
        checkpoint_match(&c, "epochs=3\nseed=1\n", &why);
        checkpoint_match(&c, text_string(&c.identity), &why);
    }
    checkpoint_release(&c);
    return 0;
}
