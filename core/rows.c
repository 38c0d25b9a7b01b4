/* The table. */
#include "core/basic/language.h"
#include "core/models/model.h"
#include "core/process/action.h"
#include "core/tree/shapes/shapes.h"
#include "core/tree/tree.h"

/* Files of a finished model may always be hidden: removing all of them and
 * then the directory is how `rm -r` removes it. */
static int model_may_hide(struct primo *primo, uint64_t id, struct reason *why)
{
    (void)primo;
    (void)id;
    (void)why;
    return 0;
}

static void roles_changed(struct primo *primo)
{
    roles_load(&primo->roles, primo->store);
}

#define FILE_OF(dir, text, form)                                               \
    .parent = dir, .name = text, .shape = &shape_##form
#define OBJECTS_OF(dir, of, form)                                              \
    .parent = dir, .kind = of, .shape = &shape_##form

const struct row tree_rows[TREE_ROWS] = {
    [TREE_ROOT] = {.shape = &shape_directory, .help = N_("the mount point")},

    [TREE_README] = {FILE_OF(TREE_ROOT, "README", generated),
                     .show = show_readme,
                     .help = N_("how to train a model, in six commands")},
    [TREE_OVERVIEW] = {FILE_OF(TREE_ROOT, "overview", generated),
                       .show = show_overview, .line = KEY_PROCESSES,
                       .help = N_("one line a machine: available, process, "
                                  "template, status, progress, time left, best "
                                  "average precision, and what the machine "
                                  "is")},
    [TREE_ERRORS] = {FILE_OF(TREE_ROOT, "errors", refusals),
                     .help = N_("the last refusals, each with its reason and "
                                "what would be accepted")},
    [TREE_EVENTS] = {FILE_OF(TREE_ROOT, "events", growing), .stream = 'e',
                     .mtime = mtime_events, .line = KEY_PROCESSES,
                     .help =
                         N_("the journal: time, user, object, what happened")},
    [TREE_TEMPLATE_EXAMPLE] = {FILE_OF(TREE_ROOT, "template.example",
                                       generated),
                               .show = show_template_example,
                               .help = N_("every parameter with its default, "
                                          "range and meaning")},

    [TREE_TEMPLATES] = {FILE_OF(TREE_ROOT, "templates", directory),
                        .line = KEY_TEMPLATES,
                        .help = N_("training templates, written by users")},
    [TREE_TEMPLATE] = {OBJECTS_OF(TREE_TEMPLATES, OBJECT_TEMPLATE, input),
                       .needs = RIGHT_EDIT, .scope = SCOPE_TEMPLATE,
                       .help = N_("a training template")},
    [TREE_MACHINES] = {FILE_OF(TREE_ROOT, "machines", directory),
                       .line = KEY_MACHINES,
                       .help =
                           N_("target machines, written by an administrator")},
    [TREE_MACHINE] = {OBJECTS_OF(TREE_MACHINES, OBJECT_MACHINE, input),
                      .needs = RIGHT_EDIT, .scope = SCOPE_MACHINE,
                      .help = N_("a target machine")},
    [TREE_TYPES] = {FILE_OF(TREE_ROOT, "types", directory), .line = KEY_TYPES,
                    .help = N_("model types, written by an administrator")},
    [TREE_TYPE] = {OBJECTS_OF(TREE_TYPES, OBJECT_TYPE, input),
                   .needs = RIGHT_EDIT, .scope = SCOPE_TYPE,
                   .help = N_("a model type")},
    [TREE_BASES] = {FILE_OF(TREE_ROOT, "bases", directory), .line = KEY_BASES,
                    .help = N_("base models to start from, brought by an "
                               "administrator")},
    [TREE_BASE] = {OBJECTS_OF(TREE_BASES, OBJECT_BASE, weights),
                   .needs = RIGHT_EDIT,
                   .help = N_("a base model: a .safetensors file")},
    [TREE_ROLES] = {FILE_OF(TREE_ROOT, "roles", directory), .line = KEY_ROLES,
                    .help = N_("who may do what, written by an administrator")},
    [TREE_ROLE] = {OBJECTS_OF(TREE_ROLES, OBJECT_ROLE, input),
                   .needs = RIGHT_EDIT, .scope = SCOPE_ROLE,
                   .changed = roles_changed,
                   .help = N_("a role: its members and their rights")},

    [TREE_PROCESSES] = {FILE_OF(TREE_ROOT, "processes", directory),
                        .line = KEY_PROCESSES, .make = process_create,
                        .help = N_("training processes: mkdir makes one for a "
                                   "machine")},
    [TREE_PROCESS] = {OBJECTS_OF(TREE_PROCESSES, OBJECT_PROCESS, directory),
                      .drop = process_remove, .hide = process_may_hide,
                      .help = N_("the training process of a machine")},
    [TREE_P_TEMPLATE] = {FILE_OF(TREE_PROCESS, "template", word),
                         .show = show_template, .needs = RIGHT_EDIT,
                         .setup = process_is_new_to,
                         .store = process_set_template,
                         .help =
                             N_("the template's name; settable while idle")},
    [TREE_P_START] = {FILE_OF(TREE_PROCESS, "start", action),
                      .show = show_nothing, .needs = RIGHT_MANAGE,
                      .act = process_start,
                      .help =
                          N_("touch: begin a new training with the template "
                             "as it stands now")},
    [TREE_P_STOP] = {FILE_OF(TREE_PROCESS, "stop", action),
                     .show = show_nothing, .needs = RIGHT_MANAGE,
                     .act = process_stop,
                     .help = N_("touch: stop, with a checkpoint")},
    [TREE_P_RESUME] = {FILE_OF(TREE_PROCESS, "resume", action),
                       .show = show_nothing, .needs = RIGHT_MANAGE,
                       .act = process_resume,
                       .help =
                           N_("touch: continue a stopped or failed training "
                              "from its last checkpoint")},
    [TREE_P_ENABLED] = {FILE_OF(TREE_PROCESS, "enabled", word),
                        .show = show_enabled, .needs = RIGHT_MANAGE,
                        .store = process_set_enabled,
                        .help =
                            N_("yes or no; a disabled process refuses start, "
                               "stop and resume")},
    [TREE_P_STATUS] = {FILE_OF(TREE_PROCESS, "status", generated),
                       .show = show_status, .polled = true,
                       .help = N_("one word: created starting running stopping "
                                  "stopped succeeded failed")},
    [TREE_P_WAIT] = {FILE_OF(TREE_PROCESS, "wait", wait), .show = show_wait,
                     .unlisted = true,
                     .help = N_("reading blocks until the training ends, then "
                                "gives the final status")},
    [TREE_P_PROGRESS] = {FILE_OF(TREE_PROCESS, "progress", generated),
                         .show = show_progress,
                         .help = N_("one line for people: bar, epoch, loss, "
                                    "average precision, images/s, time left")},
    [TREE_P_ETA] = {FILE_OF(TREE_PROCESS, "eta", generated), .show = show_eta,
                    .help = N_("time left as HH:MM:SS")},
    [TREE_P_INFO] = {FILE_OF(TREE_PROCESS, "info", generated),
                     .show = show_info,
                     .help = N_("all that is known, as `key: value` lines")},
    [TREE_P_METRICS] = {FILE_OF(TREE_PROCESS, "metrics.csv", growing),
                        .stream = 'm', .mtime = mtime_metrics,
                        .help =
                            N_("a row an epoch: learning rate, loss, average "
                               "precision, accuracy, images/s")},
    [TREE_P_MONITOR_SVG] = {FILE_OF(TREE_PROCESS, "monitor.svg", generated),
                            .show = show_monitor_svg,
                            .help = N_("the chart of the training")},
    [TREE_P_MONITOR_HTML] = {FILE_OF(TREE_PROCESS, "monitor.html", generated),
                             .show = show_monitor_html,
                             .help =
                                 N_("the chart as a page that renews itself")},
    [TREE_P_CONFIG] = {FILE_OF(TREE_PROCESS, "config", generated),
                       .show = show_config,
                       .help = N_("every parameter as resolved for this "
                                  "training, with where each value came from")},
    [TREE_P_DATASET] = {FILE_OF(TREE_PROCESS, "dataset", generated),
                        .show = show_dataset,
                        .help = N_("the report on the pictures")},
    [TREE_P_LOG] = {FILE_OF(TREE_PROCESS, "log", growing), .stream = 'l',
                    .mtime = mtime_log,
                    .help = N_("what the trainer said, by stage")},
    [TREE_P_MODEL] = {FILE_OF(TREE_PROCESS, "model", link),
                      .show = show_model_link,
                      .help = N_("link to the model, once it has succeeded")},

    [TREE_MODELS] = {FILE_OF(TREE_ROOT, "models", directory),
                     .line = KEY_MODELS,
                     .help = N_("trained models: models/TEMPLATE/N/")},
    [TREE_FAMILY] = {OBJECTS_OF(TREE_MODELS, OBJECT_MODEL, directory),
                     .drop = model_family_remove, .hide = model_may_hide,
                     .help = N_("the versions of one template's model")},
    [TREE_LATEST] = {FILE_OF(TREE_FAMILY, "latest", link),
                     .show = show_latest_link,
                     .help = N_("link to the version with the highest number")},
    [TREE_VERSION] = {OBJECTS_OF(TREE_FAMILY, OBJECT_VERSION, directory),
                      .drop = model_remove, .hide = model_may_hide,
                      .help = N_("one trained model; never changes")},
    [TREE_V_ONNX] = {FILE_OF(TREE_VERSION, "model.onnx", body),
                     .help =
                         N_("the model for ONNX Runtime, OpenCV, OpenVINO …")},
    [TREE_V_SAFETENSORS] = {FILE_OF(TREE_VERSION, "model.safetensors", body),
                            .help =
                                N_("the weights under torchvision's names")},
    [TREE_V_LABELS] = {FILE_OF(TREE_VERSION, "labels.txt", body),
                       .help = N_("class names, one a line, in output order")},
    [TREE_V_INFO] = {FILE_OF(TREE_VERSION, "info", body),
                     .help = N_("info of the training at its end")},
    [TREE_V_METRICS] = {FILE_OF(TREE_VERSION, "metrics.csv", body),
                        .help = N_("metrics of the training")},
    [TREE_V_MONITOR_SVG] = {FILE_OF(TREE_VERSION, "monitor.svg", body),
                            .help = N_("chart of the training")},
    [TREE_V_CONFIG] = {FILE_OF(TREE_VERSION, "config", body),
                       .help = N_("parameters of the training")},
    [TREE_V_DATASET] = {FILE_OF(TREE_VERSION, "dataset", body),
                        .help = N_("the report on the pictures")},
    [TREE_V_TEMPLATE] = {FILE_OF(TREE_VERSION, "template", body),
                         .help = N_("the template's text as trained with")},
    [TREE_V_LOG] = {FILE_OF(TREE_VERSION, "log", body),
                    .help = N_("log of the training")},
};
