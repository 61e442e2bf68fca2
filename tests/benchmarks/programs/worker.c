/* Threads that open, use and close; every fortieth round one of them forgets a file. */
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static int rounds;

static int take_file(const char *path) { return open(path, O_RDONLY | O_CLOEXEC); }

static void load_settings(int round) {
    char text[64];
    int fd = take_file("/etc/passwd");
    for (int i = 0; i < 4; i++)
        (void)!read(fd, text, sizeof text);
    if (round % 40)
        close(fd);
}

static void exchange(void) {
    int pair[2];
    char text[8];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
        return;
    for (int i = 0; i < 8; i++) {
        (void)!write(pair[0], "ping", 4);
        (void)!read(pair[1], text, 4);
    }
    close(pair[0]);
    close(pair[1]);
}

static void *work(void *unused) {
    for (int round = 1; round <= rounds; round++) {
        load_settings(round);
        exchange();
    }
    return unused;
}

int main(int count, char **words) {
    pthread_t threads[4];
    rounds = count > 1 ? atoi(words[1]) : 100;
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, work, NULL);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
