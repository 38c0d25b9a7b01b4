#include "trainer/far/far.h"

#include "core/basic/alloc.h"
#include "core/basic/clock.h"
#include "core/far/protocol.h"
#include "core/launch/launcher.h"
#include "core/system/directory.h"
#include "core/system/file.h"
#include "core/system/foreign.h"
#include "trainer/far/bases.h"
#include "trainer/far/command.h"
#include "trainer/far/copies.h"
#include "trainer/far/slurm.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

extern const struct launcher launcher_local;

/* What is kept between two requests. */
struct far {
    struct launch_sites sites; /* one: of runs/ID */
    struct launch_target target;
    int runs, bases, copies; /* descriptors of these folders */
    const char *copies_path;
    struct slurm_place slurm;
    struct run_job job;  /* the texts that came for the next start */
    struct text options; /* and the lines for Slurm */
    struct text request; /* what came behind the line */
    struct text said;    /* what goes behind that of the answer */
};

static const struct launcher *local_of(const struct far *f)
{
    return f->target.site->launcher;
}

static int run_dir(const struct far *f, uint64_t run, struct reason *why)
{
    char name[32];
    snprintf(name, sizeof name, "%" PRIu64, run);
    return foreign_directory(f->runs, name, why);
}

/* Says that somebody still asks for the run: its trainer looks at the time of
 * this file, and at the number in it (trainer/run/control.c). Once a minute is
 * enough. */
static void lease_renew(const struct far *f, uint64_t run)
{
    struct stat st;
    char text[32];
    int dir = run_dir(f, run, NULL);
    if (dir < 0)
        return;
    if (fstatat(dir, "lease", &st, AT_SYMLINK_NOFOLLOW) == 0) {
        if (time(NULL) - st.st_mtime > 60 || st.st_mtime > time(NULL))
            utimensat(dir, "lease", NULL, AT_SYMLINK_NOFOLLOW);
    } else {
        snprintf(text, sizeof text, "%d\n", FAR_LEASE);
        file_save(dir, "lease", text, strlen(text), NULL);
    }
    close(dir);
}

/* Calls act(dir, hard) for a run of Slurm's. Returns whether it is one. */
static bool slurm_does(const struct far *f, uint64_t run, bool hard, int *err,
                       struct reason *why)
{
    int dir = run_dir(f, run, NULL);
    bool has = dir >= 0 && slurm_has(dir);
    if (has)
        *err = slurm_cancel(dir, hard, why);
    if (dir >= 0)
        close(dir);
    return has;
}

/* 1 = the trainer lives, or will, 0 = it does not, or an error. *job is that of
 * Slurm, 0 = it has none. */
static int run_alive(const struct far *f, uint64_t run, uint64_t *job)
{
    int dir = run_dir(f, run, NULL);
    bool has = dir >= 0 && slurm_has(dir);
    *job = 0;
    int alive =
        has ? slurm_alive(dir, job) : local_of(f)->alive(&f->target, run);
    if (dir >= 0)
        close(dir);
    return alive;
}

/* Each verb has a function. It may set a and b of *out and add to f->said. */

/* The machine, in lines. */
static int far_facts(struct far *f, const struct far_line *in,
                     struct far_line *out, struct reason *why)
{
    struct machine_facts facts;
    (void)in;
    (void)out;
    (void)why;
    launch_sites_look(&f->sites);
    local_of(f)->facts(&f->target, &facts);
    text_printf(&f->said, "processor=%s\ncores=%d\nmemory=%" PRIu64 "\nload=",
                facts.processor, facts.cores, facts.memory);
    if (!isnan(facts.load))
        text_put_double(&f->said, facts.load, 6);
    text_puts(&f->said, "\n");
    return 0;
}

/* One of the texts of the next start. */
static int far_text(struct far *f, const struct far_line *in,
                    struct far_line *out, struct reason *why)
{
    struct text *to = !strcmp(in->name, "job")        ? &f->job.job
                      : !strcmp(in->name, "template") ? &f->job.template
                      : !strcmp(in->name, "type")     ? &f->job.type
                      : !strcmp(in->name, "slurm")    ? &f->options
                                                      : NULL;
    (void)out;
    if (!to)
        return refuse(why, EINVAL, "no text of a run is called '%s'", in->name);
    text_clear(to);
    text_add(to, f->request.data, f->request.size);
    return 0;
}

/* How much of the base NAME is here; b: all of it. */
static int far_have(struct far *f, const struct far_line *in,
                    struct far_line *out, struct reason *why)
{
    bool whole;
    (void)why;
    out->a = base_part(f->bases, in->name, &whole);
    out->b = whole;
    return 0;
}

/* More of the base NAME, from byte A on. */
static int far_put(struct far *f, const struct far_line *in,
                   struct far_line *out, struct reason *why)
{
    (void)out;
    return base_add(f->bases, in->name, in->a, &f->request, why);
}

/* All of the base NAME has come. */
static int far_keep(struct far *f, const struct far_line *in,
                    struct far_line *out, struct reason *why)
{
    (void)out;
    return base_keep(f->bases, in->name, why);
}

/* A folder for the copy NAME of a data set, for an rsync to fill. What is sent
 * back is its path. */
static int far_place(struct far *f, const struct far_line *in,
                     struct far_line *out, struct reason *why)
{
    static const char *const words[] = {"rsync", "--version", NULL};
    struct text version = TEXT_INIT;
    (void)out;
    int err = command_run(words, &version, NULL);
    text_release(&version);
    if (err)
        return refuse(why, ENOENT, "rsync is not installed there");
    err = copy_place(f->copies, in->name, why);
    if (err == 0)
        text_printf(&f->said, "%s/%s", f->copies_path, in->name);
    return err;
}

static void job_complete(struct far *f, const struct far_line *in)
{
    f->job.uid = geteuid();
    f->job.gid = getegid();
    f->job.base_dir = f->bases;
    snprintf(f->job.base, sizeof f->job.base, "%.60s", in->name);
}

/* Whether the job names hosts that are to train together. */
static bool job_leads(const struct run_job *job)
{
    struct settings s;
    settings_init(&s);
    bool leads = settings_parse(&s, text_string(&job->job), job->job.size,
                                SCOPE_JOB, "", NULL) == 0 &&
                 settings_number(&s, KEY_NODES) > 1 &&
                 *settings_get(&s, KEY_HOST);
    settings_release(&s);
    return leads;
}

/* Start the trainer of the run with the texts, and the base NAME. */
static int far_start(struct far *f, const struct far_line *in,
                     struct far_line *out, struct reason *why)
{
    (void)out;
    job_complete(f, in);
    f->job.serve = in->a;
    f->job.lead = !in->a && job_leads(&f->job);
    lease_renew(f, in->run); /* of a run that goes on: it may be over */
    int err = local_of(f)->start(&f->target, in->run, &f->job, why);
    if (err == 0)
        lease_renew(f, in->run);
    return err;
}

/* The same by Slurm, where the job A is known to be gone. B: it answers
 * requests. */
static int far_submit(struct far *f, const struct far_line *in,
                      struct far_line *out, struct reason *why)
{
    (void)out;
    job_complete(f, in);
    f->job.serve = in->b;
    lease_renew(f, in->run);
    int err =
        slurm_submit(&f->slurm, in->run, &f->job, &f->options, in->a, why);
    if (err == 0)
        lease_renew(f, in->run);
    return err;
}

/* The script that Slurm was given. */
static int far_script(struct far *f, const struct far_line *in,
                      struct far_line *out, struct reason *why)
{
    (void)out;
    int dir = run_dir(f, in->run, why);
    int err =
        dir < 0 ? dir : foreign_read(dir, "slurm.sh", FAR_BYTES, &f->said, why);
    if (dir >= 0)
        close(dir);
    return err;
}

/* Our jobs, in lines. */
static int far_queue(struct far *f, const struct far_line *in,
                     struct far_line *out, struct reason *why)
{
    (void)in;
    (void)out;
    return slurm_queue(&f->slurm, &f->said, why);
}

/* a: whether the trainer lives, or will. b: the number of its job. */
static int far_alive(struct far *f, const struct far_line *in,
                     struct far_line *out, struct reason *why)
{
    int alive = run_alive(f, in->run, &out->b);
    if (alive < 0)
        return refuse_errno(why, -alive, "the lock of the run");
    lease_renew(f, in->run);
    out->a = (uint64_t)alive;
    return 0;
}

/* The journal's segment A from byte B on. */
static int far_follow(struct far *f, const struct far_line *in,
                      struct far_line *out, struct reason *why)
{
    (void)out;
    int err = local_of(f)->follow(&f->target, in->run, in->a, in->b, &f->said);
    return err ? refuse_errno(why, -err, "the journal") : 0;
}

/* More for the file NAME of the run, which only grows. */
static int far_tell(struct far *f, const struct far_line *in,
                    struct far_line *out, struct reason *why)
{
    (void)out;
    return local_of(f)->tell(&f->target, in->run, in->name, &f->request, why);
}

/* The file NAME of the run from byte A on; from 0 on it is a new one. */
static int far_fill(struct far *f, const struct far_line *in,
                    struct far_line *out, struct reason *why)
{
    struct stat st;
    (void)out;
    int dir = run_dir(f, in->run, why);
    int fd = dir < 0 ? dir
             : in->a ? foreign_append(dir, in->name, why)
                     : foreign_renew(dir, in->name, why);
    if (dir >= 0)
        close(dir);
    if (fd < 0)
        return fd;
    int err =
        fstat(fd, &st) ? -errno
        : (uint64_t)st.st_size != in->a
            ? -EINVAL
            : descriptor_write_at(fd, f->request.data, f->request.size, in->a);
    close(fd);
    return err ? refuse_errno(why, -err, "cannot write '%s'", in->name) : 0;
}

/* What was kept like a base, under the name that the bytes say, becomes the
 * file NAME of the run. */
static int far_link(struct far *f, const struct far_line *in,
                    struct far_line *out, struct reason *why)
{
    char kept[FAR_BASE_DIGITS + 1];
    (void)out;
    snprintf(kept, sizeof kept, "%s", text_string(&f->request));
    if (kept[strspn(kept, "0123456789abcdef")])
        return refuse(why, EINVAL, "nothing can be kept as '%s'", kept);
    return local_of(f)->give(&f->target, in->run, f->bases, kept, in->name,
                             false, why);
}

/* The artifact NAME from byte A on. a: its size, b: when it was written. */
static int far_read(struct far *f, const struct far_line *in,
                    struct far_line *out, struct reason *why)
{
    char path[100];
    struct stat st;
    snprintf(path, sizeof path, "artifacts/%s", in->name);
    int dir = run_dir(f, in->run, why);
    if (dir < 0)
        return dir;
    int fd = foreign_open(dir, path, why);
    close(dir);
    if (fd < 0)
        return fd;
    text_resize(&f->said, FAR_BYTES);
    ssize_t n = pread(fd, f->said.data, FAR_BYTES, (off_t)in->a);
    int code = n < 0 || fstat(fd, &st) ? errno : 0;
    close(fd);
    text_resize(&f->said, n > 0 ? (size_t)n : 0);
    if (code)
        return refuse_errno(why, code, "cannot read '%s'", in->name);
    out->a = (uint64_t)st.st_size;
    out->b = (uint64_t)timespec_ns(st.st_mtim);
    return 0;
}

static int far_stop(struct far *f, const struct far_line *in,
                    struct far_line *out, struct reason *why)
{
    (void)out;
    int err = local_of(f)->stop(&f->target, in->run, why);
    if (err == 0)
        slurm_does(f, in->run, false, &err, why);
    return err;
}

static int far_kill(struct far *f, const struct far_line *in,
                    struct far_line *out, struct reason *why)
{
    int err = 0;
    (void)out;
    if (!slurm_does(f, in->run, true, &err, why))
        local_of(f)->kill(&f->target, in->run);
    return err;
}

/* A line of Slurm's state and job, empty where it has none, and then what the
 * trainer said last. */
static int far_words(struct far *f, const struct far_line *in,
                     struct far_line *out, struct reason *why)
{
    (void)out;
    (void)why;
    int dir = run_dir(f, in->run, NULL);
    if (dir >= 0 && slurm_has(dir))
        slurm_state(dir, &f->said);
    if (dir >= 0)
        close(dir);
    text_puts(&f->said, "\n");
    local_of(f)->last_words(&f->target, in->run, &f->said);
    return 0;
}

/* Whether a name is that of a run, or of its lock, which goes last. */
static bool run_read(const char *name, uint64_t *run)
{
    char *end;
    *run = strtoull(name, &end, 10);
    return *run && (!*end || !strcmp(end, ".lock"));
}

/* The numbers of all runs that are here, a line each, with `alive` behind those
 * whose trainer is. */
static int far_list(struct far *f, const struct far_line *in,
                    struct far_line *out, struct reason *why)
{
    DIR *dir = directory_list(f->runs, ".");
    struct dirent *e;
    uint64_t run, job;
    (void)in;
    (void)out;
    if (!dir)
        return refuse_errno(why, errno, "cannot list the runs");
    while ((e = readdir(dir)) && f->said.size < FAR_BYTES - 300)
        if (run_read(e->d_name, &run))
            text_printf(&f->said, "%" PRIu64 "%s\n", run,
                        run_alive(f, run, &job) > 0 ? " alive" : "");
    closedir(dir);
    return 0;
}

static int only_this(void *context, uint64_t run)
{
    return run != *(const uint64_t *)context;
}

static int no_rescue(void *context, uint64_t run)
{
    (void)context;
    (void)run;
    return 0;
}

static void no_word(void *context, uint64_t run)
{
    (void)context;
    (void)run;
}

/* End the trainer of the run and remove its directory. a: ask again. */
static int far_drop(struct far *f, const struct far_line *in,
                    struct far_line *out, struct reason *why)
{
    uint64_t run = in->run, job;
    int err = 0;
    if (slurm_does(f, run, true, &err, why) && run_alive(f, run, &job) > 0) {
        sleep(1); /* Slurm ends it; ask again */
        out->a = 1;
        return 0;
    }
    const struct launch_sweep sweep = {.needed = only_this,
                                       .rescue = no_rescue,
                                       .dropped = no_word,
                                       .context = &run};
    int left = local_of(f)->sweep(f->target.site, &sweep);
    if (left < 0)
        return refuse_errno(why, -left, "cannot remove the run");
    bases_tidy(f->bases);
    copies_tidy(f->copies, f->runs);
    out->a = (uint64_t)left;
    return 0;
}

typedef int far_fn(struct far *f, const struct far_line *in,
                   struct far_line *out, struct reason *why);

static far_fn *const answers[FAR_VERB_COUNT] = {
#define FAR_ANSWER(name) [FAR_##name] = far_##name,
    FAR_VERBS(FAR_ANSWER)
#undef FAR_ANSWER
};

/* The conversation */

static bool write_all(const struct text *t)
{
    for (size_t at = 0; at < t->size;) {
        ssize_t n = write(1, t->data + at, t->size - at);
        if (n < 0)
            return false;
        at += (size_t)n;
    }
    return true;
}

/* Byte by byte: what follows belongs to others. */
static bool line_read(char *line)
{
    size_t n = 0;
    while (n < FAR_LINE && read(0, line + n, 1) == 1)
        if (line[n++] == '\n') {
            line[n - 1] = 0;
            return true;
        }
    return false;
}

static bool bytes_read(struct text *out, size_t size)
{
    text_resize(out, size);
    for (size_t at = 0; at < size;) {
        ssize_t n = read(0, out->data + at, size - at);
        if (n <= 0)
            return false;
        at += (size_t)n;
    }
    return true;
}

static bool answer(struct far *f, const struct far_line *in)
{
    struct reason why = REASON_INIT;
    struct far_line out = {0};
    struct text line = TEXT_INIT;
    text_clear(&f->said);
    int err = answers[in->verb](f, in, &out, &why);
    if (err) {
        out = (struct far_line){.code = -err};
        text_clear(&f->said);
        text_puts(&f->said, why.sentence);
    }
    out.size = f->said.size;
    far_answer_print(&line, &out);
    text_add(&line, f->said.data, f->said.size);
    bool sent = write_all(&line);
    text_release(&line);
    return sent;
}

static void converse(struct far *f)
{
    char line[FAR_LINE + 1];
    struct far_line in;
    while (line_read(line) && far_request_parse(line, &in) &&
           bytes_read(&f->request, in.size) && answer(f, &in))
        ;
}

/* DIRECTORY/NAME, made where it is not there. */
static int folder_open(const char *path, struct reason *why)
{
    if (mkdir(path, 0700) && errno != EEXIST)
        return refuse_errno(why, errno, "cannot make '%s'", path);
    return directory_open(path, why);
}

static bool hello(void)
{
    struct text line = TEXT_INIT;
    text_puts(&line, FAR_HELLO PRIMO_VERSION "\n");
    bool sent = write_all(&line);
    text_release(&line);
    return sent;
}

/* The paths of the folders below that of the machine. */
struct folders {
    char *all, *runs, *bases, *sets, *copies;
};

static int folders_open(struct far *f, const struct folders *at,
                        struct reason *why)
{
    int all = folder_open(at->all, why);
    int sets = all < 0 ? all : folder_open(at->sets, why);
    f->runs = sets < 0 ? sets : folder_open(at->runs, why);
    f->bases = f->runs < 0 ? f->runs : folder_open(at->bases, why);
    f->copies = f->bases < 0 ? f->bases : folder_open(at->copies, why);
    f->copies_path = at->copies;
    if (all >= 0)
        close(all);
    if (sets >= 0)
        close(sets);
    return f->copies < 0 ? f->copies : 0;
}

static void folders_free(struct folders *at)
{
    free(at->all);
    free(at->runs);
    free(at->bases);
    free(at->sets);
    free(at->copies);
}

int far_main(int count, char **words)
{
    struct reason why = REASON_INIT;
    struct far f = {0};
    if (count != 3 || words[0][0] != '/' || !*words[1] ||
        words[1][strspn(words[1], "0123456789abcdef")])
        return 2;
    signal(SIGPIPE, SIG_IGN);
    struct folders at = {.all = xstrfmt("%s/runs", words[0]),
                         .bases = xstrfmt("%s/bases", words[0]),
                         .sets = xstrfmt("%s/datasets", words[0])};
    at.runs = xstrfmt("%s/%s", at.all, words[1]);
    at.copies = xstrfmt("%s/%s", at.sets, words[1]);
    int err = folders_open(&f, &at, &why);
    if (err == 0 && hello()) {
        launch_sites_add(&f.sites, &launcher_local, at.runs, words[2]);
        f.target.site = f.sites.list;
        f.slurm = (struct slurm_place){
            .runs = at.runs, .id = words[1], .program = words[2]};
        converse(&f);
        /* What a run that goes on needs has been asked for by now. */
        copies_tidy(f.copies, f.runs);
        launch_sites_close(&f.sites);
    } else if (err) {
        fprintf(stderr, "primo-train: %s\n", why.sentence);
    }
    folders_free(&at);
    return err < 0;
}
