/*
 * primofs STATE_DIR MOUNTPOINT: options, going into the background, the main
 * loop.
 *
 * The daemon is forked before anything is opened, because an LMDB environment
 * must not be used across a fork. The parent waits until the mount answers and
 * exits with 0, or prints the error that the daemon sent and exits with 1.
 */
#include "core/backup.h"
#include "core/basic/language.h"
#include "core/check.h"
#include "core/open.h"
#include "core/salvage.h"
#include "fs/damage.h"
#include "fs/mountpoint.h"
#include "fs/requests/ops.h"
#include "fs/service.h"
#include "fs/session_io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EXIT_USAGE = 2, THREADS = 24 };

struct options {
    struct fuse_args args;
    struct fuse_cmdline_opts fuse; /* -f, -d, -s … */
    char *state;                   /* the first word; made absolute */
    char *mountpoint;              /* the second; made absolute */
    char *lang;     /* -o lang=; NULL = as the environment says */
    bool read_only; /* -o ro, which libfuse gets, too */
    bool shared;    /* -o allow_other or allow_root, likewise */
    int care;       /* KEY_CHECK …; 0 = mount */
};

enum {
    KEY_READ_ONLY = 1,
    KEY_SHARED,
    KEY_REFUSED,
    KEY_CHECK,
    KEY_SALVAGE,
    KEY_BACKUP
};
static const struct fuse_opt option_rows[] = {
    {"lang=%s", offsetof(struct options, lang), 0},
    FUSE_OPT_KEY("ro", KEY_READ_ONLY),
    FUSE_OPT_KEY("allow_other", KEY_SHARED),
    FUSE_OPT_KEY("allow_root", KEY_SHARED),
    FUSE_OPT_KEY("fsname=", KEY_REFUSED),
    FUSE_OPT_KEY("subtype=", KEY_REFUSED),
    FUSE_OPT_KEY("max_read=", KEY_REFUSED),
    FUSE_OPT_KEY("--check", KEY_CHECK),
    FUSE_OPT_KEY("--salvage", KEY_SALVAGE),
    FUSE_OPT_KEY("--backup", KEY_BACKUP),
    FUSE_OPT_END};

/* Options */

/* libfuse gets neither of the two words: its messages about an unusable mount
 * point are less clear than those of mountpoint_prepare(). */
static int take_word(void *data, const char *arg, int key,
                     struct fuse_args *out)
{
    struct options *o = data;
    char **word = o->state ? &o->mountpoint : &o->state;
    (void)out;
    o->read_only |= key == KEY_READ_ONLY;
    o->shared |= key == KEY_SHARED;
    if (key == KEY_REFUSED)
        return fprintf(stderr,
                       _("primofs: the option '%s' is not accepted: primofs "
                         "sets it by itself\n"),
                       arg),
               -1;
    if (key >= KEY_CHECK) {
        o->care = key;
        return 0;
    }
    if (key != FUSE_OPT_KEY_NONOPT && strcmp(arg, "-"))
        return 1; /* for libfuse */
    if (o->mountpoint)
        return fprintf(stderr, _("primofs: unexpected argument '%s'\n"), arg),
               -1;
    *word = strdup(arg);
    return 0;
}

static void print_help(const char *program)
{
    printf(_("usage: %s STATE_DIR MOUNTPOINT [options]\n\n"
             "Mounts the training files of a state directory, which is created "
             "if it does not exist.\nSee README in the mount point.\n\n"
             "Unmount with: fusermount3 -u MOUNTPOINT. Trainings go on.\n"
             "Exit status: 0 mounted (or, with -f, ended), 1 failed, 2 wrong "
             "usage.\n\noptions:\n"
             "    -o lang=LANGUAGE       en or ru, the language of messages "
             "(default: as\n"
             "                           the environment says)\n"
             "    -o ro                  only look, also beside a daemon or at "
             "a copy\n"
             "    -o allow_other         let other users in, as far as roles "
             "allow them\n"
             "    -o allow_root          let root in\n"
             "    -o auto_unmount        unmount when the daemon ends, however "
             "it ends\n"
             "    -o max_threads=N       requests at once (default: %d)\n"
             "    -f                     stay in the foreground\n"
             "    -s                     one request after the other\n"
             "    -d, -o debug           print the requests; implies -f\n"
             "    -h, --help             print this\n"
             "    -V, --version          print the version\n"
             "Options of mount(8), such as nosuid and noexec, are accepted, "
             "too.\n"),
           program, THREADS);
    printf(_("\ninstead of mounting it, with a state directory:\n"
             "    --check STATE_DIR      say what of it is damaged\n"
             "    --salvage STATE_DIR    bring what can be read of a damaged "
             "database into\n"
             "                           a new one\n"
             "    --backup STATE_DIR FILE\n"
             "                           write a tar file of it, also while it "
             "is mounted;\n"
             "                           FILE -: to standard output\n"));
}

static int usage(const char *message)
{
    fprintf(stderr,
            _("primofs: %s\nusage: primofs STATE_DIR MOUNTPOINT [options]; "
              "primofs --help lists them\n"),
            message);
    return EXIT_USAGE;
}

static int usage_language(const char *name)
{
    char known[100], message[300];
    language_list(known, sizeof known, _(" or "));
    snprintf(message, sizeof message, _("lang must be %s, got '%.100s'"), known,
             name);
    return usage(message);
}

/* Returns 0, or the exit status + 1 if there is nothing more to do. */
static int options_parse(struct options *o, int argc, char **argv)
{
    o->args = (struct fuse_args)FUSE_ARGS_INIT(argc, argv);
    if (fuse_opt_parse(&o->args, o, option_rows, take_word) ||
        fuse_parse_cmdline(&o->args, &o->fuse))
        return usage(_("invalid options")) + 1;
    if (o->lang && !language_set(o->lang))
        return usage_language(o->lang) + 1;
    if (o->fuse.show_help) {
        print_help(argv[0]);
        return 1;
    }
    if (o->fuse.show_version) {
        printf("primofs %s\n", PRIMO_VERSION);
        fuse_lowlevel_version();
        return 1;
    }
    if (!o->state)
        return usage(_("the state directory is missing")) + 1;
    if (o->care == KEY_BACKUP && !o->mountpoint)
        return usage(_("the backup's file is missing")) + 1;
    if (o->care && o->care != KEY_BACKUP && o->mountpoint)
        return usage(_("one word too many")) + 1;
    if (!o->mountpoint && !o->care)
        return usage(_("the mount point is missing")) + 1;
    return 0;
}

static void options_release(struct options *o)
{
    fuse_opt_free_args(&o->args);
    free(o->fuse.mountpoint);
    free(o->state);
    free(o->mountpoint);
    free(o->lang);
}

/* Makes a path absolute, because the daemon works in /. The state directory
 * need not exist yet. */
static char *absolute(const char *path)
{
    char cwd[PATH_MAX], *out = realpath(path, NULL);
    if (out)
        return out;
    if (path[0] == '/')
        out = strdup(path);
    else if (!getcwd(cwd, sizeof cwd) || asprintf(&out, "%s/%s", cwd, path) < 0)
        out = NULL;
    size_t n = out ? strlen(out) : 0;
    while (n > 1 && out[n - 1] == '/')
        out[--n] = 0;
    return out;
}

/* A state directory below the mount point is refused: the daemon would wait for
 * itself. */
static bool is_below(const char *path, const char *folder)
{
    size_t n = strlen(folder);
    return !strncmp(path, folder, n) && (!path[n] || path[n] == '/');
}

/* Resolves the path of the state directory except for its last name, so that a
 * state directory which is a link can still be recognised, and refused. */
static char *absolute_state(char *path)
{
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/')
        path[--n] = 0;
    char *name = strrchr(path, '/'), *out = NULL;
    name = name ? name + 1 : path;
    if (!*name || !strcmp(name, ".") || !strcmp(name, ".."))
        return absolute(path);
    char *folder = strndup(path, (size_t)(name - path));
    char *way = absolute(*folder ? folder : ".");
    if (way && asprintf(&out, "%s/%s", strcmp(way, "/") ? way : "", name) < 0)
        out = NULL;
    free(folder);
    free(way);
    return out;
}

static int options_resolve(struct options *o)
{
    char *state = absolute_state(o->state), *point = absolute(o->mountpoint);
    if (!state || !point)
        return -ENOMEM;
    free(o->state);
    free(o->mountpoint);
    o->state = state;
    o->mountpoint = point;
    if (is_below(state, point)) {
        fprintf(stderr,
                _("primofs: the state directory '%s' may not lie in the mount "
                  "point '%s'\n"),
                state, point);
        return -EINVAL;
    }
    char names[PATH_MAX + 64];
    snprintf(names, sizeof names, "-osubtype=primofs");
    fuse_opt_add_arg(&o->args, names);
    /* A comma or a backslash has a meaning within an option. */
    if (!strpbrk(state, ",\\")) {
        snprintf(names, sizeof names, "-ofsname=%s", state);
        fuse_opt_add_arg(&o->args, names);
    }
    return 0;
}

/* The daemon */

static int serve(struct fuse_session *session, const struct options *o)
{
    struct fuse_loop_config *config = fuse_loop_cfg_create();
    fuse_loop_cfg_set_clone_fd(config, o->fuse.clone_fd);
    if (o->fuse.max_idle_threads != UINT_MAX) /* it was set by -o */
        fuse_loop_cfg_set_idle_threads(config, o->fuse.max_idle_threads);
    /* More than the library's ten, if -o does not say how many: closes wait for
     * the disk together, and the rest goes on. */
    fuse_loop_cfg_set_max_threads(
        config, o->fuse.max_threads == 10 ? THREADS : o->fuse.max_threads);
    int err = o->fuse.singlethread ? fuse_session_loop(session)
                                   : fuse_session_loop_mt(session, config);
    fuse_loop_cfg_destroy(config);
    return err < 0 ? -err : 0; /* > 0 = it was ended by a signal */
}

/* This judges the options, too. */
static int session_make(struct options *o, struct mount *m, struct reason *why)
{
    m->session = fuse_session_new(&o->args, &primo_ops, sizeof primo_ops, m);
    return m->session ? 0
                      : refuse(why, EINVAL,
                               "the mount options are wrong; primofs "
                               "--help lists them");
}

static int session_mount(struct options *o, struct fuse_session *session,
                         struct reason *why)
{
    if (fuse_set_signal_handlers(session) == 0 &&
        fuse_session_mount(session, o->mountpoint) == 0)
        return 0;
    return refuse(why, EIO, "'%s' cannot be mounted", o->mountpoint);
}

/* Tells whoever waits for the mount that it is ready, "", or why it failed. */
static void tell(int fd, const char *sentence)
{
    if (fd < 0)
        return;
    ssize_t ignored = write(fd, sentence, strlen(sentence) + 1);
    (void)ignored;
    close(fd);
}

/* In the background there is no terminal; what libfuse prints is dropped. */
static void leave_terminal(void)
{
    int null = open("/dev/null", O_RDWR);
    if (chdir("/") == 0 && null >= 0) {
        dup2(null, 0);
        dup2(null, 1);
        dup2(null, 2);
    }
    if (null > 2)
        close(null);
}

static int run_session(struct options *o, struct mount *m, int ready,
                       struct reason *why)
{
    struct fuse_session *session = m->session;
    int err = session_mount(o, session, why);
    if (err)
        return err;
    m->answered = false;
    session_io_set(session);
    if (ready >= 0) {
        leave_terminal();
        service_log_to_syslog(o->mountpoint);
    }
    notices_start(&m->notices, &m->primo, &m->states, o->mountpoint);
    fuse_log(FUSE_LOG_INFO, "primofs: %s mounted at %s\n", o->state,
             o->mountpoint);
    damage_mounted();
    tell(ready, "");
    service_notify("READY=1"); /* requests now wait until the loop runs */
    int code = serve(session, o);
    service_notify("STOPPING=1");
    /* Blocked reads of `wait` are answered while the connection still exists.
     */
    waiters_end(&m->primo.waiters);
    room_close(&m->room);
    notices_stop(&m->notices);
    fuse_session_unmount(session);
    fuse_remove_signal_handlers(session);
    fuse_session_destroy(session);
    m->session = NULL;
    fuse_log(FUSE_LOG_INFO, "primofs: %s unmounted\n", o->mountpoint);
    return code ? refuse_errno(why, code, "the file system failed") : 0;
}

/* What would be refused is asked before the state directory is made. */
static int mountpoint_judge(const struct options *o, struct reason *why)
{
    int err = mountpoint_prepare(o->mountpoint, o->state, why);
    if (err == 0)
        err = mountpoint_check_rights(o->mountpoint, o->shared, why);
    if (err == 0 && mountpoint_hides(o->mountpoint))
        fprintf(stderr,
                _("primofs: '%s' is not empty: what is in it is hidden until "
                  "it is unmounted\n"),
                o->mountpoint);
    return err;
}

static int state_open(struct mount *m, const struct options *o,
                      struct reason *why)
{
    struct text other = TEXT_INIT;
    int err = o->read_only ? primo_open_view(&m->primo, o->state, why)
                           : primo_open(&m->primo, o->state, why);
    if (err == -EBUSY && mountpoint_of(o->state, &other))
        refuse(why, EBUSY, "%s, which is mounted at '%s'",
               strdupa(why->sentence), text_string(&other));
    text_release(&other);
    return err;
}

/* Runs the daemon, and returns the exit status. `ready` is the pipe to the
 * parent, -1 in the foreground. */
static int daemon_run(struct options *o, int ready)
{
    struct mount m;
    struct reason why = REASON_INIT;
    damage_watch(o->state, o->mountpoint, ready);
    m.session = NULL;
    int err = mountpoint_judge(o, &why);
    notices_init(&m.notices, o->mountpoint); /* forks, so no threads yet */
    if (err == 0)
        err = session_make(o, &m, &why);
    if (err == 0)
        err = state_open(&m, o, &why);
    if (err == 0) {
        states_init(&m.states);
        kept_names_init(&m.kept_names, &m.primo);
        room_init(&m.room);
        err = run_session(o, &m, ready, &why);
        primo_close(&m.primo);
        kept_names_release(&m.kept_names);
        states_release(&m.states);
    }
    notices_stop(&m.notices);
    if (m.session)
        fuse_session_destroy(m.session);
    if (err == 0)
        return EXIT_SUCCESS;
    if (ready >= 0) /* the parent prints it to standard error */
        service_log_to_syslog(o->mountpoint);
    fuse_log(FUSE_LOG_ERR, "primofs: %s\n", why.sentence);
    tell(ready, why.sentence);
    return EXIT_FAILURE;
}

/* In the parent: waits until the daemon is ready, then for the mount to answer.
 */
static int wait_ready(int fd, const struct options *o)
{
    char sentence[1100];
    size_t n = 0;
    ssize_t got;
    struct stat st;
    while (n < sizeof sentence - 1 &&
           (got = read(fd, sentence + n, sizeof sentence - 1 - n)) > 0)
        n += (size_t)got;
    sentence[n] = 0;
    close(fd);
    if (n == 0) {
        fprintf(stderr, _("primofs: the daemon died while starting\n"));
        return EXIT_FAILURE;
    }
    if (*sentence) {
        fprintf(stderr, "primofs: %s\n", sentence);
        return EXIT_FAILURE;
    }
    if (stat(o->mountpoint, &st)) {
        fprintf(stderr, _("primofs: '%s' does not answer: %s\n"), o->mountpoint,
                errno_text(errno));
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}

static int background_run(struct options *o)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC)) {
        perror("primofs: pipe");
        return EXIT_FAILURE;
    }
    pid_t pid = fork();
    if (pid < 0) {
        perror("primofs: fork");
        return EXIT_FAILURE;
    }
    if (pid > 0) {
        close(ends[1]);
        return wait_ready(ends[0], o);
    }
    close(ends[0]);
    setsid();
    return daemon_run(o, ends[1]);
}

/* Actions on a state directory instead of mounting it. */
static int care_for(struct options *o)
{
    struct reason why = REASON_INIT;
    char *state = absolute_state(o->state);
    if (!state)
        return EXIT_FAILURE;
    damage_watch(state, NULL, -1);
    int err = o->care == KEY_CHECK     ? check_state(state, &why)
              : o->care == KEY_SALVAGE ? salvage(state, &why)
                                       : backup(state, o->mountpoint, &why);
    free(state);
    if (err == 0)
        return EXIT_SUCCESS;
    fflush(stdout);
    fprintf(stderr, "primofs: %s\n", why.sentence);
    return EXIT_FAILURE;
}

/* Texts that are shown may have megabytes. The allocator would keep what was
 * freed of them, once for each thread: those that large it is to give back. */
static void large_texts_give_back(void)
{
    mallopt(M_MMAP_THRESHOLD, 1 << 20);
}

int main(int argc, char **argv)
{
    struct options o = {0};
    large_texts_give_back();
    /* The user of a training must be able to read what is put into the run
     * directory. What others must not read is in directories that are closed to
     * them. */
    umask(022);
    language_set(language_of_environment());
    int done = options_parse(&o, argc, argv);
    int status = done ? done - 1 : EXIT_FAILURE;
    if (!done && o.care) {
        status = care_for(&o);
    } else if (!done && options_resolve(&o) == 0) {
        bool foreground = o.fuse.foreground || o.fuse.debug;
        status = foreground ? daemon_run(&o, -1) : background_run(&o);
    }
    options_release(&o);
    return status;
}
