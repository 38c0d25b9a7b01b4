#include "fs/requests/table.h"

enum { CLOSES = 16 };

static void op_init(void *userdata, struct fuse_conn_info *conn)
{
    (void)userdata;
    conn->want |= conn->capable & FUSE_CAP_EXPORT_SUPPORT; /* "." and ".." */
    conn->want &= ~(unsigned)FUSE_CAP_WRITEBACK_CACHE;
    /* The kernel counts asynchronous direct reads as background requests, of
     * which it has twelve under way at a time. Reads of `wait`, which are
     * answered when a training ends, would fill them, and read-ahead of every
     * other file would queue behind. */
    conn->want &= ~(unsigned)FUSE_CAP_ASYNC_DIO;
    /* Last closes are background requests, too. Those that are under way at the
     * same time become durable together. */
    conn->max_background = CLOSES;
    /* Whoever lists a directory mostly looks at each file, but many programs do
     * so only after they have read all names. The kernel's heuristic would then
     * ask for the attributes of each file in a request of its own. */
    conn->want &= ~(unsigned)FUSE_CAP_READDIRPLUS_AUTO;
}

const struct fuse_lowlevel_ops primo_ops = {
    .init = op_init,
    .lookup = op_lookup,
    .forget = op_forget,
    .forget_multi = op_forget_multi,
    .getattr = op_getattr,
    .setattr = op_setattr,
    .access = op_access,
    .readlink = op_readlink,
    .mknod = op_mknod,
    .mkdir = op_mkdir,
    .unlink = op_unlink,
    .rmdir = op_rmdir,
    .symlink = op_symlink,
    .rename = op_rename,
    .link = op_link,
    .open = op_open,
    .create = op_create,
    .read = op_read,
    .write = op_write,
    .flush = op_flush,
    .fsync = op_fsync,
    .release = op_release,
    .opendir = op_opendir,
    .readdir = op_readdir,
    .readdirplus = op_readdirplus,
    .statfs = op_statfs,
    .poll = op_poll,
};
