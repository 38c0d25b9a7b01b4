/* The JSON in front of a file of weights, which users upload and trainers
 * leave: the header, which network it is, and what is stored beside. */
#include "tests/fuzz/fuzz.h"

#include "core/network/base_match.h"
#include "core/network/safetensors_header.h"

static void strings_take(const struct safetensors_header *h)
{
    for (int i = 0; i < h->metadata_count; i++) {
        char **strings;
        int count;
        if (strings_parse(h->metadata[i].value, &strings, &count) == 0)
            strings_free(strings, count);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct safetensors_header h = SAFETENSORS_HEADER_INIT;
    struct reason why = REASON_INIT;
    struct base_match m;
    struct text said = TEXT_INIT;
    if (safetensors_header_parse(&h, (const char *)data, size, &why) == 0) {
        strings_take(&h);
        metadata_find(h.metadata, h.metadata_count, "classes");
        if (base_match(&m, &h, &why) == 0) {
            base_describe(&m, &said);
            base_find(&m, &h, "conv1.weight");
        }
    }
    text_release(&said);
    safetensors_header_release(&h);
    return 0;
}
