#include "trainer/serve/list_scores.h"

#include "core/report/artifact.h"
#include "core/system/file.h"
#include "trainer/evaluation/judge.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int list_scores_open(struct list_scores *s, int dir, int classes,
                     struct reason *why)
{
    s->classes = classes;
    s->fd =
        openat(dir, "scores", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    return s->fd < 0 ? refuse_errno(why, errno, "cannot keep scores") : 0;
}

void list_scores_release(struct list_scores *s)
{
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
}

static size_t row_bytes(const struct list_scores *s)
{
    return (size_t)s->classes * sizeof(float);
}

static int row_read(const struct list_scores *s, uint64_t row, float *scores)
{
    return descriptor_read_at(s->fd, scores, row_bytes(s), row * row_bytes(s));
}

/* After a power cut the file may have zeros instead of what was written. */
static bool is_written(const struct list_scores *s, const float *scores)
{
    double sum = 0;
    for (int i = 0; i < s->classes; i++)
        sum += scores[i];
    return isnan(scores[0]) || sum > 0.5;
}

uint64_t list_scores_count(const struct list_scores *s, uint64_t most)
{
    float *scores = malloc(row_bytes(s));
    uint64_t row = 0;
    while (scores && row < most && row_read(s, row, scores) == 0 &&
           is_written(s, scores))
        row++;
    free(scores);
    return row;
}

int list_scores_put(const struct list_scores *s, uint64_t row,
                    const float *scores, struct reason *why)
{
    float none = NAN, last = 0;
    uint64_t at = row * row_bytes(s), end = at + row_bytes(s);
    int err = scores ? descriptor_write_at(s->fd, scores, row_bytes(s), at)
                     : descriptor_write_at(s->fd, &none, sizeof none, at);
    if (err == 0 && !scores && s->classes > 1)
        err = descriptor_write_at(s->fd, &last, sizeof last, end - sizeof last);
    return err ? refuse_errno(why, -err, "cannot keep scores") : 0;
}

/* Judging */

static const char *no_path(void *context, int picture)
{
    (void)context;
    (void)picture;
    return "-"; /* the rows have them */
}

/* Takes the rows that have both, one behind the other. */
static int rows_take(const struct list_scores *s, const struct list_plan *plan,
                     float *scores, int *answers)
{
    int n = 0;
    for (size_t i = 0; i < plan->count; i++) {
        float *to = scores + (size_t)n * (size_t)s->classes;
        if (plan->entries[i].truth < 0 || row_read(s, i, to) || isnan(to[0]))
            continue;
        answers[n++] = plan->entries[i].truth;
    }
    return n;
}

static int evaluation_save(const struct judging *judging, struct rundir *run,
                           struct reason *why)
{
    struct evaluation e;
    struct text text = TEXT_INIT;
    int err = judge(&e, judging, why);
    if (err == 0)
        evaluation_print(&text, &e);
    if (err == 0)
        err = rundir_artifact(run, artifacts[ARTIFACT_EVALUATION].name, &text,
                              why);
    text_release(&text);
    evaluation_release(&e);
    return err;
}

int list_scores_judge(const struct list_scores *s, const struct list_judging *j,
                      struct rundir *run, struct reason *why)
{
    float *scores = malloc(j->plan->count * row_bytes(s));
    int *answers = malloc(j->plan->count * sizeof *answers), err = 0;
    if (!scores || !answers)
        err = refuse(why, ENOMEM, "no memory for the scores of %zu pictures",
                     j->plan->count);
    struct judging judging = {.scores = scores,
                              .answers = answers,
                              .classes = s->classes,
                              .class_names = j->class_names,
                              .path = no_path,
                              .temperature = j->temperature,
                              .milliseconds = j->milliseconds,
                              .complete = true};
    if (err == 0)
        judging.pictures = rows_take(s, j->plan, scores, answers);
    if (err == 0 && judging.pictures)
        err = evaluation_save(&judging, run, why);
    free(scores);
    free(answers);
    return err;
}
