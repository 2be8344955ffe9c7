/*
 * A rank of our own launcher, `python-mpi -n N`, which is a Node: what the user gave it is read from the launcher itself, since no
 * Node can hand on bytes that are no text. The launcher starts each rank with nothing but its place.
 */
#ifndef EMBEDDED_H
#define EMBEDDED_H

/* Tells the ranks of a launcher, `PID-START`, from all others of the node. */
#define EMBEDDED "PYTHON_MPI_EMBEDDED"
/* What the launcher's Node has been told of, for its ranks; see inherited.h. */
#define INHERITED "PYTHON_MPI_INHERITED"

/*
 * In a rank of our own launcher: replaces the words behind the program's name and the variables, also those that getenv sees, by
 * the launcher's with this rank's place, and restores what else the launcher inherited. Fails with a line.
 */
void embedded_adopt(char ***words, char ***variables);

#endif
