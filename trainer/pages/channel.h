/*
 * Between a process and its drawers: what stands in the memory that they share,
 * and the messages by which they hand it over. A message is smaller than
 * PIPE_BUF, and so it is read whole or not at all. Only files of this folder
 * include this header.
 */
#ifndef PRIMO_PAGES_CHANNEL_H
#define PRIMO_PAGES_CHANNEL_H

#include "trainer/pages/drawer.h"

#include <stdbool.h>

/* The one draws, or puts a scan there, and the other looks at it before it asks
 * for the next. */
struct shared {
    union {
        uint32_t pixels[DRAWN_SIDE_MAX * DRAWN_SIDE_MAX];
        uint8_t scan[DRAWN_SIDE_MAX * DRAWN_SIDE_MAX * 4];
    };
    uint8_t data[DRAWN_BYTES_MAX];
    bool draws; /* the document is open for drawing, or a page is drawn */
};

struct channel {
    struct shared *shared;
    int in, out; /* pipes, as this side has them */
    int over;    /* the pipe of struct over, which who draws does not have */
};

enum ask_kind { ASK_DRAW, ASK_NEXT, ASK_AGAIN, ASK_ENOUGH };
struct ask {
    enum ask_kind kind;
    uint64_t size;
    int side, first, count;
    bool scans;
};

enum tell_kind {
    TELL_PAGE,
    TELL_SCAN,
    TELL_END, /* all pages that were asked for are drawn */
    TELL_DAMAGED,
    TELL_PROTECTED,
    TELL_NO_LIBRARY,
};
struct tell {
    enum tell_kind kind;
    struct drawn_page page; /* without pointers; TELL_END: its `of` */
    char message[200];
};

/* The process that drew a document is over; so nothing that it wrote comes any
 * more. */
struct over {
    int signal; /* which has ended it; 0 = it has ended by itself */
};

/* Read or write one message; false = the other side is gone. */
bool message_get(int fd, void *message, size_t size);
bool message_put(int fd, const void *message, size_t size);

/* The life of a drawer: draws documents until the other side is gone. */
_Noreturn void drawer_run(const struct channel *c);

#endif
