/*
 * `primo-train TEMPLATE_FILE OUT_DIR [key=value …]`: a training from a shell,
 * without the file system.
 *
 * OUT_DIR/.run is the run directory (rundir.h) until the training is finished.
 * log, metrics.csv and template appear in OUT_DIR at once; the artifacts and
 * monitor.svg when it has succeeded, and then .run is removed. Standard error
 * gets the lines of the log and, if it is a terminal, a line of progress that
 * is updated in place.
 */
#ifndef PRIMO_ALONE_H
#define PRIMO_ALONE_H

/* argv[0] is the template file. Returns the exit status (rundir.h). */
int alone_main(int argc, char **argv);

#define ALONE_USAGE "primo-train TEMPLATE_FILE OUT_DIR [key=value...]"

#endif
