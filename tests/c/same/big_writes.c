/* Big writes and reads, whole and in parts. */
#include "observe.h"
#include <sys/uio.h>

static unsigned char bytes[1 << 20];

static unsigned sum(int fd, size_t step) {
    static unsigned char part[1 << 20];
    unsigned sum = 0;
    ssize_t count;
    lseek(fd, 0, SEEK_SET);
    while ((count = read(fd, part, step)) > 0)
        for (ssize_t i = 0; i < count; i++)
            sum = sum * 31 + part[i];
    return sum;
}

int main(void) {
    struct stat meta;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)(i * 7 + i / 251);
    int fd = open("/data/big", O_RDWR | O_CREAT, 0644);
    SEE(write(fd, bytes, 65536));
    SEE(write(fd, bytes, 65537));
    SEE(write(fd, bytes, 4095));
    SEE(write(fd, bytes, 4097));
    SEE(write(fd, bytes, sizeof bytes));
    SEE(pwrite(fd, bytes, 70000, 100));
    SEE(fstat(fd, &meta));
    printf("%lld bytes\n", (long long)meta.st_size);
    printf("sum %u\n", sum(fd, 777));
    printf("sum %u\n", sum(fd, 4096));
    printf("sum %u\n", sum(fd, 99999));
    printf("sum %u\n", sum(fd, sizeof bytes));
    SEE(read(fd, bytes, sizeof bytes));
    struct iovec parts[3] = {{bytes, 10}, {bytes + 100, 0}, {bytes + 200, 70000}};
    SEE(lseek(fd, 0, SEEK_SET));
    SEE(writev(fd, parts, 3));
    SEE(writev(fd, parts, 0));
    SEE(lseek(fd, 5, SEEK_SET));
    SEE(readv(fd, parts, 3));
    SEE(preadv(fd, parts, 2, 0));
    SEE(pwritev(fd, parts, 1, 0));
    printf("sum %u\n", sum(fd, 65536));
    int log = open("/data/log", O_WRONLY | O_CREAT | O_APPEND, 0644);
    for (int i = 0; i < 20; i++)
        if (write(log, bytes, 65536) != 65536)
            SEE(-1);
    see_stat("/data/log");
    return 0;
}
