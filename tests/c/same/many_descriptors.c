/* Many descriptors at once, of one file and of many. */
#include "observe.h"

int main(void) {
    char path[64];
    int fds[100];
    for (int i = 0; i < 100; i++) {
        snprintf(path, sizeof path, "/data/void/%d", i);
        fds[i] = open(i % 2 ? path : "/data/hello", O_RDWR | O_CREAT, 0644);
        if (fds[i] < 0)
            SEE(-1);
    }
    printf("from %d to %d\n", fds[0], fds[99]);
    for (int i = 0; i < 100; i++)
        if (pwrite(fds[i], &"0123456789"[i % 10], 1, i) != 1)
            SEE(-1);
    see_bytes("hello", fds[0], 0, 200);
    for (int i = 99; i >= 0; i--)
        if (close(fds[i]) != 0)
            SEE(-1);
    SEE(open("/data/hello", O_RDONLY));
    see_list("/data/void");
    return 0;
}
