/* Polls its spool every few milliseconds. With an argument it forgets to close the eventfd of each round. */
#include <fcntl.h>
#include <stdio.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

static int wake_channel(void) { return eventfd(0, EFD_CLOEXEC); }

static void poll_spool(int leaks) {
    char text[64];
    uint64_t one = 1;
    int spool = open("/etc/hostname", O_RDONLY | O_CLOEXEC);
    int wake = wake_channel();
    if (read(spool, text, sizeof text) < 0 || write(wake, &one, sizeof one) < 0)
        perror("poller");
    close(spool);
    if (!leaks)
        close(wake);
}

static void report(void) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0) {
        close(ends[0]);
        close(ends[1]);
    }
}

int main(int count, char **words) {
    (void)words;
    for (int round = 0; round < 40; round++) {
        poll_spool(count > 1);
        report();
        usleep(100000);
    }
    return 0;
}
