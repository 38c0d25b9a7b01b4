/* The operations that ops.c puts into libfuse's table: those on names are in
 * name.c, those on files in file.c, and poll(2) in inotify.c. */
#ifndef PRIMO_OPS_TABLE_H
#define PRIMO_OPS_TABLE_H

#include "fs/requests/ops.h"

void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name);
void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t nlookup);
void op_forget_multi(fuse_req_t req, size_t count,
                     struct fuse_forget_data *forgets);
void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                struct fuse_file_info *fi);
void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                    struct fuse_file_info *fi);
void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode);
void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name);
void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name);
void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name,
               fuse_ino_t newparent, const char *newname, unsigned int flags);
void op_symlink(fuse_req_t req, const char *link, fuse_ino_t parent,
                const char *name);
void op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t newparent,
             const char *newname);
void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
              dev_t rdev);
void op_readlink(fuse_req_t req, fuse_ino_t ino);

void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set,
                struct fuse_file_info *fi);
void op_access(fuse_req_t req, fuse_ino_t ino, int mask);
void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
               struct fuse_file_info *fi);
void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
             struct fuse_file_info *fi);
void op_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size,
              off_t offset, struct fuse_file_info *fi);
void op_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_fsync(fuse_req_t req, fuse_ino_t ino, int datasync,
              struct fuse_file_info *fi);
void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_poll(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi,
             struct fuse_pollhandle *ph);
void op_statfs(fuse_req_t req, fuse_ino_t ino);

/* Answer a request of the inotify child (inotify_child.h) that is answered in
 * another way than those of other processes. False = the request is like any
 * other, or comes from another process. */
bool inotify_lookup(fuse_req_t req, fuse_ino_t parent, const char *name);
bool inotify_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name);
bool inotify_create(fuse_req_t req, fuse_ino_t parent, const char *name,
                    struct fuse_file_info *fi);
bool inotify_open(fuse_req_t req, struct fuse_file_info *fi);

/* Reply to a read of a file that waits, either now or when its process has
 * ended, or its request is answered. */
void wait_reply(fuse_req_t req, fuse_ino_t ino, struct handle *h, size_t size);

#endif
