/* A program that traps after it has written. */
#include "observe.h"

int main(void) {
    int fd = open("/data/hello", O_WRONLY | O_APPEND);
    SEE(write(fd, "before the trap\n", 16));
    SEE(unlink("/data/empty"));
    fflush(stdout);
    abort();
}
