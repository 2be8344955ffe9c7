/*
 * MPI_Bcast from memory to a file on every node. The peer of bcast.ts.
 *
 *     bcast MIB FILE      prints the seconds from the moment all are there until the last one has the file
 */
#include <fcntl.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A piece is written to the file while it is still in the cache; larger ones were slower here. */
#define PIECE (4 << 20)

int main(int argc, char **argv) {
    int rank;
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    if (argc != 3) MPI_Abort(MPI_COMM_WORLD, 64);

    long size = atol(argv[1]) << 20;
    /* Only the root has all of it in memory: the others need one piece at a time. */
    size_t held = rank == 0 ? (size_t)size : PIECE;
    char *bytes = malloc(held);
    if (bytes == NULL) MPI_Abort(MPI_COMM_WORLD, 1);
    memset(bytes, 'x', held);
    int fd = rank == 0 ? -1 : open(argv[2], O_WRONLY | O_CREAT | O_TRUNC, 0600);

    MPI_Barrier(MPI_COMM_WORLD);
    double start = MPI_Wtime();
    for (long at = 0; at < size; at += PIECE) {
        int count = (int)(size - at < PIECE ? size - at : PIECE);
        MPI_Bcast(rank == 0 ? bytes + at : bytes, count, MPI_BYTE, 0, MPI_COMM_WORLD);
        if (rank != 0 && write(fd, bytes, (size_t)count) != count) MPI_Abort(MPI_COMM_WORLD, 1);
    }
    MPI_Barrier(MPI_COMM_WORLD);
    if (rank == 0) printf("%.6f\n", MPI_Wtime() - start);
    fflush(stdout);
    MPI_Barrier(MPI_COMM_WORLD);
    /* Not MPI_Finalize: over TCP, Debian's UCX hangs in one of three. */
    _exit(0);
}
