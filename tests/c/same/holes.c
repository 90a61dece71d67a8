/* Sparse files. */
#include "observe.h"

int main(void) {
    struct stat meta;
    char bytes[4096];
    int fd = open("/data/sparse", O_RDWR | O_CREAT, 0644);
    for (int i = 0; i < 8; i++)
        SEE(pwrite(fd, "block", 5, (off_t)i * 1000000));
    SEE(fstat(fd, &meta));
    printf("%lld bytes\n", (long long)meta.st_size);
    long long zeros = 0, others = 0;
    ssize_t count;
    while ((count = read(fd, bytes, sizeof bytes)) > 0)
        for (ssize_t i = 0; i < count; i++)
            bytes[i] ? others++ : zeros++;
    printf("%lld zeros, %lld others\n", zeros, others);
    SEE(ftruncate(fd, 100000000));
    SEE(pwrite(fd, "end", 3, 99999997));
    see_bytes("end", fd, 99999990, 48);
    SEE(fstat(fd, &meta));
    printf("%lld bytes\n", (long long)meta.st_size);
    SEE(ftruncate(fd, 6));
    see_bytes("cut", fd, 0, 48);
    SEE(lseek(fd, 1000, SEEK_SET));
    SEE(write(fd, "x", 1));
    see_bytes("hole", fd, 4, 8);
    see_stat("/data/sparse");
    return 0;
}
