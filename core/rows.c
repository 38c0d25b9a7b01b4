/* The table. */
#include "core/basic/language.h"
#include "core/models/model.h"
#include "core/process/action.h"
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

#define FILE_OF(dir, text, form)  .parent = dir, .name = text, .shape = form
#define OBJECTS_OF(dir, of, form) .parent = dir, .kind = of, .shape = form

const struct row tree_rows[TREE_ROWS] = {
    [TREE_ROOT] = {.shape = SHAPE_DIRECTORY, .help = N_("the mount point")},

    [TREE_README] = {FILE_OF(TREE_ROOT, "README", SHAPE_TEXT),
                     .show = show_readme,
                     .help = N_("how to train a model, in six commands")},
    [TREE_OVERVIEW] = {FILE_OF(TREE_ROOT, "overview", SHAPE_TEXT),
                       .show = show_overview, .line = KEY_PROCESSES,
                       .help = N_("one line a machine: available, process, "
                                  "template, status, progress, time left, best "
                                  "average precision, and what the machine "
                                  "is")},
    [TREE_ERRORS] = {FILE_OF(TREE_ROOT, "errors", SHAPE_ERRORS),
                     .help = N_("the last refusals, each with its reason and "
                                "what would be accepted")},
    [TREE_EVENTS] = {FILE_OF(TREE_ROOT, "events", SHAPE_GROWING), .stream = 'e',
                     .line = KEY_PROCESSES,
                     .help =
                         N_("the journal: time, user, object, what happened")},
    [TREE_TEMPLATE_EXAMPLE] = {FILE_OF(TREE_ROOT, "template.example",
                                       SHAPE_TEXT),
                               .show = show_template_example,
                               .help = N_("every parameter with its default, "
                                          "range and meaning")},

    [TREE_TEMPLATES] = {FILE_OF(TREE_ROOT, "templates", SHAPE_DIRECTORY),
                        .line = KEY_TEMPLATES,
                        .help = N_("training templates, written by users")},
    [TREE_TEMPLATE] = {OBJECTS_OF(TREE_TEMPLATES, OBJECT_TEMPLATE, SHAPE_INPUT),
                       .needs = RIGHT_EDIT, .scope = SCOPE_TEMPLATE,
                       .help = N_("a training template")},
    [TREE_MACHINES] = {FILE_OF(TREE_ROOT, "machines", SHAPE_DIRECTORY),
                       .line = KEY_MACHINES,
                       .help =
                           N_("target machines, written by an administrator")},
    [TREE_MACHINE] = {OBJECTS_OF(TREE_MACHINES, OBJECT_MACHINE, SHAPE_INPUT),
                      .needs = RIGHT_EDIT, .scope = SCOPE_MACHINE,
                      .help = N_("a target machine")},
    [TREE_TYPES] = {FILE_OF(TREE_ROOT, "types", SHAPE_DIRECTORY),
                    .line = KEY_TYPES,
                    .help = N_("model types, written by an administrator")},
    [TREE_TYPE] = {OBJECTS_OF(TREE_TYPES, OBJECT_TYPE, SHAPE_INPUT),
                   .needs = RIGHT_EDIT, .scope = SCOPE_TYPE,
                   .help = N_("a model type")},
    [TREE_BASES] = {FILE_OF(TREE_ROOT, "bases", SHAPE_DIRECTORY),
                    .line = KEY_BASES,
                    .help = N_("base models to start from, brought by an "
                               "administrator")},
    [TREE_BASE] = {OBJECTS_OF(TREE_BASES, OBJECT_BASE, SHAPE_WEIGHTS),
                   .needs = RIGHT_EDIT,
                   .help = N_("a base model: a .safetensors file")},
    [TREE_ROLES] = {FILE_OF(TREE_ROOT, "roles", SHAPE_DIRECTORY),
                    .line = KEY_ROLES,
                    .help = N_("who may do what, written by an administrator")},
    [TREE_ROLE] = {OBJECTS_OF(TREE_ROLES, OBJECT_ROLE, SHAPE_INPUT),
                   .needs = RIGHT_EDIT, .scope = SCOPE_ROLE,
                   .changed = roles_changed,
                   .help = N_("a role: its members and their rights")},

    [TREE_PROCESSES] = {FILE_OF(TREE_ROOT, "processes", SHAPE_DIRECTORY),
                        .line = KEY_PROCESSES, .make = process_create,
                        .help = N_("training processes: mkdir makes one for a "
                                   "machine")},
    [TREE_PROCESS] = {OBJECTS_OF(TREE_PROCESSES, OBJECT_PROCESS,
                                 SHAPE_DIRECTORY),
                      .drop = process_remove, .hide = process_may_hide,
                      .help = N_("the training process of a machine")},
    [TREE_P_TEMPLATE] = {FILE_OF(TREE_PROCESS, "template", SHAPE_WORD),
                         .show = show_template, .needs = RIGHT_EDIT,
                         .setup = process_is_new_to,
                         .store = process_set_template,
                         .help =
                             N_("the template's name; settable while idle")},
    [TREE_P_START] = {FILE_OF(TREE_PROCESS, "start", SHAPE_ACTION),
                      .show = show_nothing, .needs = RIGHT_MANAGE,
                      .act = process_start,
                      .help =
                          N_("touch: begin a new training with the template "
                             "as it stands now")},
    [TREE_P_STOP] = {FILE_OF(TREE_PROCESS, "stop", SHAPE_ACTION),
                     .show = show_nothing, .needs = RIGHT_MANAGE,
                     .act = process_stop,
                     .help = N_("touch: stop, with a checkpoint")},
    [TREE_P_RESUME] = {FILE_OF(TREE_PROCESS, "resume", SHAPE_ACTION),
                       .show = show_nothing, .needs = RIGHT_MANAGE,
                       .act = process_resume,
                       .help =
                           N_("touch: continue a stopped or failed training "
                              "from its last checkpoint")},
    [TREE_P_ENABLED] = {FILE_OF(TREE_PROCESS, "enabled", SHAPE_WORD),
                        .show = show_enabled, .needs = RIGHT_MANAGE,
                        .store = process_set_enabled,
                        .help =
                            N_("yes or no; a disabled process refuses start, "
                               "stop and resume")},
    [TREE_P_STATUS] = {FILE_OF(TREE_PROCESS, "status", SHAPE_TEXT),
                       .show = show_status, .polled = true,
                       .help = N_("one word: created starting running stopping "
                                  "stopped succeeded failed")},
    [TREE_P_WAIT] = {FILE_OF(TREE_PROCESS, "wait", SHAPE_WAIT),
                     .show = show_wait, .unlisted = true,
                     .help = N_("reading blocks until the training ends, then "
                                "gives the final status")},
    [TREE_P_PROGRESS] = {FILE_OF(TREE_PROCESS, "progress", SHAPE_TEXT),
                         .show = show_progress,
                         .help = N_("one line for people: bar, epoch, loss, "
                                    "average precision, images/s, time left")},
    [TREE_P_ETA] = {FILE_OF(TREE_PROCESS, "eta", SHAPE_TEXT), .show = show_eta,
                    .help = N_("time left as HH:MM:SS")},
    [TREE_P_INFO] = {FILE_OF(TREE_PROCESS, "info", SHAPE_TEXT),
                     .show = show_info,
                     .help = N_("all that is known, as `key: value` lines")},
    [TREE_P_METRICS] = {FILE_OF(TREE_PROCESS, "metrics.csv", SHAPE_GROWING),
                        .show = show_metrics, .stream = 'm',
                        .help =
                            N_("a row an epoch: learning rate, loss, average "
                               "precision, accuracy, images/s")},
    [TREE_P_MONITOR_SVG] = {FILE_OF(TREE_PROCESS, "monitor.svg", SHAPE_TEXT),
                            .show = show_monitor_svg,
                            .help = N_("the chart of the training")},
    [TREE_P_MONITOR_HTML] = {FILE_OF(TREE_PROCESS, "monitor.html", SHAPE_TEXT),
                             .show = show_monitor_html,
                             .help =
                                 N_("the chart as a page that renews itself")},
    [TREE_P_CONFIG] = {FILE_OF(TREE_PROCESS, "config", SHAPE_TEXT),
                       .show = show_config,
                       .help = N_("every parameter as resolved for this "
                                  "training, with where each value came from")},
    [TREE_P_DATASET] = {FILE_OF(TREE_PROCESS, "dataset", SHAPE_TEXT),
                        .show = show_dataset,
                        .help = N_("the report on the pictures")},
    [TREE_P_LOG] = {FILE_OF(TREE_PROCESS, "log", SHAPE_GROWING),
                    .show = show_log, .stream = 'l',
                    .help = N_("what the trainer said, by stage")},
    [TREE_P_MODEL] = {FILE_OF(TREE_PROCESS, "model", SHAPE_LINK),
                      .show = show_model_link,
                      .help = N_("link to the model, once it has succeeded")},

    [TREE_MODELS] = {FILE_OF(TREE_ROOT, "models", SHAPE_DIRECTORY),
                     .line = KEY_MODELS,
                     .help = N_("trained models: models/TEMPLATE/N/")},
    [TREE_FAMILY] = {OBJECTS_OF(TREE_MODELS, OBJECT_MODEL, SHAPE_DIRECTORY),
                     .drop = model_family_remove, .hide = model_may_hide,
                     .help = N_("the versions of one template's model")},
    [TREE_LATEST] = {FILE_OF(TREE_FAMILY, "latest", SHAPE_LINK),
                     .show = show_latest_link,
                     .help = N_("link to the version with the highest number")},
    [TREE_VERSION] = {OBJECTS_OF(TREE_FAMILY, OBJECT_VERSION, SHAPE_DIRECTORY),
                      .drop = model_remove, .hide = model_may_hide,
                      .help = N_("one trained model; never changes")},
    [TREE_V_ONNX] = {FILE_OF(TREE_VERSION, "model.onnx", SHAPE_BODY),
                     .help =
                         N_("the model for ONNX Runtime, OpenCV, OpenVINO …")},
    [TREE_V_SAFETENSORS] = {FILE_OF(TREE_VERSION, "model.safetensors",
                                    SHAPE_BODY),
                            .help =
                                N_("the weights under torchvision's names")},
    [TREE_V_LABELS] = {FILE_OF(TREE_VERSION, "labels.txt", SHAPE_BODY),
                       .help = N_("class names, one a line, in output order")},
    [TREE_V_INFO] = {FILE_OF(TREE_VERSION, "info", SHAPE_BODY),
                     .help = N_("info of the training at its end")},
    [TREE_V_METRICS] = {FILE_OF(TREE_VERSION, "metrics.csv", SHAPE_BODY),
                        .help = N_("metrics of the training")},
    [TREE_V_MONITOR_SVG] = {FILE_OF(TREE_VERSION, "monitor.svg", SHAPE_BODY),
                            .help = N_("chart of the training")},
    [TREE_V_CONFIG] = {FILE_OF(TREE_VERSION, "config", SHAPE_BODY),
                       .help = N_("parameters of the training")},
    [TREE_V_DATASET] = {FILE_OF(TREE_VERSION, "dataset", SHAPE_BODY),
                        .help = N_("the report on the pictures")},
    [TREE_V_TEMPLATE] = {FILE_OF(TREE_VERSION, "template", SHAPE_BODY),
                         .help = N_("the template's text as trained with")},
    [TREE_V_LOG] = {FILE_OF(TREE_VERSION, "log", SHAPE_BODY),
                    .help = N_("log of the training")},
};
