/* The graph that a trainer leaves, and the file of weights that it must agree
 * with. The input is the length of the graph, in two bytes, the graph, and the
 * weights. */
#include "tests/fuzz/fuzz.h"

#include "core/models/graph_check.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int file_of(const uint8_t *data, size_t size)
{
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reason why = REASON_INIT;
    if (size < 2)
        return 0;
    size_t graph = (size_t)data[0] | (size_t)data[1] << 8;
    size -= 2;
    if (graph > size)
        graph = size;
    int model = file_of(data + 2, graph);
    int weights = file_of(data + 2 + graph, size - graph);
    graph_check(model, graph, weights, &why);
    close(model);
    close(weights);
    return 0;
}
