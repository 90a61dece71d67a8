/* Writes to files that are open for appending. */
#include "observe.h"

int main(void) {
    int fd = SEE(open("/data/hello", O_WRONLY | O_APPEND));
    SEE(lseek(fd, 0, SEEK_CUR));
    SEE(write(fd, "one\n", 4));
    SEE(lseek(fd, 0, SEEK_CUR));
    SEE(lseek(fd, 2, SEEK_SET));
    SEE(write(fd, "two\n", 4));
    SEE(lseek(fd, 0, SEEK_CUR));
    SEE(pwrite(fd, "three\n", 6, 0));
    see_file("/data/hello");
    SEE(ftruncate(fd, 3));
    SEE(write(fd, "four\n", 5));
    see_file("/data/hello");
    int other = SEE(open("/data/hello", O_RDWR));
    SEE(ftruncate(other, 20));
    SEE(write(fd, "five\n", 5));
    see_file("/data/hello");
    SEE(close(fd));

    int new = SEE(open("/data/new", O_RDWR | O_CREAT | O_APPEND, 0644));
    SEE(write(new, "abc", 3));
    SEE(pwrite(new, "XY", 2, 0));
    see_bytes("new", new, 0, 48);
    SEE(read(new, (char[4]){0}, 4));
    SEE(lseek(new, 0, SEEK_SET));
    SEE(read(new, (char[4]){0}, 4));
    SEE(write(new, "d", 1));
    see_bytes("new", new, 0, 48);

    /* Two that append in turn. */
    int a = open("/data/turns", O_WRONLY | O_CREAT | O_APPEND, 0644);
    int b = open("/data/turns", O_WRONLY | O_APPEND);
    for (int i = 0; i < 4; i++) {
        SEE(write(a, "a", 1));
        SEE(write(b, "bb", 2));
    }
    see_file("/data/turns");
    return 0;
}
