/*
 * A shared file system in a box: one node's client of it, read-only, by FUSE.
 *
 *     shared-fs mount SERVER CLIENT DIR        serves DIR, as it is below, over DIR itself, until it is unmounted
 *     shared-fs server SERVER OPS BYTES RTT_US sets how fast the server is: metadata requests and bytes per second (0: no
 *                                              limit), round trip in microseconds; and counts from 0 again
 *     shared-fs counts SERVER                  prints what each client has asked for: a line of JSON each
 *
 * A mount is that node's own client: its kernel keeps names, absent names, attributes and pages for as long as the job runs,
 * as clients of Lustre do under their locks. What it asks for is answered from the directory below, when the model says that
 * the server would have answered. Test support; the product knows nothing of it.
 */
#define _GNU_SOURCE
#define FUSE_USE_VERSION 35
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "model.h"

/* How long the kernel may keep what it was told, in seconds: for the job. */
#define FOREVER 1e9
/* Largest read-ahead that a client does: the kernel's default for FUSE. */
#define READ_AHEAD (128 << 10)

/* A file that the kernel knows: its own number is this struct's address. */
struct inode {
    int fd; /* O_PATH */
};

/* An open file: where the last read ended. */
struct open_file {
    int fd;
    _Atomic off_t end;
};

static struct inode root_inode;
static struct model *server;
static struct model_client *client;

static int fd_of(fuse_ino_t ino) {
    return ino == FUSE_ROOT_ID ? root_inode.fd : ((struct inode *)(uintptr_t)ino)->fd;
}

static void on_init(void *data, struct fuse_conn_info *connection) {
    (void)data;
    connection->max_readahead = READ_AHEAD;
}

static void on_lookup(fuse_req_t request, fuse_ino_t parent, const char *name) {
    struct fuse_entry_param entry = {.attr_timeout = FOREVER, .entry_timeout = FOREVER};
    int fd = openat(fd_of(parent), name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno != ENOENT) {
        fuse_reply_err(request, errno);
        return;
    }
    model_metadata(server, client, fd < 0 ? MODEL_ABSENT : MODEL_LOOKUP);
    struct inode *inode = fd < 0 ? NULL : malloc(sizeof *inode);
    if (inode != NULL) {
        inode->fd = fd;
        fstatat(fd, "", &entry.attr, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW);
        entry.ino = (uintptr_t)inode;
    }
    fuse_reply_entry(request, &entry);
}

static void on_forget(fuse_req_t request, fuse_ino_t ino, uint64_t lookups) {
    (void)lookups;
    /* Every lookup made an inode of its own, so the first forgetting is the last. */
    struct inode *inode = (struct inode *)(uintptr_t)ino;
    if (ino != FUSE_ROOT_ID) {
        close(inode->fd);
        free(inode);
    }
    fuse_reply_none(request);
}

static void on_getattr(fuse_req_t request, fuse_ino_t ino, struct fuse_file_info *info) {
    (void)info;
    struct stat attr;
    model_metadata(server, client, MODEL_GETATTR);
    if (fstatat(fd_of(ino), "", &attr, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) < 0) fuse_reply_err(request, errno);
    else fuse_reply_attr(request, &attr, FOREVER);
}

static void on_readlink(fuse_req_t request, fuse_ino_t ino) {
    char target[4096];
    model_metadata(server, client, MODEL_READLINK);
    ssize_t length = readlinkat(fd_of(ino), "", target, sizeof target - 1);
    if (length < 0) {
        fuse_reply_err(request, errno);
        return;
    }
    target[length] = '\0';
    fuse_reply_readlink(request, target);
}

/* Opens what an inode stands for anew, since its own descriptor is for looking only. */
static int reopen(fuse_ino_t ino, int flags) {
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd_of(ino));
    return open(path, flags | O_CLOEXEC);
}

static void on_open(fuse_req_t request, fuse_ino_t ino, struct fuse_file_info *info) {
    if ((info->flags & O_ACCMODE) != O_RDONLY) {
        fuse_reply_err(request, EROFS);
        return;
    }
    model_metadata(server, client, MODEL_OPEN);
    struct open_file *file = calloc(1, sizeof *file);
    if (file == NULL || (file->fd = reopen(ino, O_RDONLY)) < 0) {
        fuse_reply_err(request, file == NULL ? ENOMEM : errno);
        free(file);
        return;
    }
    info->fh = (uintptr_t)file;
    info->keep_cache = 1;
    fuse_reply_open(request, info);
}

static void on_release(fuse_req_t request, fuse_ino_t ino, struct fuse_file_info *info) {
    (void)ino;
    struct open_file *file = (struct open_file *)(uintptr_t)info->fh;
    close(file->fd);
    free(file);
    fuse_reply_err(request, 0);
}

static void on_read(fuse_req_t request, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *info) {
    (void)ino;
    struct open_file *file = (struct open_file *)(uintptr_t)info->fh;
    char *bytes = malloc(size);
    ssize_t length = bytes == NULL ? -1 : pread(file->fd, bytes, size, offset);
    if (length < 0) {
        fuse_reply_err(request, EIO);
    } else {
        off_t end = atomic_exchange(&file->end, offset + length);
        model_read(server, client, (uint64_t)length, offset == 0 || offset == end);
        fuse_reply_buf(request, bytes, (size_t)length);
    }
    free(bytes);
}

static void on_opendir(fuse_req_t request, fuse_ino_t ino, struct fuse_file_info *info) {
    model_metadata(server, client, MODEL_OPENDIR);
    int fd = reopen(ino, O_RDONLY | O_DIRECTORY);
    DIR *directory = fd < 0 ? NULL : fdopendir(fd);
    if (directory == NULL) {
        fuse_reply_err(request, errno);
        return;
    }
    info->fh = (uintptr_t)directory;
    info->keep_cache = 1;
    info->cache_readdir = 1;
    fuse_reply_open(request, info);
}

static void on_readdir(fuse_req_t request, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *info) {
    (void)ino;
    DIR *directory = (DIR *)(uintptr_t)info->fh;
    char *bytes = malloc(size);
    size_t used = 0;
    model_metadata(server, client, MODEL_READDIR);
    seekdir(directory, offset);
    for (struct dirent *entry; bytes != NULL && (entry = readdir(directory)) != NULL;) {
        struct stat attr = {.st_ino = entry->d_ino, .st_mode = DTTOIF(entry->d_type)};
        size_t need = fuse_add_direntry(request, bytes + used, size - used, entry->d_name, &attr, entry->d_off);
        if (need > size - used) break;
        used += need;
    }
    fuse_reply_buf(request, bytes, used);
    free(bytes);
}

static void on_releasedir(fuse_req_t request, fuse_ino_t ino, struct fuse_file_info *info) {
    (void)ino;
    closedir((DIR *)(uintptr_t)info->fh);
    fuse_reply_err(request, 0);
}

static const struct fuse_lowlevel_ops operations = {
    .init = on_init,       .lookup = on_lookup,   .forget = on_forget,   .getattr = on_getattr,
    .readlink = on_readlink, .open = on_open,     .release = on_release, .read = on_read,
    .opendir = on_opendir, .readdir = on_readdir, .releasedir = on_releasedir,
};

/* Every file that the kernel knows keeps a descriptor here. */
static void raise_descriptor_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

/* Serves until the mount is gone. */
static int serve(const char *directory) {
    char *words[] = {"shared-fs", "-o", "ro,allow_other,default_permissions,fsname=shared-fs", NULL};
    struct fuse_args args = FUSE_ARGS_INIT(3, words);
    struct fuse_session *session = fuse_session_new(&args, &operations, sizeof operations, NULL);
    if (session == NULL || fuse_set_signal_handlers(session) != 0) return 71;
    if (fuse_session_mount(session, directory) != 0) return 71;
    raise_descriptor_limit();
    /* The default, 50 us, is a quarter of a round trip. */
    prctl(PR_SET_TIMERSLACK, 1);
    /* The process that waits for the mount reads until the end of this output. */
    puts("mounted");
    fflush(stdout);
    struct fuse_loop_config loop = {.clone_fd = 0, .max_idle_threads = 64};
    int status = fuse_session_loop_mt(session, &loop);
    fuse_session_unmount(session);
    fuse_session_destroy(session);
    return status == 0 ? 0 : 71;
}

static int print_counts(void) {
    static const char *const words[] = {
#define X(name, word) #word,
        MODEL_KINDS(X)
#undef X
    };
    for (uint32_t i = 0; i < atomic_load(&server->clients) && i < MODEL_CLIENTS; i++) {
        struct model_client *c = &server->client[i];
        printf("{\"client\":\"%s\"", c->name);
        for (int kind = 0; kind < MODEL_KIND_COUNT; kind++)
            printf(",\"%s\":%" PRIu64, words[kind], atomic_load(&c->requests[kind]));
        printf(",\"bytes\":%" PRIu64 ",\"sequential\":%" PRIu64 "}\n", atomic_load(&c->bytes),
               atomic_load(&c->sequential));
    }
    return 0;
}

static int set_server(char **words) {
    double operations_per_s = atof(words[0]);
    atomic_store(&server->metadata_ns, operations_per_s > 0 ? (uint64_t)(1e9 / operations_per_s) : 0);
    atomic_store(&server->bytes_per_s, (uint64_t)atof(words[1]));
    atomic_store(&server->round_trip_ns, (uint64_t)(atof(words[2]) * 1e3));
    for (uint32_t i = 0; i < MODEL_CLIENTS; i++) {
        struct model_client *c = &server->client[i];
        for (int kind = 0; kind < MODEL_KIND_COUNT; kind++) atomic_store(&c->requests[kind], 0);
        atomic_store(&c->bytes, 0);
        atomic_store(&c->sequential, 0);
    }
    return 0;
}

int main(int count, char **words) {
    const char *verb = count > 1 ? words[1] : "";
    if (count > 2) server = model_map(words[2]);
    if (strcmp(verb, "server") == 0 && count == 6) return set_server(words + 3);
    if (strcmp(verb, "counts") == 0 && count == 3) return print_counts();
    if (strcmp(verb, "mount") == 0 && count == 5) {
        client = model_client(server, words[3]);
        root_inode.fd = open(words[4], O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (client != NULL && root_inode.fd >= 0) return serve(words[4]);
        perror(words[4]);
        return 66;
    }
    fprintf(stderr, "usage: shared-fs mount SERVER CLIENT DIR | server SERVER OPS BYTES RTT_US | counts SERVER\n");
    return 64;
}
