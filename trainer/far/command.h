/*
 * A command of this host, run to its end. One thread.
 */
#ifndef PRIMO_FAR_COMMAND_H
#define PRIMO_FAR_COMMAND_H

#include "core/basic/reason.h"
#include "core/basic/text.h"

/* Run words[0] of $PATH with nothing to read. What it prints, errors too, is
 * appended to *said, at most FAR_BYTES of it. EIO: it failed; what it said last
 * is the reason. ETIMEDOUT: it did not end within COMMAND_SECONDS, and was
 * killed. */
int command_run(const char *const *words, struct text *said,
                struct reason *why);

enum { COMMAND_SECONDS = 8 };

#endif
