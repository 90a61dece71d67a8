/* churn SEED: changes files for ever, and is killed in the middle of it. */
#include "observe.h"

static char bytes[65536];
static unsigned state;

static unsigned below(unsigned bound) {
    state = state * 1664525u + 1013904223u;
    return (state >> 8) % bound;
}

int main(int argc, char **argv) {
    char a[32], b[32];
    state = argc > 1 ? (unsigned)atoi(argv[1]) : 0;
    for (;;) {
        snprintf(a, sizeof a, "/data/f%u", below(6));
        snprintf(b, sizeof b, "/data/f%u", below(6));
        int fd;
        switch (below(9)) {
        case 0: unlink(a); break;
        case 1: rename(a, b); break;
        case 2: link(a, b); break;
        case 3: symlink(b + 6, a); break;
        case 4: truncate(a, below(100000)); break;
        case 5: mkdir("/data/d", 0755); rmdir("/data/d"); break;
        default:
            fd = open(a, O_RDWR | O_CREAT | (below(3) ? 0 : O_TRUNC), 0644);
            if (below(8) == 0)
                unlink(a);
            pwrite(fd, bytes, below(sizeof bytes), below(40000));
            write(fd, bytes, sizeof bytes);
            close(fd);
        }
    }
}
