/* race swap|steal ROUNDS: may use /data/open alone. "swap" puts links to /data/closed, directories and
 * files in turn under the names that "steal" uses meanwhile. */
#include "observe.h"

static void swap(int rounds) {
    for (int i = 0; i < rounds; i++) {
        symlink("../closed/secret", "/data/open/new-x");
        rename("/data/open/new-x", "/data/open/x");
        symlink("../closed", "/data/open/new-d");
        rename("/data/open/new-d", "/data/open/d");
        make("/data/open/new-x", "open\n");
        rename("/data/open/new-x", "/data/open/x");
        unlink("/data/open/d");
        mkdir("/data/open/d", 0755);
        make("/data/open/d/secret", "open\n");
        unlink("/data/open/d/secret");
        unlink("/data/open/d/file");
        rmdir("/data/open/d");
    }
}

static int opened, refused, stolen;

/* Whatever can be read is not the secret. */
static void look(const char *path) {
    char text[16] = {0};
    int fd = open(path, O_RDONLY);
    if (fd < 0) {
        refused += errno == EACCES;
        return;
    }
    opened++;
    stolen += read(fd, text, sizeof text - 1) > 0 && strcmp(text, "open\n") != 0;
    close(fd);
}

/* Nothing is made, cut, moved or removed behind the link. The parent compares what is there. */
static void change(void) {
    struct stat meta;
    int fd = open("/data/open/d/file", O_WRONLY | O_CREAT, 0644);
    close_if_open(fd);
    close_if_open(open("/data/open/x", O_WRONLY | O_TRUNC));
    close_if_open(open("/data/open/d/secret", O_WRONLY | O_TRUNC));
    stolen += rename("/data/open/d/secret", "/data/open/moved") == 0 &&
              stat("/data/open/moved", &meta) == 0 && meta.st_size == 7;
    stolen += link("/data/open/d/secret", "/data/open/linked") == 0 &&
              stat("/data/open/linked", &meta) == 0 && meta.st_size == 7;
    unlink("/data/open/d/secret");
    unlink("/data/open/moved");
    unlink("/data/open/linked");
    mkdir("/data/open/d/made", 0755);
    rmdir("/data/open/d/made");
    DIR *dir = opendir("/data/open/d");
    for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;)
        stolen += strcmp(entry->d_name, "marker") == 0;
    if (dir != NULL)
        closedir(dir);
}

int main(int argc, char **argv) {
    if (argc != 3)
        return 2;
    int rounds = atoi(argv[2]);
    if (strcmp(argv[1], "swap") == 0) {
        swap(rounds);
        return 0;
    }
    for (int i = 0; i < rounds; i++) {
        look("/data/open/x");
        look("/data/open/d/secret");
        change();
    }
    printf("opened %s, refused %s, stolen %d\n", opened ? "some" : "none",
           refused ? "some" : "none", stolen);
    return 0;
}
