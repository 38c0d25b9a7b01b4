#include "core/state/home.h"

#include "core/basic/language.h"
#include "core/system/directory.h"
#include "core/system/file.h"
#include "core/system/own.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum { IDENTITY_BYTES = 16, IDENTITY_SIZE = 2 * IDENTITY_BYTES + 1 };

/* Life cycle */

static int opened(int *out, int fd)
{
    if (fd >= 0)
        *out = fd;
    return fd < 0 ? fd : 0;
}

int home_open(struct primo *primo, struct reason *why)
{
    return opened(&primo->state_dir,
                  directory_own_top(primo->state, true, why));
}

int home_open_view(struct primo *primo, struct reason *why)
{
    return opened(&primo->state_dir,
                  directory_own_top(primo->state, false, why));
}

/* Run directories belong to the users of the runs, and what is in them becomes
 * a model: nobody but the trainers, who are put into them, may get there. Older
 * versions let users pass. */
static int runs_close(struct primo *primo, struct reason *why)
{
    struct stat st;
    if (fstat(primo->runs_dir, &st) ||
        ((st.st_mode & 077) && fchmod(primo->runs_dir, 0700)))
        return refuse_errno(why, errno, "cannot close 'runs' to others");
    return 0;
}

int home_fill(struct primo *primo, struct reason *why)
{
    const struct {
        const char *name;
        int *fd;
    } folders[] = {{"models", &primo->models_dir},
                   {"bases", &primo->bases_dir},
                   {"runs", &primo->runs_dir},
                   {"spool", &primo->spool_dir},
                   {"lost", &primo->lost_dir}};
    int err = 0;
    for (size_t i = 0; i < sizeof folders / sizeof *folders && err == 0; i++) {
        err = opened(folders[i].fd, directory_own_make(primo->state_dir,
                                                       folders[i].name, why));
        if (err)
            reason_prefix(why, "%s: ", primo->state);
    }
    return err ? err : runs_close(primo, why);
}

int home_open_folders(struct primo *primo, struct reason *why)
{
    int err = opened(&primo->models_dir,
                     directory_seen(primo->state_dir, "models", why));
    if (err == 0 || err == -ENOENT)
        err = opened(&primo->bases_dir,
                     directory_seen(primo->state_dir, "bases", why));
    if (err == 0 || err == -ENOENT)
        err = opened(&primo->spool_dir,
                     directory_seen(primo->state_dir, "spool", why));
    return err == -ENOENT ? 0 : err;
}

void home_close(struct primo *primo)
{
    int *all[] = {&primo->models_dir, &primo->bases_dir, &primo->runs_dir,
                  &primo->spool_dir,  &primo->lost_dir,  &primo->state_dir};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (*all[i] >= 0)
            close(*all[i]);
        *all[i] = -1;
    }
}

/* Bare? */

/* Whether a folder is there and has something in it, or -errno. */
static int is_filled(int state, const char *name, struct reason *why)
{
    DIR *dir = directory_list(state, name);
    struct dirent *e;
    int found = 0;
    if (!dir)
        return errno == ENOENT
                   ? 0
                   : refuse_errno(why, errno, "cannot open the directory '%s'",
                                  name);
    while (!found && (e = readdir(dir)))
        found = strcmp(e->d_name, ".") && strcmp(e->d_name, "..");
    closedir(dir);
    return found;
}

int home_is_bare(struct primo *primo, const char **what, struct reason *why)
{
    static const char *const folders[] = {"models", "bases", "runs",
                                          "spool",  "lost",  "copies"};
    int filled = 0;
    for (size_t i = 0; i < sizeof folders / sizeof *folders && !filled; i++) {
        filled = is_filled(primo->state_dir, folders[i], why);
        *what = folders[i];
    }
    if (filled)
        return filled < 0 ? filled : 0;
    *what = "identity";
    if (faccessat(primo->state_dir, *what, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        return 0;
    return errno == ENOENT
               ? 1
               : refuse_errno(why, errno, "cannot look at '%s'", *what);
}

int home_refuse_bare(struct primo *primo, const char *what, struct reason *why)
{
    return refuse(why, EINVAL,
                  "the database of the state directory '%s' is missing or "
                  "empty, though '%s' in it is not; nothing was changed. Put "
                  "back its db/, or make one with 'primofs --salvage %s', or, "
                  "to begin anew, mount another directory",
                  primo->state, what, primo->state);
}

/* Identity */

static int identity_make(char out[IDENTITY_SIZE], struct reason *why)
{
    unsigned char bytes[IDENTITY_BYTES];
    if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
        return refuse_errno(why, errno, "no random numbers");
    for (int i = 0; i < IDENTITY_BYTES; i++)
        sprintf(out + 2 * i, "%02x", bytes[i]);
    return 0;
}

/* Reads the identity from the file; "" where there is no file. */
static int identity_read(struct primo *primo, char out[IDENTITY_SIZE],
                         struct reason *why)
{
    *out = 0;
    int fd = file_open(primo->state_dir, "identity", NULL);
    if (fd == -ENOENT)
        return 0;
    if (fd < 0)
        return refuse_errno(why, -fd, "cannot open '%s/identity'",
                            primo->state);
    int err = file_own_check(fd, "identity", why);
    ssize_t n = err ? 0 : read(fd, out, IDENTITY_SIZE - 1);
    int code = errno;
    close(fd);
    if (err)
        return err;
    if (n < 0)
        return refuse_errno(why, code, "cannot read '%s/identity'",
                            primo->state);
    out[n] = 0;
    out[strcspn(out, "\n")] = 0;
    if (!*out)
        strcpy(out, "?"); /* the file is there, but empty: that must not look
                             like no identity */
    return 0;
}

static int identity_write(struct primo *primo, const char *identity,
                          struct reason *why)
{
    char line[IDENTITY_SIZE + 1];
    snprintf(line, sizeof line, "%s\n", identity);
    int err = file_save(primo->state_dir, "identity", line, strlen(line), why);
    return err;
}

static struct store_key identity_key(void)
{
    struct store_key key = {0};
    key_bytes(&key, "identity", 8);
    return key;
}

/* Reads the identity from the store; "" where it has none. */
static int identity_get(struct store_txn *txn, char out[IDENTITY_SIZE],
                        struct reason *why)
{
    struct store_key key = identity_key();
    struct store_view v;
    int err = store_get(txn, STORE_META, &key, &v);
    *out = 0;
    if (err == -ENOENT)
        return 0;
    if (err || v.size >= IDENTITY_SIZE)
        return refuse(why, EIO, "the state database cannot be read");
    memcpy(out, v.data, v.size);
    out[v.size] = 0;
    return 0;
}

static int identity_put(struct primo *primo, const char *identity,
                        struct reason *why)
{
    struct store_key key = identity_key();
    struct store_txn *txn;
    int err = store_begin(primo->store, true, &txn, why);
    if (err)
        return err;
    err = store_put(txn, STORE_META, &key, identity, strlen(identity), why);
    return store_end(txn, err, why);
}

static int refuse_other(struct primo *primo, const char *in_store,
                        const char *in_file, struct reason *why)
{
    return refuse(why, EINVAL,
                  "the database in '%s' is not the one of this state directory "
                  "(its identity is %s, that of the directory %s); nothing was "
                  "changed. Put back the right db/, or, where this is it, "
                  "remove '%s/identity'",
                  primo->state, *in_store ? in_store : _("none"), in_file,
                  primo->state);
}

int home_identify(struct primo *primo, struct reason *why)
{
    char in_store[IDENTITY_SIZE], in_file[IDENTITY_SIZE];
    struct store_txn *txn;
    int err = identity_read(primo, in_file, why);
    if (err == 0)
        err = store_begin(primo->store, false, &txn, why);
    if (err)
        return err;
    err = identity_get(txn, in_store, why);
    store_abort(txn);
    if (err)
        return err;
    if (*in_file && strcmp(in_store, in_file))
        return refuse_other(primo, in_store, in_file, why);
    if (!*in_store) { /* neither has one: the directory is new, or an older
                         version made it */
        err = identity_make(in_store, why);
        if (err == 0)
            err = identity_put(primo, in_store, why);
    }
    return err || *in_file ? err : identity_write(primo, in_store, why);
}
