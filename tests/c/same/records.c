/* A program's own file formats: fixed records that are rewritten in place. */
#include "observe.h"

struct record {
    int key, value;
    char text[24];
};

int main(void) {
    struct record record = {0};
    struct stat meta;
    int fd = open("/data/records", O_RDWR | O_CREAT | O_EXCL, 0644);
    for (int i = 0; i < 500; i++) {
        record.key = i;
        snprintf(record.text, sizeof record.text, "record %d", i);
        if (write(fd, &record, sizeof record) != sizeof record)
            SEE(-1);
    }
    for (int i = 0; i < 500; i += 7) {
        pread(fd, &record, sizeof record, (off_t)i * sizeof record);
        record.value = record.key * 2;
        pwrite(fd, &record, sizeof record, (off_t)i * sizeof record);
    }
    long long sum = 0;
    lseek(fd, 0, SEEK_SET);
    while (read(fd, &record, sizeof record) == sizeof record)
        sum += record.value;
    printf("sum %lld\n", sum);
    SEE(ftruncate(fd, 100 * sizeof record));
    SEE(lseek(fd, 0, SEEK_END));
    SEE(fstat(fd, &meta));
    printf("%lld bytes\n", (long long)meta.st_size);
    SEE(unlink("/data/records"));
    SEE(fstat(fd, &meta));
    return 0;
}
