/* poll on files and streams, one at a time: of several, one may be ready before the others. */
#include "observe.h"
#include <poll.h>
#include <time.h>

static void see_poll(const char *what, int fd, short events) {
    struct pollfd poller = {fd, events, 0};
    printf("%s: ", what);
    SEE(poll(&poller, 1, -1));
    printf("  events %d\n", poller.revents);
}

int main(void) {
    int file = open("/data/hello", O_RDWR);
    see_poll("to read", file, POLLIN);
    see_poll("to write", file, POLLOUT);
    see_poll("stdout", STDOUT_FILENO, POLLOUT);
    see_poll("closed", 77, POLLIN);
    SEE(poll(NULL, 0, 1));
    SEE(lseek(file, 0, SEEK_END));
    see_poll("at the end", file, POLLIN);
    SEE(write(file, "x", 1));
    see_poll("to write", file, POLLOUT);
    struct timespec nap = {0, 1000000};
    SEE(nanosleep(&nap, NULL));
    see_file("/data/hello");
    return 0;
}
