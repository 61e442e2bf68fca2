/* Processes that copy, share, leave and replace tables. */
#include "live.h"
#include <linux/sched.h>

static char stacks[4][65536];

static pid_t shares(int (*body)(void *), int which, int flags) {
    return clone(body, stacks[which] + sizeof stacks[which], CLONE_FILES | SIGCHLD | flags, NULL);
}

static void become_sleep(void) { execlp("sleep", "sleep", "1000", NULL); }

static void fork_copies(void) {
    int a = plain(PASSWD), b = cloexec(GROUP);
    if (!fork()) {
        close(a);
        plain(ZERO);
        fcntl(b, F_SETFD, 0);
        if (!fork()) {
            plain(NUL);
            close(b);
        }
        rest();
    }
    close(b);
    if (!fork()) _exit(0);
    plain(ZERO);
}

static void vfork_closes(void) {
    int a = plain(PASSWD), b = cloexec(GROUP);
    if (!vfork()) {
        close(a);
        dup2(b, 40);
        _exit(0);
    }
    if (!vfork()) {
        close(a);
        dup2(b, 41);
        become_sleep();
    }
    if (!vfork()) {
        execl("/no/such/program", "none", NULL);
        close(a);
        _exit(1);
    }
    plain(ZERO);
}

static void spawns(void) {
    int a = plain(PASSWD), b = cloexec(GROUP);
    char *sleep[] = {"sleep", "1000", NULL};
    pid_t child;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 9, ZERO, O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, b, 12);
    posix_spawn_file_actions_addclose(&actions, a);
    posix_spawnp(&child, "sleep", &actions, NULL, sleep, environ);
    posix_spawn(&child, "/no/such/program", &actions, NULL, sleep, environ);
    popen("sleep 1000", "re");
    system("exec 5</etc/passwd; true");
}

static int changes_shared(void *unused) {
    close(3);
    cloexec(GROUP);
    plain(ZERO);
    rest();
    return 0;
}

static int leaves_by_exec(void *unused) {
    become_sleep();
    return 0;
}

static int dies(void *unused) {
    plain(ZERO);
    _exit(0);
}

static void clone_files(void) {
    plain(PASSWD);
    cloexec(PASSWD);
    shares(changes_shared, 0, 0);
    nap(40);
    shares(dies, 1, CLONE_VM);
    nap(40);
    plain(NUL);
}

static void exec_with_sharer(void) {
    plain(PASSWD);
    cloexec(GROUP);
    shares(leaves_by_exec, 0, 0);
    nap(40);
    plain(ZERO);
}

static void exec_chain(void) {
    plain(PASSWD);
    cloexec(GROUP);
    int keep = cloexec(ZERO);
    fcntl(keep, F_SETFD, 0);
    execl("/no/such/program", "none", NULL);
    execlp("sh", "sh", "-c", "exec 8</etc/group; exec sleep 1000", NULL);
}

static void daemon_leaves(void) {
    int lock = open("lock", O_RDWR | O_CREAT, 0600);
    plain(PASSWD);
    if (fork()) _exit(0);
    setsid();
    if (fork()) _exit(0);
    for (int i = 0; i < 20; i++)
        if (i != lock) close(i);
    plain(NUL);
    dup(0);
    dup(0);
    plain(GROUP);
}

static void killed(void) {
    int a = plain(PASSWD);
    pid_t first = fork();
    if (!first) {
        plain(GROUP);
        if (!fork()) {
            plain(ZERO);
            close(a);
            rest();
        }
        rest();
    }
    if (!fork()) {
        plain(GROUP);
        abort();
    }
    nap(40);
    kill(first, SIGKILL);
    wait(NULL);
    wait(NULL);
    plain(NUL);
}

/* Make the kernel hand out this pid next, where it lets us. */
static void next_pid(pid_t pid) {
    int last = open("/proc/sys/kernel/ns_last_pid", O_WRONLY | O_CLOEXEC);
    dprintf(last, "%d", pid - 1);
    close(last);
}

static void pid_comes_back(void) {
    int a = plain(PASSWD);
    pid_t first = fork();
    if (!first) {
        plain(GROUP);
        _exit(0);
    }
    waitpid(first, NULL, 0);
    next_pid(first);
    if (!fork()) {
        close(a);
        cloexec(ZERO);
        rest();
    }
    plain(NUL);
}

static int first_of_namespace(void *unused) {
    plain(GROUP);
    if (!fork()) {
        close(3);
        plain(ZERO);
        rest();
    }
    plain(NUL);
    rest();
    return 0;
}

static void pid_namespace(void) {
    plain(PASSWD);
    clone(first_of_namespace, stacks[0] + sizeof stacks[0], CLONE_NEWPID | SIGCHLD, NULL);
}

static void clone_pidfd(void) {
    int pidfd;
    if (!syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, NULL, &pidfd, NULL, NULL)) rest();
    plain(PASSWD);
}

static void clone3_pidfd(void) {
    int pidfd;
    struct clone_args how = {.flags = CLONE_PIDFD, .pidfd = (uintptr_t)&pidfd, .exit_signal = SIGCHLD};
    if (!syscall(435 /* clone3 */, &how, sizeof how)) {
        plain(GROUP);
        rest();
    }
    plain(PASSWD);
}

int main(int argc, char **argv) {
    static const struct scenario all[] = {
        {"fork_copies", fork_copies}, {"vfork_closes", vfork_closes}, {"spawns", spawns}, {"clone_files", clone_files},
        {"exec_with_sharer", exec_with_sharer}, {"exec_chain", exec_chain}, {"daemon_leaves", daemon_leaves},
        {"killed", killed}, {"pid_comes_back", pid_comes_back}, {"pid_namespace", pid_namespace},
        {"clone_pidfd", clone_pidfd}, {"clone3_pidfd", clone3_pidfd},
    };
    return CHOOSE(all, argv);
}
