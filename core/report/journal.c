#include "core/report/journal.h"

#include "core/basic/language.h"

#include <endian.h>
#include <stdint.h>
#include <string.h>
#include <zlib.h>

const struct journal_fact journal_facts[JOURNAL_FACTS] = {
    {NC_("info", "dataset"), true},
    {NC_("info", "classes"), true},
    {NC_("info", "images"), true},
    {NC_("info", "test_images"), true},
    {NC_("info", "image_size"), true},
    {NC_("info", "precision"), true},
    {NC_("info", "threads"), true},
    {NC_("info", "hosts"), false},
    {NC_("info", "efficiency"), false},
    {NC_("info", "communication"), false},
    {NC_("info", "base"), true},
    {NC_("info", "unreadable_images"), false},
    {NC_("info", "duplicate_images"), false},
    {NC_("info", "leaked_test_images"), false},
    {NC_("info", "contradicting_labels"), false},
};

bool journal_has_fact(const char *key)
{
    for (int i = 0; i < JOURNAL_FACTS; i++)
        if (!strcmp(journal_facts[i].key, key))
            return true;
    return false;
}

struct frame {
    char magic[4];
    uint32_t size;
    uint32_t crc; /* covers all that follows, including the payload */
    uint8_t kind;
    uint8_t zero[3];
    uint64_t time; /* the bits of a double */
};

_Static_assert(sizeof(struct frame) == 24, "the frame's header has no holes");

static uint32_t frame_crc(const struct frame *f, const char *payload,
                          size_t size)
{
    size_t from = offsetof(struct frame, kind);
    uLong crc = crc32(0, (const Bytef *)f + from, (uInt)(sizeof *f - from));
    return (uint32_t)crc32(crc, (const Bytef *)payload, (uInt)size);
}

void journal_frame(struct text *out, enum journal_kind kind, double time,
                   const char *payload)
{
    size_t size = strlen(payload);
    if (size > JOURNAL_PAYLOAD_MAX)
        size = utf8_valid(payload, JOURNAL_PAYLOAD_MAX);
    uint64_t bits;
    memcpy(&bits, &time, sizeof bits);
    struct frame f = {.magic = "PRJ1",
                      .size = htole32((uint32_t)size),
                      .kind = (uint8_t)kind,
                      .time = htole64(bits)};
    f.crc = htole32(frame_crc(&f, payload, size));
    text_add(out, &f, sizeof f);
    text_add(out, payload, size);
}

static bool kind_known(unsigned letter)
{
#define KIND_LETTER(NAME, name, letter) letter,
    static const char letters[] = {JOURNAL_KINDS(KIND_LETTER)};
#undef KIND_LETTER
    return letter && memchr(letters, (int)letter, sizeof letters);
}

size_t journal_unframe(const char *data, size_t size,
                       struct journal_record *record)
{
    struct frame f;
    if (size < sizeof f)
        return 0;
    memcpy(&f, data, sizeof f);
    size_t payload = le32toh(f.size);
    if (memcmp(f.magic, "PRJ1", 4) || payload > JOURNAL_PAYLOAD_MAX ||
        size - sizeof f < payload)
        return 0;
    data += sizeof f;
    if (le32toh(f.crc) != frame_crc(&f, data, payload) || !kind_known(f.kind) ||
        memchr(data, 0, payload) || utf8_valid(data, payload) != payload)
        return 0;
    uint64_t bits = le64toh(f.time);
    record->kind = (enum journal_kind)f.kind;
    memcpy(&record->time, &bits, sizeof bits);
    record->size = payload;
    memcpy(record->payload, data, payload);
    record->payload[payload] = 0;
    return sizeof f + payload;
}
