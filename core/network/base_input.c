#include "core/network/base_input.h"

#include "core/basic/language.h"
#include "core/network/network.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>

#define UNIT_MOST 2.0 /* a larger mean is one of values from 0 to 255 */

/* A list as Python and JSON print it, with or without its brackets. */
static json_t *list_parse(const char *value)
{
    struct text list = TEXT_INIT;
    json_t *parsed = json_loads(value, 0, NULL);
    if (parsed)
        return parsed;
    text_printf(&list, "[%s]", value);
    parsed = json_loads(text_string(&list), 0, NULL);
    text_release(&list);
    return parsed;
}

static bool numbers_take(const json_t *list, double *out)
{
    if (!json_is_array(list) || json_array_size(list) != 3)
        return false;
    for (size_t i = 0; i < 3; i++) {
        const json_t *number = json_array_get(list, i);
        if (!json_is_number(number))
            return false;
        out[i] = json_number_value(number);
    }
    return true;
}

/* Whether values from 0 to 255 can have this mean and deviation; also sets the
 * scale that both are in. */
static bool numbers_fit(struct base_input *b)
{
    double most = fmax(fmax(b->mean[0], b->mean[1]), b->mean[2]);
    double scale = most > UNIT_MOST ? 1 : 255;
    for (int i = 0; i < 3; i++) {
        b->mean[i] *= scale;
        b->deviation[i] *= scale;
        if (!(b->mean[i] >= 0 && b->mean[i] <= 255 &&
              b->deviation[i] >= 1 / 255. && b->deviation[i] <= 255))
            return false;
    }
    return true;
}

static int lists_take(struct base_input *b, const json_t *mean,
                      const json_t *deviation, struct reason *why)
{
    b->said = true;
    if (numbers_take(mean, b->mean) && numbers_take(deviation, b->deviation) &&
        numbers_fit(b))
        return 0;
    return refuse(why, EINVAL,
                  "its metadata 'mean' and 'std' are not three numbers each, "
                  "of pictures from 0 to 1 or from 0 to 255");
}

/* Finds the two lists, under the one name or the other: NULL where one is none.
 * False: the metadata have not both of them. */
static bool lists_find(const struct safetensors_header *h, json_t **mean,
                       json_t **deviation)
{
    const char *own = metadata_find(h->metadata, h->metadata_count, "mean");
    const char *std = metadata_find(h->metadata, h->metadata_count, "std");
    const char *timm =
        metadata_find(h->metadata, h->metadata_count, "pretrained_cfg");
    if (own && std) {
        *mean = list_parse(own);
        *deviation = list_parse(std);
        return true;
    }
    json_t *whole = timm ? json_loads(timm, 0, NULL) : NULL;
    *mean = json_incref(json_object_get(whole, "mean"));
    *deviation = json_incref(json_object_get(whole, "std"));
    json_decref(whole);
    return *mean && *deviation;
}

int base_input_read(struct base_input *out, const struct safetensors_header *h,
                    struct reason *why)
{
    json_t *mean, *deviation;
    struct base_input b = {0};
    for (int i = 0; i < 3; i++) {
        b.mean[i] = network_mean[i];
        b.deviation[i] = network_deviation[i];
    }
    int err = lists_find(h, &mean, &deviation)
                  ? lists_take(&b, mean, deviation, why)
                  : 0;
    json_decref(mean);
    json_decref(deviation);
    if (err == 0)
        *out = b;
    return err;
}

void base_input_describe(const struct base_input *b, struct text *out)
{
    if (b->said)
        text_printf(out,
                    _(", made for pictures of mean %.4g, %.4g, %.4g and "
                      "deviation %.4g, %.4g, %.4g"),
                    b->mean[0], b->mean[1], b->mean[2], b->deviation[0],
                    b->deviation[1], b->deviation[2]);
}
