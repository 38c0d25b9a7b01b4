/*
 * The kernel's requests, turned into calls of core/: each operation does the
 * work, then replies once. A refusal's errno is the reply, its sentence goes
 * to `errors`.
 */
#ifndef PRIMO_OPS_H
#define PRIMO_OPS_H

#define FUSE_USE_VERSION 314

#include "core/state/primo.h"
#include "fs/notices/notices.h"
#include "fs/notices/states.h"
#include "fs/requests/kept_names.h"
#include "fs/requests/room.h"

#include <fuse3/fuse_lowlevel.h>

struct mount { /* the context of all operations */
    struct primo primo;
    struct states states;
    struct notices notices;
    struct kept_names kept_names;
    struct room room;
    struct fuse_session *session;
    bool answered; /* the kernel's first request was: session_io.h */
};

extern const struct fuse_lowlevel_ops primo_ops;

#endif
