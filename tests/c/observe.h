/* What a program observes, as lines of text. Two hosts that agree print the same. */
#ifndef OBSERVE_H
#define OBSERVE_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Makes a call once and prints its result, or the name of its error. */
#define SEE(call) see(#call, (errno = 0, (long long)(call)))

static const char *error_name(int error) {
    static char other[16];
    switch (error) {
#define NAME(error) case error: return #error
        NAME(EACCES); NAME(EAGAIN); NAME(EBADF); NAME(EBUSY); NAME(EDQUOT); NAME(EEXIST);
        NAME(EFBIG); NAME(EILSEQ); NAME(EINVAL); NAME(EIO); NAME(EISDIR); NAME(ELOOP);
        NAME(EMFILE); NAME(EMLINK); NAME(ENAMETOOLONG); NAME(ENFILE); NAME(ENOENT);
        NAME(ENOMEM); NAME(ENOSPC); NAME(ENOSYS); NAME(ENOTCAPABLE); NAME(ENOTDIR);
        NAME(ENOTEMPTY); NAME(ENOTSUP); NAME(ENOTTY); NAME(EOVERFLOW); NAME(EPERM);
        NAME(EPIPE); NAME(EROFS); NAME(ESPIPE); NAME(ETXTBSY); NAME(EXDEV);
#undef NAME
    }
    snprintf(other, sizeof other, "errno %d", error);
    return other;
}

static long long see(const char *what, long long result) {
    int error = errno;
    if (result < 0)
        printf("%s: %lld %s\n", what, result, error_name(error));
    else
        printf("%s: %lld\n", what, result);
    errno = error;
    return result;
}

/* Opens once, prints the result, and closes again. */
#define SEE_OPEN(path, flags) \
    close_if_open(see("open(" #path ", " #flags ")", (errno = 0, open(path, flags, 0644))))

static void close_if_open(long long fd) {
    if (fd >= 0)
        close((int)fd);
}

/* Prints what a descriptor reads from an offset, with its length. */
static void see_bytes(const char *what, int fd, off_t offset, size_t length) {
    static char bytes[4096];
    ssize_t count;
    errno = 0;
    count = pread(fd, bytes, length < sizeof bytes ? length : sizeof bytes, offset);
    if (count < 0) {
        printf("%s: %s\n", what, error_name(errno));
        return;
    }
    printf("%s: %zd bytes: ", what, count);
    for (ssize_t i = 0; i < count; i++) {
        if (bytes[i] >= ' ' && bytes[i] <= '~')
            putchar(bytes[i]);
        else
            printf("\\x%02x", (unsigned char)bytes[i]);
    }
    putchar('\n');
}

/* Prints a file's size and start. */
static void see_file(const char *path) {
    int fd = open(path, O_RDONLY);
    struct stat meta;
    if (fd < 0) {
        printf("%s: %s\n", path, error_name(errno));
        return;
    }
    if (fstat(fd, &meta) == 0)
        printf("%s has %lld bytes; ", path, (long long)meta.st_size);
    see_bytes("read", fd, 0, 48);
    close(fd);
}

static const char *type_name(mode_t mode) {
    return S_ISREG(mode)    ? "file"
           : S_ISDIR(mode)  ? "directory"
           : S_ISLNK(mode)  ? "link"
           : S_ISCHR(mode)  ? "character device"
           : S_ISFIFO(mode) ? "fifo"
           : S_ISSOCK(mode) ? "socket"
                            : "unknown";
}

/* Prints the fields of a path's metadata that two file systems share. A link is not followed. */
static void see_stat(const char *path) {
    struct stat meta;
    if (lstat(path, &meta) != 0) {
        printf("lstat %s: %s\n", path, error_name(errno));
        return;
    }
    printf("lstat %s: %s", path, type_name(meta.st_mode));
    if (!S_ISDIR(meta.st_mode))
        printf(", %lld bytes, %llu links", (long long)meta.st_size,
               (unsigned long long)meta.st_nlink);
    putchar('\n');
}

static int by_name(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Prints the entries of a directory in the order of their names. */
static void see_list(const char *path) {
    DIR *dir = opendir(path);
    struct dirent *entry;
    char *lines[2048];
    size_t count = 0;
    if (dir == NULL) {
        printf("list %s: %s\n", path, error_name(errno));
        return;
    }
    while ((errno = 0, entry = readdir(dir)) != NULL && count < 2048) {
        char line[512];
        snprintf(line, sizeof line, "%s (%d)", entry->d_name, entry->d_type);
        lines[count++] = strdup(line);
    }
    printf("list %s: %zu entries, %s\n", path, count, errno ? error_name(errno) : "end");
    qsort(lines, count, sizeof *lines, by_name);
    for (size_t i = 0; i < count; i++) {
        printf("  %s\n", lines[i]);
        free(lines[i]);
    }
    closedir(dir);
}

/* Makes a file with a content. */
static void make(const char *path, const char *content) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    size_t length = strlen(content);
    if (fd < 0 || write(fd, content, length) != (ssize_t)length)
        printf("cannot make %s: %s\n", path, error_name(errno));
    close(fd);
}

#endif
