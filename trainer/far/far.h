/*
 * `primo-train --far DIRECTORY ID PROGRAM`: what the daemon of another host
 * asks for here. It is started through ssh, answers on standard output what
 * standard input asks (core/far/protocol.h), and ends with it; the trainers
 * that it starts are sessions of their own and go on. It starts, watches and
 * stops them as a daemon does on its own host, by the launcher `local`: run
 * directories are DIRECTORY/runs/ID/, where ID names the asker's state
 * directory, and bases lie in DIRECTORY/bases/ by their sums.
 */
#ifndef PRIMO_TRAINER_FAR_H
#define PRIMO_TRAINER_FAR_H

/* `words` are those behind --far. Returns the exit status. */
int far_main(int count, char **words);

#endif
