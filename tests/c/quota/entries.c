/* Entries of every kind, until there may be no more. */
#include "observe.h"

int main(void) {
    char path[64];
    int made = 0;
    for (;; made++) {
        int result;
        snprintf(path, sizeof path, "/data/entry-%d", made);
        switch (made % 4) {
        case 0: result = open(path, O_WRONLY | O_CREAT | O_EXCL, 0644); break;
        case 1: result = mkdir(path, 0755); break;
        case 2: result = symlink("entry-0", path); break;
        default: result = link("/data/entry-0", path);
        }
        if (result < 0)
            break;
        if (made % 4 == 0)
            close(result);
    }
    printf("%d entries, then %s\n", made, error_name(errno));
    SEE_OPEN("/data/more", O_WRONLY | O_CREAT);
    SEE(mkdir("/data/more", 0755));
    SEE(symlink("x", "/data/more"));
    SEE(link("/data/entry-0", "/data/more"));
    /* Renaming makes no entry, and a file that exists is opened. */
    SEE(rename("/data/entry-0", "/data/renamed"));
    SEE_OPEN("/data/renamed", O_WRONLY | O_CREAT);
    SEE(rename("/data/renamed", "/data/entry-0"));
    /* Bytes are another matter. */
    make("/data/entry-0", "some bytes\n");
    see_file("/data/entry-0");
    SEE(unlink("/data/entry-2"));
    SEE(mkdir("/data/more", 0755));
    SEE(mkdir("/data/most", 0755));
    SEE(rmdir("/data/more"));
    SEE_OPEN("/data/most", O_WRONLY | O_CREAT);
    return 0;
}
