/* posix_fallocate and posix_fadvise, which adapters may not support. */
#include "observe.h"

int main(void) {
    struct stat meta;
    int fd = open("/data/hello", O_RDWR);
    printf("fallocate: %s\n", error_name(posix_fallocate(fd, 0, 100)));
    printf("fallocate: %s\n", error_name(posix_fallocate(fd, 1000, 0)));
    printf("fallocate: %s\n", error_name(posix_fallocate(fd, -1, 10)));
    printf("fallocate: %s\n", error_name(posix_fallocate(77, 0, 10)));
    fstat(fd, &meta);
    printf("%lld bytes\n", (long long)meta.st_size);
    see_bytes("hello", fd, 0, 48);
    printf("fadvise: %d\n", posix_fadvise(fd, 0, 10, POSIX_FADV_SEQUENTIAL));
    printf("fadvise: %d\n", posix_fadvise(fd, 0, 0, POSIX_FADV_WILLNEED));
    printf("fadvise: %d\n", posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED));
    printf("fadvise: %d\n", posix_fadvise(77, 0, 0, POSIX_FADV_NORMAL));
    int dir = open("/data/dir", O_RDONLY | O_DIRECTORY);
    printf("fadvise: %d\n", posix_fadvise(dir, 0, 0, POSIX_FADV_NORMAL));
    return 0;
}
