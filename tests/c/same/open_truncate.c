/* O_TRUNC on what exists and on what does not. */
#include "observe.h"

int main(void) {
    SEE_OPEN("/data/hello", O_RDONLY | O_TRUNC);
    see_file("/data/hello");
    make("/data/hello", "hello again\n");
    SEE_OPEN("/data/hello", O_WRONLY | O_TRUNC);
    see_file("/data/hello");
    make("/data/hello", "once more\n");
    SEE_OPEN("/data/link", O_RDWR | O_TRUNC);
    see_file("/data/hello");
    make("/data/hello", "and again\n");
    SEE_OPEN("/data/hello", O_WRONLY | O_CREAT | O_TRUNC);
    see_file("/data/hello");
    SEE_OPEN("/data/new", O_WRONLY | O_CREAT | O_TRUNC);
    see_file("/data/new");
    SEE_OPEN("/data/newest", O_WRONLY | O_CREAT | O_EXCL | O_TRUNC);
    SEE_OPEN("/data/missing", O_WRONLY | O_TRUNC);
    SEE_OPEN("/data/dangling", O_WRONLY | O_TRUNC);
    SEE_OPEN("/data/dir", O_RDONLY | O_TRUNC);
    SEE_OPEN("/data/dir", O_WRONLY | O_TRUNC);
    SEE_OPEN("/data/dir", O_RDONLY | O_DIRECTORY | O_TRUNC);
    SEE_OPEN("/data/dir/file", O_WRONLY | O_APPEND | O_TRUNC);
    see_file("/data/dir/file");
    /* The other descriptor sees the file shrink. */
    make("/data/two", "0123456789");
    int fd = open("/data/two", O_RDWR);
    SEE(lseek(fd, 5, SEEK_SET));
    SEE_OPEN("/data/two", O_WRONLY | O_TRUNC);
    SEE(write(fd, "x", 1));
    see_bytes("two", fd, 0, 48);
    return 0;
}
