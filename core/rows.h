/*
 * The table of the tree: a row for each file of the mount. Read this first.
 *
 *     ROW(number, directory, name, shape, show function, help, ...)
 *
 * The number comes from node.h. The directory is the number of another row. A
 * row without a name (NULL) stands for all objects of a .kind. The shape is the
 * kind of file, one of core/tree/shapes/. The show function prints the text of
 * the file, or the target of the link (show.h); for a file of a model, it
 * prints the text that the model keeps of its process, and the files without
 * one are those that the trainer made. The help is one line for people. struct
 * row (tree.h) has what else a row can say.
 *
 * rows.c includes this file twice, so that rows need no list of the functions
 * and shapes which they name: adding a file is adding a number, a row here, and
 * its show function.
 */

ROW(TREE_ROOT, 0, NULL, directory, no_show, N_("the mount point"))

ROW(TREE_README, TREE_ROOT, "README", generated, show_readme,
    N_("how to train a model, in six commands"))
ROW(TREE_OVERVIEW, TREE_ROOT, "overview", generated, show_overview,
    N_("one line for each machine: available, process, template, status, "
       "progress, "
       "time left, best average precision, and what the machine is"),
    .line = KEY_PROCESSES)
ROW(TREE_OVERVIEW_JSON, TREE_ROOT, "overview.json", generated,
    show_overview_json, N_("the same for programs"), .line = KEY_PROCESSES)
ROW(TREE_ERRORS, TREE_ROOT, "errors", refusals, no_show,
    N_("the last refusals, each with its reason and what would be accepted"))
ROW(TREE_EVENTS, TREE_ROOT, "events", growing, no_show,
    N_("the journal: time, user, object, what happened"), .stream = 'e',
    .mtime = mtime_events, .line = KEY_PROCESSES, .told = CHANGE_EVENTS)
ROW(TREE_TEMPLATE_EXAMPLE, TREE_ROOT, "template.example", generated,
    show_template_example,
    N_("every parameter with its default, range and meaning"))

ROW(TREE_SERVICE_EXAMPLE, TREE_ROOT, "service.example", generated,
    show_service_example, N_("the same for services"))

ROW(TREE_TEMPLATES, TREE_ROOT, "templates", directory, no_show,
    N_("training templates, written by users"), .line = KEY_TEMPLATES)
ROW(TREE_TEMPLATE, TREE_TEMPLATES, NULL, input, no_show,
    N_("a training template"), .kind = OBJECT_TEMPLATE, .needs = RIGHT_EDIT,
    .scope = SCOPE_TEMPLATE)
ROW(TREE_SERVICES, TREE_ROOT, "services", directory, no_show,
    N_("services, written by users: which model answers"), .line = KEY_SERVICES)
ROW(TREE_SERVICE, TREE_SERVICES, NULL, input, no_show,
    N_("a service: its model, and how sure it must be"), .kind = OBJECT_SERVICE,
    .needs = RIGHT_EDIT, .scope = SCOPE_SERVICE)
ROW(TREE_MACHINES, TREE_ROOT, "machines", directory, no_show,
    N_("target machines, written by an administrator"), .line = KEY_MACHINES)
ROW(TREE_MACHINE, TREE_MACHINES, NULL, input, no_show, N_("a target machine"),
    .kind = OBJECT_MACHINE, .needs = RIGHT_EDIT, .scope = SCOPE_MACHINE)
ROW(TREE_TYPES, TREE_ROOT, "types", directory, no_show,
    N_("model types, written by an administrator"), .line = KEY_TYPES)
ROW(TREE_TYPE, TREE_TYPES, NULL, input, no_show, N_("a model type"),
    .kind = OBJECT_TYPE, .needs = RIGHT_EDIT, .scope = SCOPE_TYPE)
ROW(TREE_BASES, TREE_ROOT, "bases", directory, no_show,
    N_("base models to start from, installed by an administrator"),
    .line = KEY_BASES)
ROW(TREE_BASE, TREE_BASES, NULL, weights, no_show,
    N_("a base model: a .safetensors file"), .kind = OBJECT_BASE,
    .needs = RIGHT_EDIT)
ROW(TREE_ROLES, TREE_ROOT, "roles", directory, no_show,
    N_("who may do what, written by an administrator"), .line = KEY_ROLES)
ROW(TREE_ROLE, TREE_ROLES, NULL, input, no_show,
    N_("a role: its members and their rights"), .kind = OBJECT_ROLE,
    .needs = RIGHT_EDIT, .scope = SCOPE_ROLE, .changed = roles_changed)

ROW(TREE_PROCESSES, TREE_ROOT, "processes", directory, no_show,
    N_("training processes: mkdir makes one for a machine"),
    .line = KEY_PROCESSES, .make = process_create)
ROW(TREE_PROCESS, TREE_PROCESSES, NULL, directory, no_show,
    N_("the training process of a machine"), .kind = OBJECT_PROCESS,
    .drop = process_remove, .hide = process_may_hide)
ROW(TREE_P_TEMPLATE, TREE_PROCESS, "template", word, show_template,
    N_("the template's name; settable while idle"), .needs = RIGHT_EDIT,
    .setup = process_is_new_to, .store = process_set_template)
ROW(TREE_P_START, TREE_PROCESS, "start", action, show_nothing,
    N_("touch: begin a new training with the template as it stands now"),
    .needs = RIGHT_MANAGE, .act = process_start)
ROW(TREE_P_STOP, TREE_PROCESS, "stop", action, show_nothing,
    N_("touch: stop, with a checkpoint"), .needs = RIGHT_MANAGE,
    .act = process_stop)
ROW(TREE_P_RESUME, TREE_PROCESS, "resume", action, show_nothing,
    N_("touch: continue a stopped or failed training from its last checkpoint"),
    .needs = RIGHT_MANAGE, .act = process_resume)
ROW(TREE_P_ENABLED, TREE_PROCESS, "enabled", word, show_enabled,
    N_("yes or no; a disabled process refuses start, stop and resume"),
    .needs = RIGHT_MANAGE, .store = process_set_enabled)
ROW(TREE_P_QUEUE, TREE_PROCESS, "queue", queue, show_queue,
    N_("templates to be trained one after another, one a line"),
    .needs = RIGHT_MANAGE)
ROW(TREE_P_STATUS, TREE_PROCESS, "status", generated, show_status,
    N_("one word: created starting running stopping stopped succeeded failed"),
    .polled = true, .told = CHANGE_STATUS)
ROW(TREE_P_WAIT, TREE_PROCESS, "wait", wait, show_wait,
    N_("reading blocks until the training ends, then gives the final status"),
    .unlisted = true)
ROW(TREE_P_PROGRESS, TREE_PROCESS, "progress", generated, show_progress,
    N_("one line for people: bar, epoch, loss, average precision, images/s, "
       "time left"))
ROW(TREE_P_ETA, TREE_PROCESS, "eta", generated, show_eta,
    N_("time left as HH:MM:SS"))
ROW(TREE_P_INFO, TREE_PROCESS, "info", generated, show_info,
    N_("all that is known, as `key: value` lines"))
ROW(TREE_P_INFO_JSON, TREE_PROCESS, "info.json", generated, show_info_json,
    N_("the same for programs"))
ROW(TREE_P_METRICS, TREE_PROCESS, "metrics.csv", growing, no_show,
    N_("one row per epoch: learning rate, loss, average precision, accuracy, "
       "images/s"),
    .stream = 'm', .mtime = mtime_metrics, .told = CHANGE_METRICS)
ROW(TREE_P_MONITOR_SVG, TREE_PROCESS, "monitor.svg", generated,
    show_monitor_svg, N_("the chart of the training"))
ROW(TREE_P_MONITOR_HTML, TREE_PROCESS, "monitor.html", generated,
    show_monitor_html, N_("the chart as a page that reloads itself"))
ROW(TREE_P_CONFIG, TREE_PROCESS, "config", generated, show_config,
    N_("every parameter as resolved for this training, with where each value "
       "came from"))
ROW(TREE_P_JOB, TREE_PROCESS, "job", generated, show_script,
    N_("the script that Slurm was given, on a machine of Slurm's"))
ROW(TREE_P_DATASET, TREE_PROCESS, "dataset", generated, show_dataset,
    N_("the report on the pictures"))
ROW(TREE_P_LOG, TREE_PROCESS, "log", growing, no_show,
    N_("what the trainer said, by stage"), .stream = 'l', .mtime = mtime_log,
    .told = CHANGE_LOG)
ROW(TREE_P_MODEL, TREE_PROCESS, "model", link, show_model_link,
    N_("link to the model, once it has succeeded"))
ROW(TREE_P_PREDICTIONS, TREE_PROCESS, "predictions.csv", generated,
    show_predictions,
    N_("what the last evaluation said of each picture of the test part"))
ROW(TREE_P_CLASSES, TREE_PROCESS, "classes.csv", generated, show_classes,
    N_("a row for each class: precision, recall, F1, average precision, "
       "pictures"))
ROW(TREE_P_CONFUSION, TREE_PROCESS, "confusion.csv", generated, show_confusion,
    N_("which class was taken for which, in pictures"))
ROW(TREE_P_MISTAKES, TREE_PROCESS, "mistakes.csv", generated, show_mistakes,
    N_("the wrong answers, the most certain first"))
ROW(TREE_P_THRESHOLDS, TREE_PROCESS, "thresholds.csv", generated,
    show_thresholds,
    N_("for each threshold of confidence: the share answered, and of these "
       "the share that is right"))

ROW(TREE_P_ASIDE, TREE_PROCESS, NULL, aside, no_show,
    N_("what an editor writes for a moment, and renames onto a text"),
    .kind = OBJECT_ASIDE, .needs = RIGHT_EDIT)

ROW(TREE_INFERENCES, TREE_ROOT, "inference", directory, no_show,
    N_("services at work: mkdir makes one for a service"), .line = KEY_SERVICES,
    .make = serving_create)
ROW(TREE_SERVING, TREE_INFERENCES, NULL, directory, no_show,
    N_("a service at work"), .kind = OBJECT_SERVING, .drop = serving_remove,
    .hide = serving_may_hide)
ROW(TREE_I_IN, TREE_SERVING, "in", directory, no_show,
    N_("copy pictures in here"), .line = KEY_REQUESTS, .own = true)
ROW(TREE_REQUEST, TREE_I_IN, NULL, request, no_show, N_("a picture"),
    .kind = OBJECT_REQUEST, .needs = RIGHT_EDIT, .own = true)
ROW(TREE_I_OUT, TREE_SERVING, "out", directory, no_show,
    N_("the answer to each, as JSON"), .line = KEY_REQUESTS, .own = true)
ROW(TREE_ANSWER, TREE_I_OUT, NULL, answer, show_answer,
    N_("what the picture is, and how sure that is"), .kind = OBJECT_REQUEST,
    .suffix = ".json", .own = true)
ROW(TREE_LIST_ROWS, TREE_I_OUT, NULL, list_rows, no_show,
    N_("of a list: a row for each picture, while it is answered"),
    .kind = OBJECT_REQUEST, .suffix = ".csv", .own = true, .stream = 'w',
    .mtime = mtime_list, .stream_id = stream_of_list)
ROW(TREE_I_SORTED, TREE_SERVING, "sorted", directory, no_show,
    N_("links to the pictures whose answer is sure, by class"),
    .line = KEY_REQUESTS, .own = true)
ROW(TREE_CLASS, TREE_I_SORTED, NULL, directory, no_show,
    N_("those of one class"), .kind = OBJECT_CLASS, .prefix = "/", .own = true)
ROW(TREE_SORTED, TREE_CLASS, NULL, link, show_sorted,
    N_("link to the picture in in/"), .kind = OBJECT_SORTED, .own = true)
ROW(TREE_I_RESULTS, TREE_SERVING, "results.csv", results, no_show,
    N_("one row for each answer: time, file, revision, page, class, "
       "confidence, state, model, milliseconds, error"),
    .line = KEY_REQUESTS, .own = true, .told = CHANGE_METRICS)
ROW(TREE_I_START, TREE_SERVING, "start", action, show_nothing,
    N_("touch: answer requests"), .needs = RIGHT_MANAGE, .act = serving_start)
ROW(TREE_I_STOP, TREE_SERVING, "stop", action, show_nothing,
    N_("touch: stop; requests wait then"), .needs = RIGHT_MANAGE,
    .act = serving_stop)
ROW(TREE_I_ENABLED, TREE_SERVING, "enabled", word, show_serving_enabled,
    N_("yes or no; a disabled service takes no requests"),
    .needs = RIGHT_MANAGE, .store = serving_set_enabled)
ROW(TREE_I_STATUS, TREE_SERVING, "status", generated, show_serving_status,
    N_("one word: created starting running stopping stopped failed"),
    .polled = true, .told = CHANGE_STATUS)
ROW(TREE_I_INFO, TREE_SERVING, "info", generated, show_serving_info,
    N_("all that is known, as `key: value` lines"))
ROW(TREE_I_INFO_JSON, TREE_SERVING, "info.json", generated,
    show_serving_info_json, N_("the same for programs"))
ROW(TREE_I_MONITOR, TREE_SERVING, "monitor.html", personal,
    show_serving_monitor, N_("the last answers as a page that reloads itself"),
    .line = KEY_REQUESTS, .own = true)
ROW(TREE_I_QUEUE, TREE_SERVING, "queue", personal, show_serving_queue,
    N_("who waits, in order"), .line = KEY_REQUESTS, .own = true)
ROW(TREE_I_LOG, TREE_SERVING, "log", growing, no_show,
    N_("what the worker said, and what went wrong"), .stream = 'l',
    .mtime = mtime_serving, .told = CHANGE_LOG)
ROW(TREE_I_WAIT, TREE_SERVING, "wait", directory, no_show,
    N_("wait/FILE blocks until the file is answered, and gives its answer"),
    .line = KEY_REQUESTS, .own = true)
ROW(TREE_AWAITED, TREE_I_WAIT, NULL, awaited, show_awaited,
    N_("the answer, once it is there"), .kind = OBJECT_REQUEST,
    .unlisted = true, .own = true)

ROW(TREE_I_ASIDE, TREE_SERVING, NULL, aside, no_show,
    N_("what an editor writes for a moment, and renames onto a text"),
    .kind = OBJECT_ASIDE, .needs = RIGHT_EDIT)

ROW(TREE_MODELS, TREE_ROOT, "models", directory, no_show,
    N_("trained models: models/TEMPLATE/N/"), .line = KEY_MODELS)
ROW(TREE_FAMILY, TREE_MODELS, NULL, directory, no_show,
    N_("the versions of one template's model"), .kind = OBJECT_MODEL,
    .drop = model_family_remove, .hide = model_may_hide)
ROW(TREE_LATEST, TREE_FAMILY, "latest", link, show_latest_link,
    N_("link to the version with the highest number"))
ROW(TREE_VERSIONS, TREE_FAMILY, "versions.csv", generated, show_versions,
    N_("a row for each version: date, what changed in the template, pictures, "
       "average precision with its interval, accuracy, milliseconds a picture"))
ROW(TREE_VERSION, TREE_FAMILY, NULL, directory, no_show,
    N_("one trained model; never changes"), .kind = OBJECT_VERSION,
    .drop = serving_model_remove, .hide = model_may_hide)
ROW(TREE_V_ONNX, TREE_VERSION, "model.onnx", body, no_show,
    N_("the model for ONNX Runtime, OpenCV, OpenVINO …"))
ROW(TREE_V_SAFETENSORS, TREE_VERSION, "model.safetensors", body, no_show,
    N_("the weights under torchvision's names"))
ROW(TREE_V_LABELS, TREE_VERSION, "labels.txt", body, no_show,
    N_("class names, one per line, in output order"))
ROW(TREE_V_INFO, TREE_VERSION, "info", body, show_info,
    N_("info of the training at its end"))
ROW(TREE_V_METRICS, TREE_VERSION, "metrics.csv", body, show_metrics,
    N_("metrics of the training"))
ROW(TREE_V_MONITOR_SVG, TREE_VERSION, "monitor.svg", body, show_monitor_svg,
    N_("chart of the training"))
ROW(TREE_V_CONFIG, TREE_VERSION, "config", body, show_config,
    N_("parameters of the training"))
ROW(TREE_V_DATASET, TREE_VERSION, "dataset", body, show_dataset,
    N_("the report on the pictures"))
ROW(TREE_V_TEMPLATE, TREE_VERSION, "template", body, show_run_template,
    N_("the text of the template at the start"))
ROW(TREE_V_LOG, TREE_VERSION, "log", body, show_log, N_("log of the training"))
ROW(TREE_V_CARD, TREE_VERSION, "README.md", body, show_card,
    N_("the model's card: what it tells apart, how good it is, how to run it"))
ROW(TREE_V_PREDICTIONS, TREE_VERSION, "predictions.csv", body, show_predictions,
    N_("what the model said of each picture of the test part"))
ROW(TREE_V_CLASSES, TREE_VERSION, "classes.csv", body, show_classes,
    N_("a row for each class: precision, recall, F1, average precision, "
       "pictures"))
ROW(TREE_V_CONFUSION, TREE_VERSION, "confusion.csv", body, show_confusion,
    N_("which class was taken for which, in pictures"))
ROW(TREE_V_CONFUSION_SVG, TREE_VERSION, "confusion.svg", body,
    show_confusion_svg, N_("the same as a drawing"))
ROW(TREE_V_MISTAKES, TREE_VERSION, "mistakes.csv", body, show_mistakes,
    N_("the wrong answers, the most certain first"))
ROW(TREE_V_MISTAKES_HTML, TREE_VERSION, "mistakes.html", body,
    show_mistakes_html, N_("the same as a page, with small pictures"))
ROW(TREE_V_THRESHOLDS, TREE_VERSION, "thresholds.csv", body, show_thresholds,
    N_("for each threshold of confidence: the share answered, and of these "
       "the share that is right"))
