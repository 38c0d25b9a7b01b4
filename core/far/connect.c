#include "core/far/link_inside.h"

#include "core/basic/alloc.h"
#include "core/basic/language.h"
#include "core/far/quote.h"
#include "core/system/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

enum {
    ANSWER = 1024,
    NOISE_LINES = 500,
    GREETING_SECONDS = 10, /* to log in, whatever login scripts do */
    /* Seconds in which a busy host sums up a file and starts a program. That
     * the host is there, ssh sees to meanwhile. */
    COPY_PATIENCE = 40,
};

/* What ssh gives to the login shell, whichever that is: it reads the script as
 * one line and goes on with it. Nothing here must mean something else to csh or
 * fish. */
static const char command[] = "exec sh -c 'IFS= read -r l; eval \"$l\"'";

/* The script, plain sh for coreutils: it says that it is there, reads where to
 * work, makes the folders, takes the files of the bundle that are not there or
 * are not what they should be, each from where it was cut last time, and ends
 * as primo-train. It says a line at a time: `fail STEP words`, `machine S M`,
 * `have`, `want OFFSET`, `ok`. What it begins with is in greet(). */
static const char script[] =
    "fail() { echo \"fail $1 $2\"; exit 1; }; "
    "read -r d; read -r i; read -r k; read -r v; read -r t; "
    "case $d in \"~\") d=$HOME;; \"~/\"*) d=$HOME/${d#??};; esac; "
    "p=$d/trainers/$v; "
    "m=$(mkdir -p \"$p/loader\" 2>&1) || fail directory \"$m\"; "
    "m=$( { : >\"$d/.try\"; } 2>&1 ) || fail directory \"$m\"; "
    "rm -f \"$d/.try\"; "
    "if [ \"$t\" = auto ]; then echo \"machine $(uname -sm)\"; "
    "while read -r h s n && [ \"$h\" != end ]; do f=$p/$n; g=$f.$k.part; "
    "if [ -f \"$f\" ] && c=$(sha256sum <\"$f\") && "
    "[ \"${c%% *}\" = \"$h\" ]; then echo have; continue; fi; "
    "o=0; if [ -f \"$g\" ]; then o=$(wc -c <\"$g\"); fi; o=$((o)); "
    "if [ $o -gt $s ]; then rm -f \"$g\"; o=0; fi; echo \"want $o\"; "
    "m=$( { head -c $((s-o)) >>\"$g\"; } 2>&1 ) || fail copy \"$m\"; "
    "c=$(sha256sum <\"$g\"); "
    "if [ \"${c%% *}\" = \"$h\" ]; then chmod 700 \"$g\"; "
    "mv -f \"$g\" \"$f\"; echo ok; "
    "else rm -f \"$g\"; fail copy \"$n was damaged on its way\"; fi; done; "
    "t=$p/primo-train; fi; "
    "[ -x \"$t\" ] || fail trainer \"$t is not there, or no program\"; "
    "cd \"$d\"; exec \"$t\" --far \"$d\" \"$i\" \"$t\"\n";

/* One attempt. */
struct attempt {
    struct link *l;
    struct wire *w;
    const char *step;
    char line[ANSWER]; /* the last line that was read */
};

/* Puts a path as one word for a shell, with quotes where it needs them. A ~ in
 * front stays what it is. */
static void put_path(struct text *out, const char *path)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyz0123456789"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ~/._-+,:=@%";
    size_t home = strncmp(path, "~/", 2) ? 0 : 2;
    if (!path[strspn(path, plain)]) {
        text_puts(out, path);
        return;
    }
    text_add(out, path, home);
    put_quoted(out, path + home);
}

/* What somebody can try by hand who wants to know more. */
static void put_hand(const struct attempt *a, struct text *out)
{
    const struct link *l = a->l;
    struct text there = TEXT_INIT;
    if (!strcmp(a->step, "connect")) {
        put_try(l, out);
        return;
    }
    if (strcmp(a->step, "trainer")) {
        text_puts(&there, "mkdir -p ");
        put_path(&there, l->directory);
        text_puts(&there, " && df -h ");
        put_path(&there, l->directory);
    } else if (strcmp(l->trainer, "auto")) {
        put_path(&there, l->trainer);
        text_puts(&there, " --version");
    } else {
        text_puts(&there, "uname -sm; ldd --version");
    }
    if (*l->host) {
        text_printf(out, "ssh %s ", l->host);
        put_quoted(out, text_string(&there));
    } else {
        text_puts(out, text_string(&there));
    }
    text_release(&there);
}

static int fail(const struct attempt *a, const char *words, struct reason *why)
{
    struct text hand = TEXT_INIT;
    put_hand(a, &hand);
    int err = refuse(why, EHOSTUNREACH,
                     "host '%s', step '%s': %.300s; to try by hand: %.300s",
                     link_name(a->l), a->step, words, text_string(&hand));
    text_release(&hand);
    return err;
}

/* The conversation has ended, or does not go on. What ssh said last is why; or
 * else what the host said, as accounts do that are closed. */
static int fail_broken(const struct attempt *a, int err, struct reason *why)
{
    struct text words = TEXT_INIT;
    wire_words(a->w, &words);
    if (!words.size)
        text_put_printable(&words, a->line, strlen(a->line));
    if (err == -ETIMEDOUT)
        text_printf(&words, "%s%s", words.size ? "; " : "",
                    _("no answer in time"));
    else if (!words.size)
        text_puts(&words, _("the connection was closed"));
    err = fail(a, text_string(&words), why);
    text_release(&words);
    return err;
}

/* Reads a line. One that begins with `fail` names the step itself. */
static int line_read(struct attempt *a, struct reason *why)
{
    static const char *const said[] = {"directory", "copy", "trainer"};
    char line[ANSWER];
    int err = wire_line(a->w, line, sizeof line);
    if (err)
        return fail_broken(a, err, why);
    strcpy(a->line, line);
    if (strncmp(line, "fail ", 5))
        return 0;
    for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
        size_t n = strlen(said[i]);
        if (!strncmp(line + 5, said[i], n) && line[5 + n] == ' ') {
            a->step = said[i];
            make_printable(line);
            return fail(a, line + 6 + n, why);
        }
    }
    return fail(a, _("an answer that makes no sense"), why);
}

static int say(struct attempt *a, const struct text *t, struct reason *why)
{
    int err = wire_send(a->w, t->data, t->size);
    return err ? fail_broken(a, err, why) : 0;
}

/* Sends a line of a script, and reads over what login scripts print until its
 * word is heard. */
static int greet(struct attempt *a, const char *line, struct reason *why)
{
    uint64_t number = 0;
    char word[40], wanted[60];
    struct text t = TEXT_INIT;
    if (getrandom(&number, sizeof number, 0) < 0)
        number = (uint64_t)getpid();
    snprintf(word, sizeof word, "%016" PRIx64, number);
    snprintf(wanted, sizeof wanted, "primo %s", word);
    text_printf(&t,
                "LC_ALL=C; export LC_ALL; IFS=\" \"; umask 077; echo; "
                "echo \"primo %s\"; %s",
                word, line);
    wire_expect(a->w, GREETING_SECONDS, 0);
    int err = say(a, &t, why);
    text_release(&t);
    for (int i = 0; err == 0 && i < NOISE_LINES; i++) {
        err = line_read(a, why);
        if (err == 0 && !strcmp(a->line, wanted))
            return 0;
    }
    return err ? err : fail(a, _("an answer that makes no sense"), why);
}

/* Sends the rest of a file. The far side says something only where it has had
 * enough of it. */
static int rest_send(struct attempt *a, const struct bundle_file *f,
                     uint64_t at, struct reason *why)
{
    char bytes[1 << 16];
    int err = 0;
    if (!f->path)
        return at > f->size ? 0
                            : wire_send_while_silent(a->w, bundle_script + at,
                                                     f->size - at);
    int fd = file_open(AT_FDCWD, f->path, why);
    if (fd < 0)
        return fd;
    while (at < f->size && err == 0) {
        uint64_t left = f->size - at;
        ssize_t n = pread(fd, bytes, left < sizeof bytes ? left : sizeof bytes,
                          (off_t)at);
        if (n <= 0) /* it has changed: the sum will say so */
            break;
        at += (uint64_t)n;
        err = wire_send_while_silent(a->w, bytes, (size_t)n);
    }
    close(fd);
    return err == -EINTR ? 0 : err;
}

static int file_copy_there(struct attempt *a, const struct bundle_file *f,
                           struct reason *why)
{
    struct text t = TEXT_INIT;
    long long at = 0;
    text_printf(&t, "%s %" PRIu64 " %s\n", f->sum, f->size, f->name);
    wire_expect(a->w, COPY_PATIENCE, f->size);
    int err = say(a, &t, why);
    text_release(&t);
    if (err == 0)
        err = line_read(a, why);
    if (err || !strcmp(a->line, "have"))
        return err;
    if (strncmp(a->line, "want ", 5) || !parse_int(a->line + 5, &at) ||
        at < 0 || (uint64_t)at > f->size)
        return fail(a, _("an answer that makes no sense"), why);
    err = rest_send(a, f, (uint64_t)at, why);
    /* Where nothing can be sent any more, a line may say why. */
    int read = line_read(a, why);
    if (read)
        return read;
    return err || strcmp(a->line, "ok")
               ? fail(a, _("an answer that makes no sense"), why)
               : 0;
}

static int bundle_send(struct attempt *a, const struct bundle *b,
                       struct reason *why)
{
    struct text end = TEXT_INIT;
    char words[300];
    int err = line_read(a, why);
    a->step = "trainer";
    if (err == 0 &&
        (strncmp(a->line, "machine ", 8) || strcmp(a->line + 8, b->machine))) {
        make_printable(a->line);
        snprintf(words, sizeof words,
                 _("it says '%.100s', and our primo-train is for '%.100s': "
                   "name one that is there in the machine's line trainer"),
                 a->line, b->machine);
        err = fail(a, words, why);
    }
    a->step = "copy";
    for (int i = 0; i < b->count && err == 0; i++)
        err = file_copy_there(a, &b->file[i], why);
    text_puts(&end, "end\n");
    if (err == 0)
        err = say(a, &end, why);
    text_release(&end);
    return err;
}

static int id_make(const char *path, struct text *out, struct reason *why)
{
    uint8_t id[FAR_ID];
    text_clear(out);
    if (getrandom(id, sizeof id, 0) != sizeof id)
        return refuse_errno(why, EAGAIN, "cannot write '%s'", path);
    for (int i = 0; i < FAR_ID; i++)
        text_printf(out, "%02x", id[i]);
    return file_save(AT_FDCWD, path, out->data, out->size, why);
}

/* The name of the state directory, so that two that use one folder of a host
 * have their own runs: sixteen random bytes in a file beside the runs. One that
 * is there and cannot be read now is never replaced: all runs would be lost. */
static int id_read(const char *runs, char out[2 * FAR_ID + 1],
                   struct reason *why)
{
    struct text t = TEXT_INIT;
    char *path = xstrfmt("%s/elsewhere", runs);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    int err = fd < 0 ? -errno : descriptor_read(fd, 100, &t);
    if (fd >= 0)
        close(fd);
    if (err == -ENOENT || (err == 0 && t.size != 2 * FAR_ID))
        err = id_make(path, &t, why);
    else if (err)
        refuse_errno(why, -err, "cannot read '%s'", path);
    snprintf(out, 2 * FAR_ID + 1, "%s", text_string(&t));
    text_release(&t);
    free(path);
    return err;
}

/* Says where to work. What is half copied bears the name of who copies it: the
 * state directory and the host, because two machines may be one host. */
static int place_say(struct attempt *a, struct reason *why)
{
    const struct link *l = a->l;
    struct text t = TEXT_INIT;
    char id[2 * FAR_ID + 1];
    int err = 0;
    pthread_mutex_lock(&l->set->bundling); /* the first one makes it */
    if (*l->set->id)
        strcpy(id, l->set->id);
    else
        err = id_read(l->set->site->runs, id, why);
    pthread_mutex_unlock(&l->set->bundling);
    struct text host = {.data = l->host, .size = strlen(l->host)};
    text_printf(&t, "%s\n%s\n%.8s%016" PRIx64 "\n%s\n%s\n", l->directory, id,
                id, text_print(&host),
                *l->bundle.name ? l->bundle.name : "none", l->trainer);
    if (err == 0)
        err = say(a, &t, why);
    text_release(&t);
    return err;
}

/* primo-train speaks at last. One of another version would not understand all
 * that it is asked. */
static int trainer_hear(struct attempt *a, struct reason *why)
{
    char words[200];
    size_t n = strlen(FAR_HELLO);
    wire_expect(a->w, COPY_PATIENCE, 0);
    a->step = "trainer";
    *a->line = 0;
    int err = line_read(a, why);
    if (err)
        return err;
    if (strncmp(a->line, FAR_HELLO, n))
        return fail(a, _("an answer that makes no sense"), why);
    if (!strcmp(a->line + n, PRIMO_VERSION))
        return 0;
    make_printable(a->line);
    snprintf(words, sizeof words, _("it is version %.40s there, and %s here"),
             a->line + n, PRIMO_VERSION);
    return fail(a, words, why);
}

/* Takes the bundle of this host's program. It is made for the first link that
 * wants it: reading fifty megabytes for each of them at once takes long. */
static int bundle_take(struct link *l, struct reason *why)
{
    struct link_set *set = l->set;
    pthread_mutex_lock(&set->bundling);
    int err = bundle_make(&set->bundle, set->site->trainer, why);
    if (err == 0)
        bundle_copy(&l->bundle, &set->bundle);
    pthread_mutex_unlock(&set->bundling);
    return err ? reason_prefix(why, "host '%s', step '%s': ", link_name(l),
                               "copy")
               : 0;
}

static int converse(struct attempt *a, struct reason *why)
{
    bool copied = !strcmp(a->l->trainer, "auto");
    int err = greet(a, script, why);
    if (err == 0 && copied)
        err = bundle_take(a->l, why);
    a->step = "directory";
    wire_expect(a->w, COPY_PATIENCE, 0);
    if (err == 0)
        err = place_say(a, why);
    if (err == 0 && copied)
        err = bundle_send(a, &a->l->bundle, why);
    return err ? err : trainer_hear(a, why);
}

int link_connect(struct link *l, struct wire *w, struct reason *why)
{
    struct attempt a = {.l = l, .w = w, .step = "connect"};
    if (!*l->host && !link_may_be_here(l))
        return refuse(why, EHOSTUNREACH,
                      "the machine has no host; it needs a line 'host = NAME'");
    int err = wire_open(w, l->host, command, why);
    if (err == 0)
        err = converse(&a, why);
    if (err)
        wire_close(w);
    return err;
}

int link_run_there(struct link *l, struct wire *w, const char *line,
                   struct reason *why)
{
    struct attempt a = {.l = l, .w = w, .step = "connect"};
    int err = wire_open(w, l->host, command, why);
    if (err == 0)
        err = greet(&a, line, why);
    if (err)
        wire_close(w);
    return err;
}
