/* A descriptor that takes the place of another. */
#include "observe.h"
#include <wasi/api.h>

int main(void) {
    char bytes[16];
    int a = open("/data/hello", O_RDWR), b = open("/data/dir/file", O_RDWR);
    SEE(read(a, bytes, 5));
    printf("renumber: %d\n", __wasi_fd_renumber(a, b));
    SEE(read(a, bytes, 1));
    SEE(lseek(b, 0, SEEK_CUR));
    SEE(write(b, "!!", 2));
    see_file("/data/hello");
    see_file("/data/dir/file");
    printf("renumber: %d\n", __wasi_fd_renumber(77, b));
    printf("renumber: %d\n", __wasi_fd_renumber(b, 78));
    int c = open("/data/empty", O_WRONLY);
    printf("renumber: %d\n", __wasi_fd_renumber(c, c));
    SEE(write(c, "x", 1));
    SEE(unlink("/data/empty"));
    printf("renumber: %d\n", __wasi_fd_renumber(b, c));
    SEE(write(c, "where", 5));
    see_file("/data/hello");
    see_list("/data");
    return 0;
}
