/* picture_job.h: the answer for a file of as many pages as one may have says
 * what each page is, and has room for a small picture of the first. */
#include "trainer/serve/picture_job.h"

#include "core/inbox/answer.h"
#include "core/report/journal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { CLASSES = 1000 };

static void pages_add(struct page_sums *s, int pages)
{
    static float probabilities[CLASSES];
    for (int i = 0; i < pages; i++) {
        int best = CLASSES - 1 - i % 9;
        memset(probabilities, 0, sizeof probabilities);
        probabilities[best] = 0.876543f;
        page_sums_add(s, probabilities, CLASSES);
    }
}

static void many_pages_leave_room_for_a_picture(void **state)
{
    static float means[CLASSES];
    static int order[CLASSES];
    static struct answer a;
    static const struct predictor predictor = {.model.classes = CLASSES};
    const struct picture_result result = {.predictor = &predictor,
                                          .model = "model.123456789",
                                          .means = means,
                                          .order = order,
                                          .top = ANSWER_CLASSES};
    struct picture_job job = {.told = {.request = 1, .revision = 2}};
    struct text out = TEXT_INIT;
    (void)state;
    picture_job_begin(&job, (struct page_range){1, PAGES_MOST});
    pages_add(&job.sums, PAGES_MOST);
    text_resize(&job.walk.thumbnail.base64, JOURNAL_THUMBNAIL_MAX);
    memset(job.walk.thumbnail.base64.data, 'A', JOURNAL_THUMBNAIL_MAX);
    picture_job_answer(&job, &result, &out);
    assert_in_range(out.size, 1, JOURNAL_PAYLOAD_MAX);
    assert_true(answer_parse(text_string(&out), &a));
    assert_int_equal(a.pages, PAGES_MOST);
    assert_int_equal(a.page[PAGES_MOST - 1].class, CLASSES - 1);
    assert_int_equal(strlen(a.thumbnail), JOURNAL_THUMBNAIL_MAX);
    text_release(&out);
    picture_job_release(&job);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_pages_leave_room_for_a_picture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
