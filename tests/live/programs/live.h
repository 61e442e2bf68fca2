/* What the recorded programs share. A scenario ends in rest(): the recorder reads the tables when all tasks sleep. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#define PASSWD "/etc/passwd"
#define GROUP "/etc/group"
#define ZERO "/dev/zero"
#define NUL "/dev/null"

extern char **environ;

static int plain(const char *path) { return open(path, O_RDONLY); }
static int cloexec(const char *path) { return open(path, O_RDONLY | O_CLOEXEC); }

static int range(unsigned first, unsigned last, unsigned flags) { return syscall(436 /* close_range */, first, last, flags); }
enum { RANGE_UNSHARE = 2, RANGE_CLOEXEC = 4 };

static void rest(void) { for (;;) pause(); }

static void nap(int milliseconds) {
    struct timespec time = {0, milliseconds * 1000000L};
    nanosleep(&time, NULL);
}

static pthread_t thread(void *(*body)(void *), void *argument) {
    pthread_t made;
    pthread_create(&made, NULL, body, argument);
    return made;
}

/* Listen on a path of the current directory. */
static int listener(const char *path) {
    struct sockaddr_un name = {AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    strcpy(name.sun_path, path);
    bind(fd, (struct sockaddr *)&name, sizeof name);
    listen(fd, 5);
    return fd;
}

static int client(const char *path) {
    struct sockaddr_un name = {AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    strcpy(name.sun_path, path);
    connect(fd, (struct sockaddr *)&name, sizeof name);
    return fd;
}

struct scenario { const char *name; void (*run)(void); };

/* Run the scenario that the first argument names. */
static int choose(const struct scenario *all, int count, char **argv) {
    for (int i = 0; i < count; i++)
        if (argv[1] && !strcmp(all[i].name, argv[1])) {
            all[i].run();
            rest();
        }
    return 2;
}
#define CHOOSE(all, argv) choose(all, sizeof all / sizeof *all, argv)
