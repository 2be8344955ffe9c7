/*
 * Runs a fuzzer's input function without libFuzzer: on every file of the kept corpus, then on inputs from a seed.
 */
#include <dirent.h>
#include <string.h>

#include "check.h"
#include "random.h"

enum { INPUTS = 30000, LONGEST = 600, MOST = 1 << 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int run_corpus(const char *directory) {
    static uint8_t bytes[MOST];
    char path[4096];
    int files = 0;
    DIR *d = opendir(directory);
    CHECK(d != NULL, "no corpus in %s", directory);
    for (struct dirent *entry; (entry = readdir(d)) != NULL;) {
        if (entry->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
        FILE *file = fopen(path, "rb");
        CHECK(file != NULL, "cannot read %s", path);
        size_t length = fread(bytes, 1, MOST, file);
        fclose(file);
        LLVMFuzzerTestOneInput(bytes, length);
        files++;
    }
    closedir(d);
    CHECK(files > 0, "%s is empty", directory);
    return files;
}

int main(void) {
    uint64_t seed = 20;
    uint8_t bytes[LONGEST];
    int files = run_corpus(CORPUS);
    for (int k = 0; k < INPUTS; k++) {
        size_t length = random_below(&seed, LONGEST);
        for (size_t i = 0; i < length; i++) bytes[i] = (uint8_t)random_next(&seed);
        LLVMFuzzerTestOneInput(bytes, length);
    }
    printf("fuzz: %s: %d kept inputs, %d random ones\n", strrchr(CORPUS, '/') + 1, files, INPUTS);
}
