/*
 * Staging as it was done before: one rank reads the tarball, MPI_Bcast carries it to one rank per node, each writes it
 * to node-local storage and unpacks it from there with libarchive. The peer of stage.ts.
 *
 *     ancestor TARBALL DIRECTORY      the directory is node-local and exists
 */
#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* MPI counts are ints, and some networks register what is sent: pieces of this size, in bytes. */
#define PIECE (64 << 20)

static void fail(const char *what) {
    perror(what);
    MPI_Abort(MPI_COMM_WORLD, 1);
}

static void read_file(const char *path, char *bytes, size_t size) {
    int fd = open(path, O_RDONLY);
    if (fd < 0) fail(path);
    for (size_t at = 0; at < size;) {
        ssize_t count = read(fd, bytes + at, size - at);
        if (count <= 0) fail(path);
        at += (size_t)count;
    }
    close(fd);
}

static void write_file(const char *path, const char *bytes, size_t size) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0) fail(path);
    for (size_t at = 0; at < size;) {
        ssize_t count = write(fd, bytes + at, size - at);
        if (count <= 0) fail(path);
        at += (size_t)count;
    }
    close(fd);
}

/* Unpacks into the working directory. */
static void unpack(const char *path) {
    struct archive *in = archive_read_new();
    struct archive *out = archive_write_disk_new();
    struct archive_entry *entry;
    archive_read_support_filter_all(in);
    archive_read_support_format_tar(in);
    archive_write_disk_set_options(out, ARCHIVE_EXTRACT_TIME | ARCHIVE_EXTRACT_PERM);
    if (archive_read_open_filename(in, path, 1 << 20) != ARCHIVE_OK) fail(path);
    while (archive_read_next_header(in, &entry) == ARCHIVE_OK) {
        if (archive_read_extract2(in, entry, out) != ARCHIVE_OK) fail(archive_entry_pathname(entry));
    }
    archive_read_free(in);
    archive_write_free(out);
}

int main(int argc, char **argv) {
    int rank;
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    if (argc != 3) MPI_Abort(MPI_COMM_WORLD, 64);

    unsigned long size = 0;
    struct stat file;
    if (rank == 0) {
        if (stat(argv[1], &file) != 0) fail(argv[1]);
        size = (unsigned long)file.st_size;
    }
    MPI_Bcast(&size, 1, MPI_UNSIGNED_LONG, 0, MPI_COMM_WORLD);
    char *bytes = malloc(size);
    if (bytes == NULL) fail("memory");
    if (rank == 0) read_file(argv[1], bytes, size);
    for (unsigned long at = 0; at < size; at += PIECE) {
        unsigned long left = size - at;
        MPI_Bcast(bytes + at, (int)(left < PIECE ? left : PIECE), MPI_BYTE, 0, MPI_COMM_WORLD);
    }
    if (chdir(argv[2]) != 0) fail(argv[2]);
    write_file("package", bytes, size);
    free(bytes);
    unpack("package");
    unlink("package");
    MPI_Barrier(MPI_COMM_WORLD);
    /* Not MPI_Finalize: over TCP, Debian's UCX hangs in one of three. */
    _exit(0);
}
