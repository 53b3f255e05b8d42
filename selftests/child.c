// SPDX-License-Identifier: GPL-2.0-only
/*
 * Child processes: each has a line to the test, a socket for words of one letter
 * and for descriptors, and none outlives the test.
 */
#define _GNU_SOURCE
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "freq_test.h"

#define CHILDREN_MAX	256

static pid_t children[CHILDREN_MAX];
static pid_t main_process;

/* Another user for good, with no privilege. */
int become(uid_t uid)
{
	if (setgroups(0, NULL) || setresgid(uid, uid, uid) ||
	    setresuid(uid, uid, uid))
		return -errno;
	/* The change cleared it, and orphans shall not stay behind. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	return 0;
}

/**
 * child_start() - run a function in another process
 * @child: filled; child_wait() or child_kill() it
 * @body: what it does, with its end of the line; not 0 if it failed
 * @data: for body
 *
 * As with any fork, the child has all descriptors that the test has.
 */
int child_start(struct child *child, int (*body)(int line, void *data),
		void *data)
{
	int ends[2];
	int i;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends))
		return -errno;
	fflush(stdout);
	fflush(stderr);
	child->pid = fork();
	if (child->pid < 0)
		return -errno;
	if (!child->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(ends[0]);
		i = body(ends[1], data);
		fflush(stderr);
		_exit(i ? 1 : 0);
	}
	close(ends[1]);
	child->line = ends[0];

	main_process = getpid();
	for (i = 0; i < CHILDREN_MAX; i++) {
		if (!children[i]) {
			children[i] = child->pid;
			break;
		}
	}
	return 0;
}

static void child_forget(pid_t pid)
{
	int i;

	for (i = 0; i < CHILDREN_MAX; i++) {
		if (children[i] == pid)
			children[i] = 0;
	}
}

/* Until the child is gone; its exit status, or 128 + its signal. */
int child_wait(struct child *child)
{
	int status;

	if (waitpid(child->pid, &status, 0) != child->pid)
		return -errno;
	child_forget(child->pid);
	close(child->line);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) :
				     WEXITSTATUS(status);
}

int child_kill(struct child *child)
{
	kill(child->pid, SIGKILL);
	return child_wait(child);
}

/**
 * child_kill_timed() - kill a child that has to end at once
 * @child: the child
 * @us: how long it took, in microseconds of the guest
 *
 * Return: as child_wait(); -ETIMEDOUT if it did not end, and may still.
 */
int child_kill_timed(struct child *child, unsigned long long *us)
{
	struct pollfd ended = {
		.fd = syscall(SYS_pidfd_open, child->pid, 0),
		.events = POLLIN,
	};
	unsigned long long start = now_us();
	int count;

	if (ended.fd < 0)
		return -errno;
	kill(child->pid, SIGKILL);
	count = poll(&ended, 1, DEADLINE_MS);
	*us = now_us() - start;
	close(ended.fd);
	return count == 1 ? child_wait(child) : -ETIMEDOUT;
}

/* R, S, D, T, Z and so on; 0 if there is no such process. */
char process_state(pid_t pid)
{
	char path[32], state = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
		state = 0;
	fclose(file);
	return state;
}

void children_kill(void)
{
	int i;

	if (main_process != getpid())
		return;
	for (i = 0; i < CHILDREN_MAX; i++) {
		if (!children[i])
			continue;
		kill(children[i], SIGKILL);
		waitpid(children[i], NULL, 0);
		children[i] = 0;
	}
}

int line_say(int line, char word)
{
	return send(line, &word, 1, MSG_NOSIGNAL) == 1 ? 0 : -errno;
}

static int line_wait(int line)
{
	struct pollfd ready = { .fd = line, .events = POLLIN };

	return poll(&ready, 1, DEADLINE_MS) == 1 ? 0 : -ETIMEDOUT;
}

/* The other side has to say just this word. */
int line_hear(int line, char word)
{
	char heard;
	int error = line_wait(line);

	if (error)
		return error;
	if (read(line, &heard, 1) != 1)
		return -EPIPE;
	return heard == word ? 0 : -EPROTO;
}

int line_send_fd(int line, int fd)
{
	union {
		char space[CMSG_SPACE(sizeof(fd))];
		struct cmsghdr align;
	} control = {};
	struct iovec word = { .iov_base = "f", .iov_len = 1 };
	struct msghdr message = {
		.msg_iov = &word,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	return sendmsg(line, &message, MSG_NOSIGNAL) == 1 ? 0 : -errno;
}

/* A descriptor, or a negative errno. */
int line_receive_fd(int line)
{
	union {
		char space[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	char letter;
	struct iovec word = { .iov_base = &letter, .iov_len = 1 };
	struct msghdr message = {
		.msg_iov = &word,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *header;
	int error = line_wait(line);
	int fd;

	if (error)
		return error;
	if (recvmsg(line, &message, MSG_CMSG_CLOEXEC) != 1)
		return -EPIPE;
	header = CMSG_FIRSTHDR(&message);
	if (!header || header->cmsg_type != SCM_RIGHTS)
		return -EPROTO;
	memcpy(&fd, CMSG_DATA(header), sizeof(fd));
	return fd;
}

/*
 * After a test, also one that failed half way: its children and its open
 * descriptors would keep the server from being stopped.
 */
int test_clean(void)
{
	children_kill();
	syscall(SYS_close_range, 3, ~0U, 0);
	return server_clean();
}

/**
 * child_in_pid_namespace() - have a child of a child in a new pid namespace
 * @line: to the parent, which is told its process ID, and says 'b' to end it
 * @inside: what it does: says 'a' when it has done it, and hears 'b'
 * @data: passed to @inside
 *
 * Return: 0, or what it ended with.
 */
int child_in_pid_namespace(int line, int (*inside)(int line, void *data),
			   void *data)
{
	struct child child;

	if (differ(0, unshare(CLONE_NEWPID)) ||
	    differ(0, child_start(&child, inside, data)) ||
	    differ(0, line_hear(child.line, 'a')) ||
	    differ(sizeof(child.pid), write(line, &child.pid,
					    sizeof(child.pid))) ||
	    differ(0, line_hear(line, 'b')) ||
	    differ(0, line_say(child.line, 'b')))
		return -1;
	return child_wait(&child);
}
