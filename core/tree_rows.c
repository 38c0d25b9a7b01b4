/* The table. */
#include "action.h"
#include "model.h"
#include "param.h"
#include "tree.h"

/* Files of a finished model may always be hidden: removing all of them and
 * then the directory is how `rm -r` removes it. */
static int model_may_hide(struct primo *primo, uint64_t id, struct reason *why)
{
    (void)primo;
    (void)id;
    (void)why;
    return 0;
}

#define FILE_OF(dir, text, form)  .parent = dir, .name = text, .shape = form
#define OBJECTS_OF(dir, of, form) .parent = dir, .kind = of, .shape = form

const struct row tree_rows[256] = {
    [TREE_ROOT] = {.shape = SHAPE_DIRECTORY, .help = "the mount point"},

    [TREE_README] = {FILE_OF(TREE_ROOT, "README", SHAPE_TEXT),
                     .show = show_readme,
                     .help = "how to train a model, in six commands"},
    [TREE_OVERVIEW] = {FILE_OF(TREE_ROOT, "overview", SHAPE_TEXT),
                       .show = show_overview,
                       .help = "one line a machine: available, process, "
                               "template, status, progress, time left, best "
                               "average precision"},
    [TREE_ERRORS] = {FILE_OF(TREE_ROOT, "errors", SHAPE_ERRORS),
                     .help = "the last refusals, each with its reason and "
                             "what would be accepted"},
    [TREE_EVENTS] = {FILE_OF(TREE_ROOT, "events", SHAPE_GROWING), .stream = 'e',
                     .help = "the journal: time, user, object, what happened"},
    [TREE_TEMPLATE_EXAMPLE] = {FILE_OF(TREE_ROOT, "template.example",
                                       SHAPE_TEXT),
                               .show = show_template_example,
                               .help = "every parameter with its default, "
                                       "range and meaning"},

    [TREE_TEMPLATES] = {FILE_OF(TREE_ROOT, "templates", SHAPE_DIRECTORY),
                        .help = "training templates, written by users"},
    [TREE_TEMPLATE] = {OBJECTS_OF(TREE_TEMPLATES, OBJECT_TEMPLATE, SHAPE_INPUT),
                       .scope = SCOPE_TEMPLATE, .help = "a training template"},
    [TREE_MACHINES] = {FILE_OF(TREE_ROOT, "machines", SHAPE_DIRECTORY),
                       .help = "target machines, written by an administrator"},
    [TREE_MACHINE] = {OBJECTS_OF(TREE_MACHINES, OBJECT_MACHINE, SHAPE_INPUT),
                      .scope = SCOPE_MACHINE, .help = "a target machine"},
    [TREE_TYPES] = {FILE_OF(TREE_ROOT, "types", SHAPE_DIRECTORY),
                    .help = "model types, written by an administrator"},
    [TREE_TYPE] = {OBJECTS_OF(TREE_TYPES, OBJECT_TYPE, SHAPE_INPUT),
                   .scope = SCOPE_TYPE, .help = "a model type"},
    [TREE_BASES] = {FILE_OF(TREE_ROOT, "bases", SHAPE_DIRECTORY),
                    .help = "base models to start from"},
    [TREE_BASE] = {OBJECTS_OF(TREE_BASES, OBJECT_BASE, SHAPE_BUILTIN),
                   .help = "a base model"},
    [TREE_ROLES] = {FILE_OF(TREE_ROOT, "roles", SHAPE_DIRECTORY),
                    .help = "who may do what"},

    [TREE_PROCESSES] = {FILE_OF(TREE_ROOT, "processes", SHAPE_DIRECTORY),
                        .make = process_create,
                        .help = "training processes: mkdir makes one for a "
                                "machine"},
    [TREE_PROCESS] = {OBJECTS_OF(TREE_PROCESSES, OBJECT_PROCESS,
                                 SHAPE_DIRECTORY),
                      .drop = process_remove, .hide = process_may_hide,
                      .help = "the training process of a machine"},
    [TREE_P_TEMPLATE] = {FILE_OF(TREE_PROCESS, "template", SHAPE_WORD),
                         .show = show_template, .store = process_set_template,
                         .help = "the template's name; settable while idle"},
    [TREE_P_START] = {FILE_OF(TREE_PROCESS, "start", SHAPE_ACTION),
                      .show = show_nothing, .act = process_start,
                      .help = "touch: begin a new training with the template "
                              "as it stands now"},
    [TREE_P_STOP] = {FILE_OF(TREE_PROCESS, "stop", SHAPE_ACTION),
                     .show = show_nothing, .act = process_stop,
                     .help = "touch: stop, with a checkpoint"},
    [TREE_P_RESUME] = {FILE_OF(TREE_PROCESS, "resume", SHAPE_ACTION),
                       .show = show_nothing, .act = process_resume,
                       .help = "touch: continue a stopped or failed training "
                               "from its last checkpoint"},
    [TREE_P_ENABLED] = {FILE_OF(TREE_PROCESS, "enabled", SHAPE_WORD),
                        .show = show_enabled, .store = process_set_enabled,
                        .help = "yes or no; a disabled process refuses start, "
                                "stop and resume"},
    [TREE_P_STATUS] = {FILE_OF(TREE_PROCESS, "status", SHAPE_TEXT),
                       .show = show_status, .polled = true,
                       .help = "one word: created starting running stopping "
                               "stopped succeeded failed"},
    [TREE_P_WAIT] = {FILE_OF(TREE_PROCESS, "wait", SHAPE_WAIT),
                     .show = show_wait, .unlisted = true,
                     .help = "reading blocks until the training ends, then "
                             "gives the final status"},
    [TREE_P_PROGRESS] = {FILE_OF(TREE_PROCESS, "progress", SHAPE_TEXT),
                         .show = show_progress,
                         .help = "one line for people: bar, epoch, loss, "
                                 "average precision, images/s, time left"},
    [TREE_P_ETA] = {FILE_OF(TREE_PROCESS, "eta", SHAPE_TEXT), .show = show_eta,
                    .help = "time left as HH:MM:SS"},
    [TREE_P_INFO] = {FILE_OF(TREE_PROCESS, "info", SHAPE_TEXT),
                     .show = show_info,
                     .help = "all that is known, as `key: value` lines"},
    [TREE_P_METRICS] = {FILE_OF(TREE_PROCESS, "metrics.csv", SHAPE_GROWING),
                        .show = show_metrics, .stream = 'm',
                        .help = "a row an epoch: learning rate, loss, average "
                                "precision, accuracy, images/s"},
    [TREE_P_MONITOR_SVG] = {FILE_OF(TREE_PROCESS, "monitor.svg", SHAPE_TEXT),
                            .show = show_monitor_svg,
                            .help = "the chart of the training"},
    [TREE_P_MONITOR_HTML] = {FILE_OF(TREE_PROCESS, "monitor.html", SHAPE_TEXT),
                             .show = show_monitor_html,
                             .help = "the chart as a page that renews itself"},
    [TREE_P_CONFIG] = {FILE_OF(TREE_PROCESS, "config", SHAPE_TEXT),
                       .show = show_config,
                       .help = "every parameter as resolved for this "
                               "training, with where each value came from"},
    [TREE_P_DATASET] = {FILE_OF(TREE_PROCESS, "dataset", SHAPE_TEXT),
                        .show = show_dataset,
                        .help = "the report on the pictures"},
    [TREE_P_LOG] = {FILE_OF(TREE_PROCESS, "log", SHAPE_GROWING),
                    .show = show_log, .stream = 'l',
                    .help = "what the trainer said, by stage"},
    [TREE_P_MODEL] = {FILE_OF(TREE_PROCESS, "model", SHAPE_LINK),
                      .show = show_model_link,
                      .help = "link to the model, once it has succeeded"},

    [TREE_MODELS] = {FILE_OF(TREE_ROOT, "models", SHAPE_DIRECTORY),
                     .help = "trained models: models/TEMPLATE/N/"},
    [TREE_FAMILY] = {OBJECTS_OF(TREE_MODELS, OBJECT_MODEL, SHAPE_DIRECTORY),
                     .drop = model_family_remove, .hide = model_may_hide,
                     .help = "the versions of one template's model"},
    [TREE_LATEST] = {FILE_OF(TREE_FAMILY, "latest", SHAPE_LINK),
                     .show = show_latest_link,
                     .help = "link to the version with the highest number"},
    [TREE_VERSION] = {OBJECTS_OF(TREE_FAMILY, OBJECT_VERSION, SHAPE_DIRECTORY),
                      .drop = model_remove, .hide = model_may_hide,
                      .help = "one trained model; never changes"},
    [TREE_V_ONNX] = {FILE_OF(TREE_VERSION, "model.onnx", SHAPE_BODY),
                     .help = "the model for ONNX Runtime, OpenCV, OpenVINO …"},
    [TREE_V_SAFETENSORS] = {FILE_OF(TREE_VERSION, "model.safetensors",
                                    SHAPE_BODY),
                            .help = "the weights under torchvision's names"},
    [TREE_V_LABELS] = {FILE_OF(TREE_VERSION, "labels.txt", SHAPE_BODY),
                       .help = "class names, one a line, in output order"},
    [TREE_V_INFO] = {FILE_OF(TREE_VERSION, "info", SHAPE_BODY),
                     .help = "info of the training at its end"},
    [TREE_V_METRICS] = {FILE_OF(TREE_VERSION, "metrics.csv", SHAPE_BODY),
                        .help = "metrics of the training"},
    [TREE_V_MONITOR_SVG] = {FILE_OF(TREE_VERSION, "monitor.svg", SHAPE_BODY),
                            .help = "chart of the training"},
    [TREE_V_CONFIG] = {FILE_OF(TREE_VERSION, "config", SHAPE_BODY),
                       .help = "parameters of the training"},
    [TREE_V_DATASET] = {FILE_OF(TREE_VERSION, "dataset", SHAPE_BODY),
                        .help = "the report on the pictures"},
    [TREE_V_TEMPLATE] = {FILE_OF(TREE_VERSION, "template", SHAPE_BODY),
                         .help = "the template's text as trained with"},
    [TREE_V_LOG] = {FILE_OF(TREE_VERSION, "log", SHAPE_BODY),
                    .help = "log of the training"},
};
