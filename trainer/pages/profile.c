#include "trainer/pages/profile.h"
#include "trainer/pages/library.h"

#include <stdint.h>
#include <stdlib.h>

#include <lcms2.h>

enum {
    LEVELS = 9,     /* of each channel that are tried */
    DIFFERENCE = 4, /* of 255, which nobody sees */
    BYTES_MOST = 4 << 20,
};

/* The functions that are used, by their names in the library. */
#define FUNCTIONS(X)                                                           \
    X(cmsOpenProfileFromMem)                                                   \
    X(cmsCreate_sRGBProfile)                                                   \
    X(cmsCreateTransform)                                                      \
    X(cmsDoTransform)                                                          \
    X(cmsDeleteTransform)                                                      \
    X(cmsCloseProfile)

static struct {
    bool loaded;
    FUNCTIONS(LIBRARY_FIELD)
} lib; /* of the process */

bool profile_load(void)
{
    static const struct library_symbol symbols[] = {
        FUNCTIONS(LIBRARY_SYMBOL){0}};
    if (!lib.loaded)
        lib.loaded = library_load("liblcms2.so.2", symbols);
    return lib.loaded;
}

static bool is_near(cmsHTRANSFORM change, const uint8_t *from, int channels)
{
    uint8_t to[3];
    bool near = true;
    lib.cmsDoTransform(change, from, to, 1);
    for (int i = 0; i < 3; i++)
        near &= abs(to[i] - from[channels == 1 ? 0 : i]) <= DIFFERENCE;
    return near;
}

static bool all_near(cmsHTRANSFORM change, int channels)
{
    int n = channels == 1 ? LEVELS : LEVELS * LEVELS * LEVELS;
    bool near = true;
    for (int i = 0; i < n && near; i++) {
        const int level[3] = {i % LEVELS, i / LEVELS % LEVELS,
                              i / LEVELS / LEVELS};
        uint8_t from[3];
        for (int c = 0; c < 3; c++)
            from[c] = (uint8_t)(level[c] * 255 / (LEVELS - 1));
        near = is_near(change, from, channels);
    }
    return near;
}

bool profile_is_plain(const void *data, size_t size, int channels)
{
    if (size > BYTES_MOST || !profile_load())
        return false;
    cmsHPROFILE profile =
        lib.cmsOpenProfileFromMem(data, (cmsUInt32Number)size);
    cmsHPROFILE screen = profile ? lib.cmsCreate_sRGBProfile() : NULL;
    cmsHTRANSFORM change =
        screen ? lib.cmsCreateTransform(
                     profile, channels == 1 ? TYPE_GRAY_8 : TYPE_RGB_8, screen,
                     TYPE_RGB_8, INTENT_RELATIVE_COLORIMETRIC,
                     cmsFLAGS_NOOPTIMIZE | cmsFLAGS_NOCACHE)
               : NULL;
    bool plain = change && all_near(change, channels);
    if (change)
        lib.cmsDeleteTransform(change);
    if (screen)
        lib.cmsCloseProfile(screen);
    if (profile)
        lib.cmsCloseProfile(profile);
    return plain;
}
