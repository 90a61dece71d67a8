/* Two descriptors of one file. */
#include "observe.h"

int main(void) {
    struct stat meta;
    int a = open("/data/hello", O_RDWR), b = open("/data/link", O_RDWR);
    char bytes[16];
    SEE(write(a, "HELLO", 5));
    SEE(read(b, bytes, 5));
    printf("%.5s\n", bytes);
    SEE(lseek(a, 0, SEEK_CUR));
    SEE(lseek(b, 0, SEEK_CUR));
    SEE(ftruncate(a, 2));
    SEE(read(b, bytes, 5));
    SEE(write(b, "b", 1));
    see_bytes("a sees", a, 0, 48);
    SEE(write(a, "aaaaaaaa", 8));
    see_bytes("b sees", b, 0, 48);
    SEE(pwrite(b, "grown", 5, 20));
    SEE(fstat(a, &meta));
    printf("%lld bytes\n", (long long)meta.st_size);
    SEE(close(a));
    SEE(write(a, "x", 1));
    SEE(write(b, "still", 5));
    see_bytes("b sees", b, 0, 48);
    int reader = open("/data/hello", O_RDONLY), writer = open("/data/hello", O_WRONLY);
    SEE(write(reader, "x", 1));
    SEE(pwrite(reader, "x", 1, 0));
    SEE(read(writer, bytes, 1));
    SEE(pread(writer, bytes, 1, 0));
    SEE(write(writer, "", 0));
    SEE(read(reader, bytes, 0));
    SEE(close(reader));
    SEE(close(reader));
    return 0;
}
