/*
 * The table of parameters. What a row leaves out is 0 or NULL: it has no words,
 * no bounds, no name in the guide, and no influence on the model.
 */
#include "core/basic/language.h"
#include "core/settings/param.h"
#include "core/settings/picture_formats.h"

/* Parameters of a training: templates set them, types set other defaults. */
#define TRAINING (SCOPE_TEMPLATE | SCOPE_TYPE)
/* Parameters that a machine sets for all its trainings; the supervisor hands
 * them to the trainer. */
#define MACHINE (SCOPE_MACHINE | SCOPE_JOB)

/* The file names that a service takes. */
#define SERVICE_EXTENSIONS PICTURE_EXTENSIONS

/* A line of a role: what its members may do with one kind of objects. */
#define ROLE_LINE(word, says, guide)                                           \
    {                                                                          \
        .key = word, .scope = SCOPE_ROLE, .kind = PARAM_RIGHTS,                \
        .words = "view create edit delete manage", .fallback = "",             \
        .meaning = says, .term = guide                                         \
    }

const struct param params[KEY_COUNT] = {
    [KEY_TYPE] = {.key = "type",
                  .scope = SCOPE_TEMPLATE,
                  .kind = PARAM_NAME,
                  .fallback = "classifier",
                  .meaning = N_("model type, one of types/"),
                  .term = "Тип"},
    [KEY_BASE] = {.key = "base",
                  .scope = TRAINING,
                  .kind = PARAM_BASE,
                  .fallback = "base",
                  .shapes_model = true,
                  .meaning = N_("base model to start from, one of bases/ "
                                "(base is the one that is shipped, scratch a "
                                "fresh network of its kind, mobilenet a fresh "
                                "smaller one, for computers that are slow or "
                                "have little memory), or models/TEMPLATE/N or "
                                "models/TEMPLATE/latest to train a trained "
                                "model further"),
                  .term = "Шаблон модели: Базовая модель",
                  .guide_words = "базовая модель=base"},
    [KEY_DATASET] = {.key = "dataset",
                     .scope = TRAINING,
                     .kind = PARAM_PATH,
                     .fallback = "",
                     .meaning = N_("folder of class folders on the target "
                                   "machine, or one with train/ and test/ "
                                   "inside; required to start"),
                     .term = "Датасет"},
    [KEY_DESCRIPTION] = {.key = "description",
                         .scope = TRAINING | SCOPE_MACHINE,
                         .kind = PARAM_TEXT,
                         .fallback = "",
                         .meaning = N_("free text"),
                         .term = "Описание"},
    [KEY_AUGMENT] = {.key = "augment",
                     .scope = TRAINING,
                     .kind = PARAM_SET,
                     .words = "rotation exposure noise",
                     .fallback = "rotation+exposure+noise",
                     .shapes_model = true,
                     .meaning = N_("how the training pictures are varied"),
                     .term = "Искусственно расширить датасет",
                     .guide_words = "повороты=rotation;поворот=rotation;"
                                    "экспозиция=exposure;шум=noise;"
                                    "шумы=noise;нет=none"},
    [KEY_EXTENSIONS] = {.key = "extensions",
                        .scope = TRAINING,
                        .kind = PARAM_LIST,
                        .words = PICTURE_EXTENSIONS,
                        .fallback = IMAGE_EXTENSIONS,
                        .meaning = N_("which files of the dataset count"),
                        .term = "Допустимые расширения файлов"},
    [KEY_PAGES] = {.key = "pages",
                   .scope = TRAINING,
                   .kind = PARAM_PAGES,
                   .words = "all first",
                   .fallback = "first",
                   .meaning = N_("which pages of PDF and TIFF files are "
                                 "taken, each as a picture")},
    [KEY_EPOCHS] = {.key = "epochs",
                    .scope = TRAINING,
                    .kind = PARAM_INT,
                    .words = "auto",
                    .low = 1,
                    .high = 10000,
                    .fallback = "auto",
                    .shapes_model = true,
                    .meaning = N_("passes over the training pictures; auto is "
                                  "as many as so many pictures need, many "
                                  "for few")},
    [KEY_ITERATIONS] = {.key = "iterations",
                        .scope = TRAINING,
                        .kind = PARAM_INT,
                        .low = 1,
                        .high = 100000000,
                        .fallback = "",
                        .shapes_model = true,
                        .meaning = N_("updates to make; takes the place of "
                                      "epochs"),
                        .term = "Кол-во итераций"},
    [KEY_TIME_LIMIT] = {.key = "time_limit",
                        .scope = TRAINING,
                        .kind = PARAM_SPAN,
                        .low = 10,
                        .high = 31 * 86400.0,
                        .fallback = "",
                        .shapes_model = true,
                        .meaning = N_("how long the training may take; its "
                                      "schedule is fitted to this time, and "
                                      "complete when it ends")},
    [KEY_BATCH_SIZE] = {.key = "batch_size",
                        .scope = TRAINING,
                        .kind = PARAM_INT,
                        .low = 1,
                        .high = 1024,
                        .fallback = "16",
                        .shapes_model = true,
                        .meaning = N_("pictures per update"),
                        .term = "Batch Size"},
    [KEY_LEARNING_RATE] = {.key = "learning_rate",
                           .scope = TRAINING,
                           .kind = PARAM_REAL,
                           .words = "auto",
                           .low = 1e-7,
                           .high = 10,
                           .fallback = "auto",
                           .shapes_model = true,
                           .meaning = N_("peak rate; auto is 0.0125 for a "
                                         "fresh network (more for larger "
                                         "batches), less from a trained base"),
                           .term = "Начальный коэф. обучения"},
    [KEY_WORKERS] = {.key = "workers",
                     .scope = TRAINING,
                     .kind = PARAM_INT,
                     .words = "auto",
                     .low = 1,
                     .high = 256,
                     .fallback = "auto",
                     .meaning = N_("threads that load pictures"),
                     .term = "Num workers"},
    [KEY_IMAGE_SIZE] = {.key = "image_size",
                        .scope = TRAINING,
                        .kind = PARAM_INT,
                        .words = "auto",
                        .low = 32,
                        .high = 1024,
                        .fallback = "auto",
                        .shapes_model = true,
                        .meaning = N_("side of the square network input in "
                                      "pixels")},
    [KEY_TEST_FRACTION] = {.key = "test_fraction",
                           .scope = TRAINING,
                           .kind = PARAM_REAL,
                           .low = 0.01,
                           .high = 0.9,
                           .fallback = "0.2",
                           .shapes_model = true,
                           .meaning =
                               N_("fraction of each class that is held out for "
                                  "testing if the dataset has no test part")},
    [KEY_PRECISION] = {.key = "precision",
                       .scope = TRAINING,
                       .kind = PARAM_CHOICE,
                       .words = "auto f32 bf16",
                       .fallback = "auto",
                       .shapes_model = true,
                       .meaning = N_("arithmetic; auto takes bf16 where the "
                                     "processor has it in hardware")},
    [KEY_PATIENCE] = {.key = "patience",
                      .scope = TRAINING,
                      .kind = PARAM_INT,
                      .low = 0,
                      .high = 10000,
                      .fallback = "0",
                      .shapes_model = true,
                      .meaning = N_("stop early after so many epochs without a "
                                    "better average precision; 0 = never")},
    [KEY_KEEP] = {.key = "keep",
                  .scope = TRAINING,
                  .kind = PARAM_INT,
                  .low = 1,
                  .high = 1000000,
                  .fallback = "",
                  .meaning = N_("versions of the model to keep: the oldest "
                                "beyond so many are removed when a new one "
                                "appears, never one that a service uses")},
    [KEY_SEED] = {.key = "seed",
                  .scope = TRAINING,
                  .kind = PARAM_INT,
                  .low = 0,
                  .high = 4294967295.0,
                  .fallback = "1",
                  .shapes_model = true,
                  .meaning = N_("the same seed, data, machine and thread count "
                                "give the same model, bit for bit")},
    [KEY_GOAL] = {.key = "goal",
                  .scope = SCOPE_TYPE,
                  .kind = PARAM_CHOICE,
                  .words = "classification",
                  .fallback = "classification",
                  .meaning = N_("what models of this type do")},
    [KEY_LAUNCHER] = {.key = "launcher",
                      .scope = SCOPE_MACHINE,
                      .kind = PARAM_CHOICE,
                      .words = "local ssh slurm",
                      .fallback = "local",
                      .meaning = N_("how the trainer is run there: on this "
                                    "host, on another one through ssh, or as "
                                    "a job of Slurm")},
    [KEY_HOST] = {.key = "host",
                  .scope = MACHINE,
                  .kind = PARAM_HOSTS,
                  .fallback = "",
                  .meaning = N_("what one would write after ssh; "
                                "~/.ssh/config of the user who runs primofs "
                                "counts; with nodes all of them, each as ssh "
                                "takes it on the first; for slurm the host "
                                "where sbatch is, empty = this one")},
    [KEY_DIRECTORY] = {.key = "directory",
                       .scope = SCOPE_MACHINE,
                       .kind = PARAM_PLACE,
                       .fallback = "~/.primofs",
                       .meaning = N_("where run directories lie on that "
                                     "host; for slurm on a disk that its "
                                     "nodes share")},
    [KEY_TRAINER] = {.key = "trainer",
                     .scope = SCOPE_MACHINE,
                     .kind = PARAM_PATH,
                     .words = "auto",
                     .fallback = "auto",
                     .meaning = N_("primo-train on that host; auto copies "
                                   "this one there, once a version")},
    [KEY_PARTITION] = {.key = "partition",
                       .scope = SCOPE_MACHINE,
                       .kind = PARAM_WORD,
                       .fallback = "",
                       .meaning = N_("Slurm's partition; what is empty is not "
                                     "said to Slurm")},
    [KEY_TIME] = {.key = "time",
                  .scope = SCOPE_MACHINE,
                  .kind = PARAM_WORD,
                  .fallback = "",
                  .meaning = N_("Slurm's time limit of a job, as sbatch takes "
                                "it; a training goes on in the next job")},
    [KEY_OPTIONS] = {.key = "options",
                     .scope = SCOPE_MACHINE,
                     .kind = PARAM_OPTIONS,
                     .fallback = "",
                     .meaning = N_("more options of sbatch, as they are")},
    [KEY_NODES] = {.key = "nodes",
                   .scope = MACHINE,
                   .kind = PARAM_INT,
                   .low = 1,
                   .high = 64,
                   .fallback = "1",
                   .meaning = N_("how many hosts train one model together, "
                                 "over MPI: nodes of Slurm, or those that "
                                 "host names")},
    [KEY_COPY_DATASET] = {.key = "copy_dataset",
                          .scope = SCOPE_MACHINE,
                          .kind = PARAM_CHOICE,
                          .words = "yes no",
                          .fallback = "no",
                          .meaning =
                              N_("yes: dataset is a path on this host, and "
                                 "rsync copies it to that one before a "
                                 "training; no: it is a path on that one")},
    [KEY_BASE_FILE] = {.key = "base_file",
                       .scope = SCOPE_JOB,
                       .kind = PARAM_TEXT,
                       .fallback = "",
                       .meaning = N_("the file of weights that base stands "
                                     "for")},
    [KEY_SEGMENT] = {.key = "segment",
                     .scope = SCOPE_JOB,
                     .kind = PARAM_INT,
                     .low = 0,
                     .high = 999999,
                     .fallback = "0",
                     .meaning = N_("the segment of the journal to begin; 0 = "
                                   "the first one that is not there")},
    [KEY_DATASET_COPY] = {.key = "dataset_copy",
                          .scope = SCOPE_JOB,
                          .kind = PARAM_PATH,
                          .fallback = "",
                          .meaning = N_("the folder in which dataset lies on "
                                        "this host; empty = where it says")},
    [KEY_THREADS] = {.key = "threads",
                     .scope = MACHINE,
                     .kind = PARAM_INT,
                     .words = "auto",
                     .low = 1,
                     .high = 1024,
                     .fallback = "auto",
                     .shapes_model = true,
                     .meaning = N_("threads of a training; auto respects "
                                   "affinity and cgroup quota")},
    [KEY_NICE] = {.key = "nice",
                  .scope = MACHINE,
                  .kind = PARAM_INT,
                  .low = 0,
                  .high = 19,
                  .fallback = "0",
                  .meaning = N_("how far trainings give way to other "
                                "programs")},
    [KEY_MEMORY] = {.key = "memory",
                    .scope = MACHINE,
                    .kind = PARAM_SIZE,
                    .words = "none",
                    .fallback = "none",
                    .meaning = N_("memory limit of a training, e.g. 8G")},
    [KEY_ENABLED] = {.key = "enabled",
                     .scope = SCOPE_MACHINE,
                     .kind = PARAM_CHOICE,
                     .words = "yes no",
                     .fallback = "yes",
                     .meaning = N_("whether trainings may be started and "
                                   "resumed there"),
                     .term = "Выключить/Включить"},
    [KEY_LANG] = {.key = "lang",
                  .scope = SCOPE_JOB,
                  .kind = PARAM_CHOICE,
                  .words = "en ru",
                  .fallback = "",
                  .meaning = N_("language of the log and of refusals")},
    [KEY_SERVICE_MODEL] = {.key = "model",
                           .scope = SCOPE_SERVICE,
                           .kind = PARAM_MODEL,
                           .fallback = "",
                           .meaning = N_("the model that answers: "
                                         "TEMPLATE/latest follows new versions "
                                         "as they appear, TEMPLATE/N is one of "
                                         "them; required to start")},
    [KEY_SERVICE_MACHINE] = {.key = "machine",
                             .scope = SCOPE_SERVICE,
                             .kind = PARAM_NAMES,
                             .fallback = "local",
                             .meaning = N_("the machine that computes, one of "
                                           "machines/, or several, which share "
                                           "the requests"),
                             .term = "Целевая машина"},
    [KEY_SERVICE_DESCRIPTION] = {.key = "description",
                                 .scope = SCOPE_SERVICE,
                                 .kind = PARAM_TEXT,
                                 .fallback = "",
                                 .meaning = N_("free text"),
                                 .term = "Описание"},
    [KEY_SERVICE_EXTENSIONS] = {.key = "extensions",
                                .scope = SCOPE_SERVICE,
                                .kind = PARAM_LIST,
                                .words = SERVICE_EXTENSIONS,
                                .fallback = SERVICE_EXTENSIONS,
                                .meaning = N_("which files are requests"),
                                .term = "Допустимые расширения файлов"},
    [KEY_SERVICE_OK] = {.key = "ok",
                        .scope = SCOPE_SERVICE,
                        .kind = PARAM_REAL,
                        .low = 0,
                        .high = 1,
                        .fallback = "0.8",
                        .meaning = N_("from this calibrated probability on the "
                                      "state of an answer is ok"),
                        .term = "ThresholdOKMin"},
    [KEY_SERVICE_CHECK] = {.key = "check",
                           .scope = SCOPE_SERVICE,
                           .kind = PARAM_REAL,
                           .low = 0,
                           .high = 1,
                           .fallback = "0.2",
                           .meaning = N_("from this one on it is check: a "
                                         "person should look; below it is "
                                         "unknown"),
                           .term = "ThresholdWarnMin"},
    [KEY_SERVICE_TOP] = {.key = "top",
                         .scope = SCOPE_SERVICE,
                         .kind = PARAM_INT,
                         .low = 1,
                         .high = 100,
                         .fallback = "3",
                         .meaning = N_("candidates in an answer")},
    [KEY_SERVICE_PAGES] = {.key = "pages",
                           .scope = SCOPE_SERVICE,
                           .kind = PARAM_PAGES,
                           .words = "all first",
                           .fallback = "all",
                           .meaning =
                               N_("which pages of PDF and TIFF files are "
                                  "looked at; the answer is of all of them")},
    [KEY_SERVICE_KEEP] = {.key = "keep",
                          .scope = SCOPE_SERVICE,
                          .kind = PARAM_SPAN,
                          .words = "forever",
                          .fallback = "1d",
                          .meaning = N_("how long an answered picture and its "
                                        "answer stay")},
    [KEY_SERVICE_WHEN_DONE] = {.key = "when_done",
                               .scope = SCOPE_SERVICE,
                               .kind = PARAM_CHOICE,
                               .words = "keep delete",
                               .fallback = "keep",
                               .meaning = N_("delete: the picture leaves in/ "
                                             "as soon as it is answered")},
    [KEY_SERVICE_SETTLE] = {.key = "settle",
                            .scope = SCOPE_SERVICE,
                            .kind = PARAM_SPAN,
                            .fallback = "0s",
                            .meaning =
                                N_("how long to wait after the last close, for "
                                   "scanners that open a file again")},
    [KEY_SERVICE_IDLE] = {.key = "idle",
                          .scope = SCOPE_SERVICE,
                          .kind = PARAM_SPAN,
                          .words = "never",
                          .fallback = "5m",
                          .meaning = N_("how long the model stays in memory "
                                        "without a request")},
    [KEY_SERVICE_THREADS] = {.key = "threads",
                             .scope = SCOPE_SERVICE,
                             .kind = PARAM_INT,
                             .words = "auto",
                             .low = 1,
                             .high = 1024,
                             .fallback = "auto",
                             .meaning = N_("threads that compute; auto is what "
                                           "the machine says")},
    [KEY_SERVICE_PRECISION] = {.key = "precision",
                               .scope = SCOPE_SERVICE | SCOPE_WORKER,
                               .kind = PARAM_CHOICE,
                               .words = "auto f32 bf16",
                               .fallback = "auto",
                               .meaning = N_("arithmetic; auto takes bf16 "
                                             "where the processor has it in "
                                             "hardware")},
    [KEY_SERVICE_ENABLED] = {.key = "enabled",
                             .scope = SCOPE_SERVICE,
                             .kind = PARAM_CHOICE,
                             .words = "yes no",
                             .fallback = "yes",
                             .meaning = N_("no: the service takes no requests "
                                           "and cannot be started"),
                             .term = "Выключить/Включить"},
    [KEY_TOLD] = {.key = "told",
                  .scope = SCOPE_WORKER,
                  .kind = PARAM_INT,
                  .low = 1,
                  .high = 999999,
                  .fallback = "1",
                  .meaning = N_("the file of requests to begin with")},
    [KEY_MEMBERS] = {.key = "members",
                     .scope = SCOPE_ROLE,
                     .kind = PARAM_MEMBERS,
                     .fallback = "",
                     .meaning = N_("who has the role")},
    [KEY_TEMPLATES] =
        ROLE_LINE("templates",
                  N_("training templates: view lists and reads them, create "
                     "writes new ones, edit changes and renames them, delete "
                     "removes them"),
                  "Шаблоны обучения"),
    [KEY_PROCESSES] = ROLE_LINE(
        "processes",
        N_("training processes: view reads their files, overview and events, "
           "create makes them and sets their template before the first start, "
           "edit sets it later, delete removes them, manage starts, stops, "
           "resumes, disables and enables them"),
        "Процессы обучения"),
    [KEY_MACHINES] = ROLE_LINE("machines", N_("target machines, as templates"),
                               "Целевые машины"),
    [KEY_MODELS] = ROLE_LINE("models",
                             N_("trained models: view lists and reads them, "
                                "delete removes them"),
                             "Модели"),
    [KEY_TYPES] =
        ROLE_LINE("types", N_("model types, as templates"), "Типы моделей"),
    [KEY_BASES] =
        ROLE_LINE("bases", N_("base models, as templates"), "Базовые модели"),
    [KEY_SERVICES] = ROLE_LINE(
        "services",
        N_("services, as templates, and their inference/: view reads its "
           "files, create makes it, delete removes it, manage starts, stops, "
           "disables and enables it"),
        "Шаблоны инференса"),
    [KEY_REQUESTS] = ROLE_LINE(
        "requests",
        N_("requests: create copies files into in/ and sees and removes the "
           "own ones and their answers, view sees those of all users, edit "
           "and delete change and remove them"),
        NULL),
    [KEY_ROLES] = ROLE_LINE("roles",
                            N_("roles, as templates, so that create and edit "
                               "let members grant any right; manage reads the "
                               "refusals of all users in errors"),
                            "Роли"),
};
