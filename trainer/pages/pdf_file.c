#include "trainer/pages/pdf_file.h"
#include "trainer/pages/library.h"

#include <stdlib.h>

#include <qpdf/qpdf-c.h>

enum { DEEP_MOST = 32 /* folders of pages */ };

/* The functions that are used, by their names in the library. */
#define FUNCTIONS(X)                                                           \
    X(qpdf_init)                                                               \
    X(qpdf_cleanup)                                                            \
    X(qpdf_silence_errors)                                                     \
    X(qpdf_set_suppress_warnings)                                              \
    X(qpdf_set_attempt_recovery)                                               \
    X(qpdf_read_memory)                                                        \
    X(qpdf_is_encrypted)                                                       \
    X(qpdf_has_error)                                                          \
    X(qpdf_get_error)                                                          \
    X(qpdf_more_warnings)                                                      \
    X(qpdf_get_num_pages)                                                      \
    X(qpdf_get_page_n)                                                         \
    X(qpdf_oh_release_all)                                                     \
    X(qpdf_oh_is_null)                                                         \
    X(qpdf_oh_is_integer)                                                      \
    X(qpdf_oh_is_array)                                                        \
    X(qpdf_oh_is_stream)                                                       \
    X(qpdf_oh_is_dictionary)                                                   \
    X(qpdf_oh_is_name_and_equals)                                              \
    X(qpdf_oh_get_dict)                                                        \
    X(qpdf_oh_get_key)                                                         \
    X(qpdf_oh_get_array_n_items)                                               \
    X(qpdf_oh_get_array_item)                                                  \
    X(qpdf_oh_get_value_as_number)                                             \
    X(qpdf_oh_get_value_as_bool)                                               \
    X(qpdf_oh_get_object_id)                                                   \
    X(qpdf_oh_get_stream_data)                                                 \
    X(qpdf_oh_get_page_content_data)                                           \
    X(qpdf_oh_new_name)                                                        \
    X(qpdf_oh_new_null)                                                        \
    X(qpdf_oh_new_stream)                                                      \
    X(qpdf_oh_replace_stream_data)

static struct {
    bool loaded;
    FUNCTIONS(LIBRARY_FIELD)
} lib; /* of the process */

/* Life cycle */

bool pdf_load(void)
{
    static const struct library_symbol symbols[] = {
        FUNCTIONS(LIBRARY_SYMBOL){0}};
    if (!lib.loaded)
        lib.loaded = library_load(QPDF_LIBRARY, symbols);
    return lib.loaded;
}

static qpdf_data qpdf(struct pdf_file *f)
{
    return (qpdf_data)(void *)f;
}

/* A fault that the library mends by itself may be mended otherwise by who
 * draws, and so it is asked to mend none. */
struct pdf_file *pdf_open(const uint8_t *data, size_t size)
{
    qpdf_data q = pdf_load() ? lib.qpdf_init() : NULL;
    struct pdf_file *f = (struct pdf_file *)(void *)q;
    if (!q)
        return NULL;
    lib.qpdf_silence_errors(q);
    lib.qpdf_set_suppress_warnings(q, QPDF_TRUE);
    lib.qpdf_set_attempt_recovery(q, QPDF_FALSE);
    if (!lib.qpdf_read_memory(q, "", (const char *)data, size, NULL) &&
        !lib.qpdf_is_encrypted(q) && pdf_pages(f) > 0)
        return f;
    pdf_close(f);
    return NULL;
}

void pdf_close(struct pdf_file *f)
{
    qpdf_data q = qpdf(f);
    if (!q)
        return;
    lib.qpdf_get_error(q); /* so that it does not print it */
    lib.qpdf_cleanup(&q);
}

void pdf_forget(struct pdf_file *f)
{
    lib.qpdf_oh_release_all(qpdf(f));
}

/* Read */

bool pdf_is_sound(struct pdf_file *f)
{
    return !lib.qpdf_has_error(qpdf(f)) && !lib.qpdf_more_warnings(qpdf(f));
}

int pdf_pages(struct pdf_file *f)
{
    int n = lib.qpdf_get_num_pages(qpdf(f));
    return pdf_is_sound(f) ? n : 0;
}

/* Nothing instead of null. */
static pdf_value something(struct pdf_file *f, pdf_value v)
{
    return v && !lib.qpdf_oh_is_null(qpdf(f), v) ? v : 0;
}

pdf_value pdf_page(struct pdf_file *f, int number)
{
    return lib.qpdf_get_page_n(qpdf(f), (size_t)number - 1);
}

pdf_value pdf_get(struct pdf_file *f, pdf_value dict, const char *key)
{
    if (dict && lib.qpdf_oh_is_stream(qpdf(f), dict))
        dict = lib.qpdf_oh_get_dict(qpdf(f), dict);
    if (!dict || !lib.qpdf_oh_is_dictionary(qpdf(f), dict))
        return 0;
    return something(f, lib.qpdf_oh_get_key(qpdf(f), dict, key));
}

pdf_value pdf_inherited(struct pdf_file *f, pdf_value page, const char *key)
{
    pdf_value v = 0;
    for (int deep = 0; page && !v && deep < DEEP_MOST; deep++) {
        v = pdf_get(f, page, key);
        page = pdf_get(f, page, "/Parent");
    }
    return v;
}

int pdf_length(struct pdf_file *f, pdf_value array)
{
    return array && lib.qpdf_oh_is_array(qpdf(f), array)
               ? lib.qpdf_oh_get_array_n_items(qpdf(f), array)
               : 0;
}

pdf_value pdf_item(struct pdf_file *f, pdf_value array, int i)
{
    return i < pdf_length(f, array)
               ? something(f, lib.qpdf_oh_get_array_item(qpdf(f), array, i))
               : 0;
}

bool pdf_number(struct pdf_file *f, pdf_value v, double *out)
{
    return v && lib.qpdf_oh_get_value_as_number(qpdf(f), v, out);
}

bool pdf_integer(struct pdf_file *f, pdf_value v, double *out)
{
    return v && lib.qpdf_oh_is_integer(qpdf(f), v) && pdf_number(f, v, out);
}

bool pdf_numbers(struct pdf_file *f, pdf_value array, double *out, int count)
{
    bool good = pdf_length(f, array) == count;
    for (int i = 0; i < count && good; i++)
        good = pdf_number(f, pdf_item(f, array, i), &out[i]);
    return good;
}

bool pdf_is_name(struct pdf_file *f, pdf_value v, const char *name)
{
    return v && lib.qpdf_oh_is_name_and_equals(qpdf(f), v, name);
}

bool pdf_is_name_alone(struct pdf_file *f, pdf_value v, const char *name)
{
    return pdf_is_name(f, pdf_length(f, v) == 1 ? pdf_item(f, v, 0) : v, name);
}

bool pdf_is_false(struct pdf_file *f, pdf_value v)
{
    QPDF_BOOL is = QPDF_TRUE;
    return v && lib.qpdf_oh_get_value_as_bool(qpdf(f), v, &is) && !is;
}

int pdf_object(struct pdf_file *f, pdf_value v)
{
    return v ? lib.qpdf_oh_get_object_id(qpdf(f), v) : 0;
}

static bool stream_read(struct pdf_file *f, pdf_value stream,
                        enum qpdf_stream_decode_level_e level, uint8_t **data,
                        size_t *size)
{
    QPDF_BOOL filtered = QPDF_FALSE;
    *data = NULL;
    if (!stream || !lib.qpdf_oh_is_stream(qpdf(f), stream))
        return false;
    if (!lib.qpdf_oh_get_stream_data(qpdf(f), stream, level, &filtered, data,
                                     size) &&
        *data && (filtered || level == qpdf_dl_none))
        return true;
    free(*data);
    *data = NULL;
    return false;
}

bool pdf_stored(struct pdf_file *f, pdf_value stream, uint8_t **data,
                size_t *size)
{
    return stream_read(f, stream, qpdf_dl_none, data, size);
}

bool pdf_unpacked(struct pdf_file *f, pdf_value stream, uint8_t **data,
                  size_t *size)
{
    return stream_read(f, stream, qpdf_dl_generalized, data, size);
}

/* The library undoes all filters or none; so the first one is told to be the
 * only one. It keeps the stream that is made for this until the end, and so it
 * is emptied. */
bool pdf_inflated(struct pdf_file *f, pdf_value stream, uint8_t **data,
                  size_t *size)
{
    uint8_t *stored;
    if (!pdf_stored(f, stream, &stored, size))
        return false;
    pdf_value outer = lib.qpdf_oh_new_stream(qpdf(f));
    lib.qpdf_oh_replace_stream_data(
        qpdf(f), outer, stored, *size,
        lib.qpdf_oh_new_name(qpdf(f), "/FlateDecode"),
        lib.qpdf_oh_new_null(qpdf(f)));
    free(stored);
    bool good = pdf_unpacked(f, outer, data, size);
    lib.qpdf_oh_replace_stream_data(qpdf(f), outer, (const uint8_t *)"", 0,
                                    lib.qpdf_oh_new_null(qpdf(f)),
                                    lib.qpdf_oh_new_null(qpdf(f)));
    return good;
}

bool pdf_content(struct pdf_file *f, pdf_value page, uint8_t **data,
                 size_t *size)
{
    *data = NULL;
    return !lib.qpdf_oh_get_page_content_data(qpdf(f), page, data, size) &&
           *data;
}
