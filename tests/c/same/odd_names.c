/* Names with odd characters and bytes. */
#include "observe.h"

int main(void) {
    static const char *names[] = {"with space", "new\nline", "tab\t", "back\\slash", "*?[]", "...",
                                  "..x",        "-",         ".hid", "\xc3\xa9t\xc3\xa9",
                                  "\xf0\x9f\xa6\x80", "a:b", "COM1", "~", "\x01\x7f", "\"'"};
    char path[64];
    struct stat meta;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "/data/void/%s", names[i]);
        SEE_OPEN(path, O_WRONLY | O_CREAT | O_EXCL);
        SEE(stat(path, &meta));
    }
    see_list("/data/void");
    see_list("/data/odd");
    SEE(rmdir("/data/odd"));
    /* Twice the same letters, composed and not. */
    SEE_OPEN("/data/void/e\xcc\x81t", O_WRONLY | O_CREAT | O_EXCL);
    SEE_OPEN("/data/void/\xc3\xa9t", O_WRONLY | O_CREAT | O_EXCL);
    SEE_OPEN("/data/HELLO", O_RDONLY);
    return 0;
}
