/* give_back ROOM: fills up, makes room in each way, and fills up again. */
#include "observe.h"

static long long room;

static void fill(const char *path) {
    static char bytes[4096];
    struct stat meta = {0};
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0644);
    while (write(fd, bytes, sizeof bytes) > 0)
        ;
    int error = errno;
    fstat(fd, &meta);
    printf("%s: %lld bytes, then %s\n", path, (long long)meta.st_size, error_name(error));
    close(fd);
}

int main(int argc, char **argv) {
    room = argc > 1 ? atoll(argv[1]) : 0;
    fill("/data/full");
    SEE(unlink("/data/full"));
    fill("/data/again");
    SEE(truncate("/data/again", 10));
    fill("/data/again");
    SEE_OPEN("/data/again", O_WRONLY | O_TRUNC);
    fill("/data/again");
    /* A file that replaces another frees it and the entry; it is made before the space is full. */
    SEE(truncate("/data/again", room - 20000));
    make("/data/small", "small");
    fill("/data/again");
    SEE(rename("/data/small", "/data/again"));
    fill("/data/again");
    /* Two names are one file: the first that goes frees its entry, the last the bytes. */
    SEE(truncate("/data/again", room - 20000));
    SEE(link("/data/again", "/data/alias"));
    fill("/data/alias");
    SEE(unlink("/data/again"));
    fill("/data/alias");
    /* An open file keeps its bytes until it is closed. */
    int fd = open("/data/alias", O_RDONLY);
    SEE(unlink("/data/alias"));
    SEE(open("/data/second", O_WRONLY | O_CREAT | O_EXCL, 0644) >= 0);
    fill("/data/second");
    SEE(close(fd));
    fill("/data/second");
    SEE(truncate("/data/second", 0));
    SEE(mkdir("/data/directory", 0755));
    SEE(symlink("twelve bytes", "/data/link"));
    fill("/data/second");
    SEE(rmdir("/data/directory"));
    SEE(unlink("/data/link"));
    fill("/data/second");
    SEE(unlink("/data/second"));
    see_list("/data");
    return 0;
}
