/* Directories and what stands where one is expected. */
#include "observe.h"

int main(void) {
    SEE_OPEN("/data/dir", O_RDONLY);
    SEE_OPEN("/data/dir", O_RDONLY | O_DIRECTORY);
    SEE_OPEN("/data/dir/", O_RDONLY | O_DIRECTORY);
    SEE_OPEN("/data", O_RDONLY | O_DIRECTORY);
    SEE_OPEN("/data/dir", O_RDWR);
    SEE_OPEN("/data/dir", O_WRONLY);
    SEE_OPEN("/data/dir", O_RDWR | O_DIRECTORY);
    SEE_OPEN("/data/hello", O_RDONLY | O_DIRECTORY);
    SEE_OPEN("/data/link", O_RDONLY | O_DIRECTORY);
    SEE_OPEN("/data/to-dir", O_RDONLY | O_DIRECTORY);
    SEE_OPEN("/data/to-dir", O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    SEE_OPEN("/data/to-dir/", O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    SEE_OPEN("/data/here", O_RDONLY | O_DIRECTORY);
    SEE_OPEN("/data/here/here/here/dir", O_RDONLY | O_DIRECTORY);
    SEE_OPEN("/data/missing", O_RDONLY | O_DIRECTORY);
    SEE_OPEN("/data/missing", O_RDONLY | O_DIRECTORY | O_CREAT);
    SEE_OPEN("/data/dir", O_RDONLY | O_DIRECTORY | O_CREAT);
    int fd = open("/data/dir", O_RDONLY | O_DIRECTORY);
    SEE(read(fd, (char[4]){0}, 4));
    SEE(write(fd, "x", 1));
    SEE(pread(fd, (char[4]){0}, 4, 0));
    SEE(lseek(fd, 0, SEEK_SET));
    SEE(lseek(fd, 0, SEEK_END));
    SEE(ftruncate(fd, 0));
    SEE(fsync(fd));
    SEE(fdatasync(fd));
    return 0;
}
