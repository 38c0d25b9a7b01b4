#include "trainer/predict_input.h"

#include "core/basic/alloc.h"
#include "core/basic/text.h"
#include "core/settings/picture_formats.h"
#include "core/system/file.h"
#include "trainer/folders/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LIST_MOST = 1 << 30 };

void inputs_release(struct inputs *in)
{
    for (size_t i = 0; i < in->count; i++)
        free(in->path[i]);
    free(in->path);
    *in = (struct inputs){0};
}

static void take(struct inputs *in, char *path)
{
    ALLOC_GROW(in->path, in->count + 1, in->room);
    in->path[in->count++] = path;
}

static int folder_add(struct inputs *in, const char *path, struct reason *why)
{
    struct names files = {0};
    int root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return refuse_errno(why, errno, "the folder '%s' can't be read", path);
    int err = folder_walk(&files, NULL, root, path, PICTURE_EXTENSIONS, why);
    close(root);
    if (err == 0 && files.count == 0)
        err = refuse(why, ENOENT, "the folder '%s' has no pictures", path);
    for (size_t i = 0; err == 0 && i < files.count; i++) {
        take(in, files.name[i]);
        files.name[i] = NULL;
    }
    names_release(&files);
    return err;
}

int inputs_add(struct inputs *in, const char *word, struct reason *why)
{
    struct stat st;
    if (strcmp(word, "-") && stat(word, &st) == 0 && S_ISDIR(st.st_mode))
        return folder_add(in, word, why);
    take(in, xstrdup(word)); /* one that is not there is told of in its turn */
    return 0;
}

int inputs_add_list(struct inputs *in, const char *file, struct reason *why)
{
    struct text list = TEXT_INIT;
    bool standard = !strcmp(file, "-");
    int fd = standard ? STDIN_FILENO : open(file, O_RDONLY | O_CLOEXEC);
    int err = fd < 0 ? -errno : descriptor_read(fd, LIST_MOST, &list);
    if (fd >= 0 && !standard)
        close(fd);
    if (err)
        err = refuse_errno(why, -err, "the list '%s' can't be read", file);
    char *rest = list.data, *line;
    while (err == 0 && rest && (line = strsep(&rest, "\n"))) {
        line[strcspn(line, "\r")] = 0;
        if (*line)
            err = inputs_add(in, line, why);
    }
    text_release(&list);
    return err;
}
