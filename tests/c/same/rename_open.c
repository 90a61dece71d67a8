/* Renaming and replacing files that are open. */
#include "observe.h"

int main(void) {
    int fd = open("/data/moving", O_RDWR | O_CREAT, 0644);
    SEE(write(fd, "before ", 7));
    SEE(rename("/data/moving", "/data/moved"));
    SEE(write(fd, "after\n", 6));
    see_file("/data/moved");
    see_file("/data/moving");
    make("/data/moving", "another\n");
    SEE(write(fd, "later\n", 6));
    see_file("/data/moving");
    see_file("/data/moved");

    int replaced = open("/data/hello", O_RDWR);
    SEE(rename("/data/moving", "/data/hello"));
    see_bytes("replaced", replaced, 0, 48);
    SEE(pwrite(replaced, "HELLO", 5, 0));
    SEE(ftruncate(replaced, 5));
    see_bytes("replaced", replaced, 0, 48);
    see_file("/data/hello");
    struct stat meta;
    SEE(fstat(replaced, &meta));
    printf("%llu links, %lld bytes\n", (unsigned long long)meta.st_nlink,
           (long long)meta.st_size);
    SEE(close(replaced));
    SEE(close(fd));

    /* The usual way to replace a file at once. */
    for (int i = 0; i < 20; i++) {
        char text[32];
        snprintf(text, sizeof text, "version %d\n", i);
        make("/data/config.tmp", text);
        rename("/data/config.tmp", "/data/config");
    }
    see_file("/data/config");
    see_file("/data/config.tmp");
    return 0;
}
