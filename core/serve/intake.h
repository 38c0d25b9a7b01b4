/*
 * Intake: what happens to the files in inference/NAME/in/. A file that its last
 * writer has closed, or that was renamed onto its name, is a request: a new
 * revision, which is durable and waits for an answer when these functions
 * return. Closes of many users share a transaction (core/state/commit.h).
 *
 * Who may do it was asked before. Any thread; not within a transaction.
 */
#ifndef PRIMO_INTAKE_H
#define PRIMO_INTAKE_H

#include "core/inbox/request.h"
#include "core/state/primo.h"

/* A new file, in memory until it is closed. EINVAL (the name), EEXIST, EBUSY
 * (the service takes no requests). */
int intake_create(struct primo *primo, const struct caller *caller,
                  uint64_t service, const char *name, uint32_t mode,
                  uint64_t *request, struct reason *why);

/* Whether what is in a file makes it a request of this name: EINVAL where it is
 * no picture, or has another extension. `head` are its first bytes. *code (may
 * be NULL) is set to the word for programs. */
int intake_judge(struct primo *primo, uint64_t service, const char *name,
                 const void *head, size_t size, const char **code,
                 struct reason *why);

struct closing {
    struct primo *primo;
    uint64_t request;
    uint64_t body; /* the new bytes (core/inbox/spool.h) */
    bool wrote;    /* the file has these bytes now, body 0 = none */
    bool complete; /* no other writer has it open */
    bool durable;  /* it is put onto the disk even if it is not complete */
    /* ns, atomic: it may be changed until the close is judged. NULL: nothing
     * was written */
    const int64_t *mtime;
    /* Who wrote it, where somebody did; and the rights that he had, where it
     * may become a list (list_writer_print()), "" = they are not known. */
    const struct caller *caller;
    const char *writer;
};
/* A writer has closed the file. ENOENT, without a sentence: it was removed. */
int intake_close(const struct closing *closing, struct reason *why);

int intake_unlink(struct primo *primo, uint64_t request, struct reason *why);
/* Give it another name, in place of the file `to` (0 = none). */
int intake_rename(struct primo *primo, uint64_t request, const char *name,
                  uint64_t to, struct reason *why);
/* At the start: a file that was not complete has no writer any more, and so it
 * is now. */
void intake_finish(struct primo *primo);
/* Remove what is older than its service keeps it. */
void intake_expire(struct primo *primo);

#endif
