/* A program that has been running for a while: SIGUSR1 makes one thread act, then the file "done" appears. */
#include "live.h"

static int before[4];

static void *acts(void *unused) {
    sigset_t set;
    int signal;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigwait(&set, &signal);
    cloexec(GROUP);
    close(before[1]);
    dup2(before[0], 50);
    close(before[2]);
    plain(ZERO);
    if (!fork()) {
        close(before[3]);
        plain(NUL);
        rest();
    }
    close(creat("done", 0600));
    rest();
    return NULL;
}

int main(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    for (int i = 0; i < 4; i++) before[i] = plain(PASSWD);
    thread(acts, NULL);
    close(creat("ready", 0600));
    rest();
}
