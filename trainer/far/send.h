/*
 * `primo-train --send FOLDER`: rsync, which sends a data set from this host to
 * another one. The daemon starts it for a machine with copy_dataset = yes, with
 * the rights of the user whose training it is, and gives it as descriptor
 * SENDER_WIRE_FD a connection to the rsync that it has started there: which
 * host that is, and where the copy lies, is not for that user to say.
 */
#ifndef PRIMO_FAR_SEND_H
#define PRIMO_FAR_SEND_H

/* Become rsync. Returns only where that fails, with the exit status. */
int send_main(const char *folder);

#endif
