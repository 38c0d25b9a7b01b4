#include "trainer/far/send.h"

#include "core/basic/alloc.h"
#include "core/basic/language.h"
#include "core/far/protocol.h"
#include "core/launch/spawn.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What rsync takes for the program that leads to the other host. It moves bytes
 * between rsync and the connection that is there already, and ends with it. An
 * rsync there that fails leaves bytes unread, which is an error of ours before
 * its last words can be read: hence the second cat. */
static char shell[] =
    "sh -c 'exec 4<&0 2>/dev/null; cat <&4 >&3 & cat <&3 || exec cat <&3'";

int send_main(const char *folder)
{
    char *from = xstrfmt("%s/", folder);
    /* Hidden files are in no data set. Links stay links: the trainer follows
     * those alone that lead to something inside. */
    char *words[] = {"rsync",
                     FAR_RSYNC_OPTIONS,
                     "--filter=hide .*",
                     "--no-inc-recursive",
                     "--info=progress2",
                     "--no-human-readable",
                     "--chmod=D700,F600",
                     "-e",
                     shell,
                     "--",
                     from,
                     "there:copy",
                     NULL};
    _Static_assert(SENDER_WIRE_FD == 3, "the words above say so");
    execvp(words[0], words);
    fprintf(stderr, _("rsync cannot be started here: %s\n"), strerror(errno));
    return FAR_NO_RSYNC;
}
