/*
 * `primo-train TEMPLATE_FILE OUT_DIR [key=value …]`: a training from a shell,
 * without the file system.
 *
 * OUT_DIR/.run is the run directory (rundir.h) as long as the training is not
 * finished; log, metrics.csv and template appear in OUT_DIR at once, the
 * artifacts and monitor.svg when it has succeeded, and .run goes. The progress
 * is a line that renews itself when standard error is a terminal, and the
 * log's lines otherwise.
 */
#ifndef PRIMO_ALONE_H
#define PRIMO_ALONE_H

/* argv[0] is the template file. Returns the exit status, rundir.h. */
int alone_main(int argc, char **argv);

#define ALONE_USAGE "primo-train TEMPLATE_FILE OUT_DIR [key=value...]"

#endif
