/* Threads over one table, and threads that leave it. */
#include "live.h"

static int server;

static void *leaves(void *unused) {
    unshare(CLONE_FILES);
    close(3);
    cloexec(ZERO);
    plain(NUL);
    rest();
    return NULL;
}

static void thread_unshares(void) {
    plain(PASSWD);
    plain(GROUP);
    thread(leaves, NULL);
    nap(40);
    plain(ZERO);
}

static void *leaves_by_range(void *unused) {
    range(3, 3, RANGE_UNSHARE);
    plain(ZERO);
    rest();
    return NULL;
}

static void range_unshares(void) {
    plain(PASSWD);
    plain(GROUP);
    thread(leaves_by_range, NULL);
    nap(40);
    plain(NUL);
}

static void *replaces(void *unused) {
    plain(ZERO);
    cloexec(NUL);
    execlp("sleep", "sleep", "1000", NULL);
    return NULL;
}

static void *waits(void *unused) {
    rest();
    return NULL;
}

static void exec_not_leader(void) {
    plain(PASSWD);
    cloexec(GROUP);
    thread(waits, NULL);
    nap(20);
    thread(replaces, NULL);
}

static void *replaces_alone(void *unused) {
    unshare(CLONE_FILES);
    close(3);
    return replaces(NULL);
}

static void exec_from_private_table(void) {
    plain(PASSWD);
    cloexec(GROUP);
    thread(replaces_alone, NULL);
}

static void *carries_on(void *unused) {
    nap(40);
    close(3);
    plain(ZERO);
    cloexec(NUL);
    if (!fork()) close(4);
    rest();
    return NULL;
}

static void leader_leaves(void) {
    plain(PASSWD);
    plain(GROUP);
    thread(carries_on, NULL);
    pthread_exit(NULL);
}

static void *closes_and_opens(void *which) {
    for (int i = 0; i < 60; i++) {
        int fd = plain(PASSWD);
        close(fd);
    }
    if (which) cloexec(GROUP);
    rest();
    return NULL;
}

/* One thread's close is still in flight while the other already has the number. */
static void reuse_in_flight(void) {
    thread(closes_and_opens, NULL);
    thread(closes_and_opens, "last");
    thread(closes_and_opens, NULL);
}

static void *forks(void *unused) {
    plain(GROUP);
    if (!fork()) {
        plain(ZERO);
        rest();
    }
    rest();
    return NULL;
}

static void fork_in_thread(void) {
    plain(PASSWD);
    thread(forks, NULL);
    nap(40);
    cloexec(NUL);
}

static void *accepts(void *unused) {
    accept(server, NULL, NULL);
    rest();
    return NULL;
}

static void *opens_fifo(void *unused) {
    plain("fifo");
    rest();
    return NULL;
}

/* Blocked calls hold numbers that nobody sees: 4 by accept, 5 by the open of a FIFO. */
static void numbers_reserved(void) {
    server = listener("socket");
    mkfifo("fifo", 0600);
    thread(accepts, NULL);
    nap(40);
    thread(opens_fifo, NULL);
    nap(40);
    plain(PASSWD);
    dup2(0, 4);
    dup2(0, 5);
    client("socket");
    nap(40);
    plain(GROUP);
}

static void noted(int signal) { }

static void accept_restarts(void) {
    struct sigaction again = {.sa_handler = noted, .sa_flags = SA_RESTART};
    sigaction(SIGUSR1, &again, NULL);
    server = listener("socket");
    pthread_t blocked = thread(accepts, NULL);
    nap(40);
    pthread_kill(blocked, SIGUSR1);
    nap(40);
    plain(PASSWD);
    close(server);
    pthread_kill(blocked, SIGUSR1);
    nap(40);
    plain(GROUP);
    plain(ZERO);
}

int main(int argc, char **argv) {
    static const struct scenario all[] = {
        {"thread_unshares", thread_unshares}, {"range_unshares", range_unshares}, {"exec_not_leader", exec_not_leader},
        {"exec_from_private_table", exec_from_private_table}, {"leader_leaves", leader_leaves},
        {"reuse_in_flight", reuse_in_flight}, {"fork_in_thread", fork_in_thread},
        {"numbers_reserved", numbers_reserved}, {"accept_restarts", accept_restarts},
    };
    return CHOOSE(all, argv);
}
