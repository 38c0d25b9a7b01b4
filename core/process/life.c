#include "core/process/life.h"

#include "core/basic/language.h"
#include "core/basic/text.h"

#include <errno.h>
#include <string.h>

/* All that is known of a status, except for what may follow it. */
static const struct {
    const char *name;  /* the word in `status` */
    const char *color; /* colour of the box around the word in a chart */
    enum life_wish wish;
    bool complete; /* nothing is left to train */
} statuses[STATUSES] = {
    [STATUS_CREATED] = {.name = NC_("status", "created"), .color = "#475569"},
    [STATUS_STARTING] = {.name = NC_("status", "starting"),
                         .color = "#475569",
                         .wish = WISH_TRAIN},
    [STATUS_RUNNING] = {.name = NC_("status", "running"),
                        .color = "#1d4ed8",
                        .wish = WISH_TRAIN},
    [STATUS_STOPPING] = {.name = NC_("status", "stopping"),
                         .color = "#475569",
                         .wish = WISH_STOP},
    [STATUS_STOPPED] = {.name = NC_("status", "stopped"), .color = "#a16207"},
    [STATUS_SUCCEEDED] = {.name = NC_("status", "succeeded"),
                          .color = "#15803d",
                          .complete = true},
    [STATUS_FAILED] = {.name = NC_("status", "failed"), .color = "#b91c1c"},
};

static const char *const event_names[LIFE_EVENTS] = {
    [LIFE_START] = N_("start"),
    [LIFE_RESUME] = N_("resume"),
    [LIFE_STOP] = N_("stop"),
    [LIFE_EDIT] = N_("a change"),
    [LIFE_REMOVE] = N_("removal"),
    [LIFE_TRAINING] = N_("training"),
    [LIFE_LOST] = N_("a restart"),
    [LIFE_ENDED_SUCCEEDED] = N_("success"),
    [LIFE_ENDED_STOPPED] = N_("having stopped"),
    [LIFE_ENDED_FAILED] = N_("failure"),
};

/* A cell holds the next status + 1; an empty cell, 0, is a refusal. */
#define TO(status) (STATUS_##status + 1)
static const unsigned char life[STATUSES][LIFE_EVENTS] = {
    [STATUS_CREATED] =
        {
            [LIFE_START] = TO(STARTING),
            [LIFE_EDIT] = TO(CREATED),
            [LIFE_REMOVE] = TO(CREATED),
        },
    [STATUS_STARTING] =
        {
            [LIFE_STOP] = TO(STOPPING),
            [LIFE_TRAINING] = TO(RUNNING),
            [LIFE_LOST] = TO(STARTING),
            [LIFE_ENDED_SUCCEEDED] = TO(SUCCEEDED),
            [LIFE_ENDED_STOPPED] = TO(STOPPED),
            [LIFE_ENDED_FAILED] = TO(FAILED),
        },
    [STATUS_RUNNING] =
        {
            [LIFE_STOP] = TO(STOPPING),
            [LIFE_TRAINING] = TO(RUNNING),
            [LIFE_LOST] = TO(STARTING),
            [LIFE_ENDED_SUCCEEDED] = TO(SUCCEEDED),
            [LIFE_ENDED_STOPPED] = TO(STOPPED),
            [LIFE_ENDED_FAILED] = TO(FAILED),
        },
    [STATUS_STOPPING] =
        {
            [LIFE_TRAINING] = TO(STOPPING),
            [LIFE_LOST] = TO(STOPPED),
            [LIFE_ENDED_SUCCEEDED] = TO(SUCCEEDED),
            [LIFE_ENDED_STOPPED] = TO(STOPPED),
            [LIFE_ENDED_FAILED] = TO(FAILED),
        },
    [STATUS_STOPPED] =
        {
            [LIFE_START] = TO(STARTING),
            [LIFE_RESUME] = TO(STARTING),
            [LIFE_EDIT] = TO(STOPPED),
            [LIFE_REMOVE] = TO(STOPPED),
        },
    [STATUS_SUCCEEDED] =
        {
            [LIFE_START] = TO(STARTING),
            [LIFE_EDIT] = TO(SUCCEEDED),
            [LIFE_REMOVE] = TO(SUCCEEDED),
        },
    [STATUS_FAILED] =
        {
            [LIFE_START] = TO(STARTING),
            [LIFE_RESUME] = TO(STARTING),
            [LIFE_EDIT] = TO(FAILED),
            [LIFE_REMOVE] = TO(FAILED),
        },
};

const char *status_name(enum status s)
{
    return statuses[s].name;
}

const char *status_label(enum status s)
{
    return translate_in("status", statuses[s].name);
}

bool status_from_name(const char *name, enum status *out)
{
    for (int i = 0; i < STATUSES; i++) {
        if (!strcmp(statuses[i].name, name)) {
            *out = (enum status)i;
            return true;
        }
    }
    return false;
}

const char *status_color(enum status s)
{
    return statuses[s].color;
}

int enabled_parse(const char *word, bool *yes, struct reason *why)
{
    *yes = !strcmp(word, "yes");
    return *yes || !strcmp(word, "no")
               ? 0
               : refuse(why, EINVAL, "enabled must be yes or no, got '%.100s'",
                        word);
}

enum life_wish status_wish(enum status s)
{
    return statuses[s].wish;
}

bool status_is_live(enum status s)
{
    return statuses[s].wish != WISH_NOTHING;
}

bool status_is_complete(enum status s)
{
    return statuses[s].complete;
}

static int life_refuse(enum status from, enum life_event event,
                       struct reason *why)
{
    struct text when = TEXT_INIT;
    for (int i = 0; i < STATUSES; i++)
        if (life[i][event])
            text_printf(&when, "%s%s", when.size ? ", " : "", statuses[i].name);
    int code = status_is_live(from) ? EBUSY : EINVAL;
    refuse(why, code, "the process is %s; %s is possible when it is: %s",
           statuses[from].name, _(event_names[event]), text_string(&when));
    text_release(&when);
    return -code;
}

int life_step(enum status from, enum life_event event, enum status *to,
              struct reason *why)
{
    unsigned char next = life[from][event];
    if (!next)
        return life_refuse(from, event, why);
    *to = (enum status)(next - 1);
    return 0;
}
