# The shared file system in a box; test/cluster/bed.d/shared-fs mounts it on the nodes.
.PHONY: shared-fs shared-fs-program

SHARED_FS = build/native/shared-fs
shared-fs-program: $(SHARED_FS) ## the file system's program alone
$(SHARED_FS): $(wildcard test/shared-fs/*.c test/shared-fs/*.h)
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -Wall -Wextra -Wshadow -Werror -O2 -I/usr/include/fuse3 -o $@ $(filter %.c,$^) -lfuse3 -lpthread

shared-fs: build $(SHARED_FS) ## a shell on a node of four whose files come from a file system as slow as an N=1024 node job's share
	@test/shared-fs/shell $(or $(N),1024)
