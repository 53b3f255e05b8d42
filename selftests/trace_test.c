// SPDX-License-Identifier: GPL-2.0-only
/*
 * The events of the trace system freq, with their fields.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "freq_test.h"

#define TRACEFS		"/sys/kernel/tracing"
#define INSTANCE	TRACEFS "/instances/freq_test"

FIXTURE(trace) {
	int fd;
};

/* The instance goes before the modules whose events it records. */
static void trace_end(void)
{
	write_text(INSTANCE "/events/freq/enable", "0");
	rmdir(INSTANCE);
}

/* The door is there, and no release. */
FIXTURE_SETUP(trace)
{
	ASSERT_EQ(0, server_clean());
	ASSERT_EQ(0, module_load("freq", NULL));
	self->fd = open_client();
	ASSERT_GE(self->fd, 0);
	if (access(TRACEFS "/instances", F_OK))
		ASSERT_EQ(0, mount("tracefs", TRACEFS, "tracefs", 0, NULL));
	trace_end();
	ASSERT_EQ(0, mkdir(INSTANCE, 0700));
	ASSERT_EQ(0, write_text(INSTANCE "/events/freq/enable", "1"));
}

FIXTURE_TEARDOWN(trace)
{
	set_knob("none");
	trace_end();
	EXPECT_EQ(0, test_clean());
}

/**
 * trace_take() - take the next line of an event
 * @at: where to go on in the text of the trace; moved behind that line
 * @event: name of the event
 *
 * Return: its fields, to the end of the text; NULL if there is no more.
 */
static char *trace_take(char **at, const char *event)
{
	char name[32], *found;

	snprintf(name, sizeof(name), " %s: ", event);
	found = strstr(*at, name);
	if (!found)
		return NULL;
	found += strlen(name);
	*at = found;
	return found;
}

static char *trace_read(void)
{
	return read_text(INSTANCE "/trace");
}

#define EXPECT_EVENT(event, ...) ({					\
	char *__line = trace_take(&at, event);				\
	char __want[128];						\
									\
	ASSERT_NE(NULL, __line);					\
	snprintf(__want, sizeof(__want), __VA_ARGS__);			\
	EXPECT_EQ(0, strncmp(__want, __line, strlen(__want))) {		\
		TH_LOG("wanted %s, saw %.60s", __want, __line);		\
	}								\
})

#define EXPECT_NO_EVENT(event) ({					\
	char *__at = text;						\
									\
	EXPECT_EQ(NULL, trace_take(&__at, event));			\
})

TEST_F(trace, start_upgrade_stop)
{
	char *text, *at;

	ASSERT_EQ(0, module_load("freq_v1", NULL));
	ASSERT_EQ(0, server_upgrade("freq_v1", "freq_v2"));
	test_stop(self->fd);
	text = trace_read();
	ASSERT_NE(NULL, text);
	at = text;
	EXPECT_EVENT("freq_prepare", "release=1 running=0 err=0\n");
	EXPECT_EVENT("freq_commit", "release=1 before=0 gate=");
	EXPECT_EVENT("freq_prepare", "release=2 running=1 err=0\n");
	EXPECT_EVENT("freq_commit", "release=2 before=1 gate=%llu\n",
		     upgrade_figure("gate_last_ns"));
	EXPECT_NO_EVENT("freq_abort");
	free(text);
}

/* Refused at the door, by the release itself, and a rehearsal. */
TEST_F(trace, refused)
{
	char *text, *at;

	ASSERT_EQ(0, module_load("freq_v2", NULL));
	ASSERT_EQ(0, write_text(INSTANCE "/trace", ""));
	EXPECT_EQ(-EPROTO, module_load("freq_v90", "fail=magic"));
	EXPECT_EQ(-E2BIG, module_load("freq_v90", "fail=later"));
	EXPECT_EQ(-ENOMEM, module_load("freq_v90", "fail=room"));
	EXPECT_EQ(-ENOMEM, module_load("freq_v90", "fail=begin rehearse=1"));
	text = trace_read();
	ASSERT_NE(NULL, text);
	at = text;
	EXPECT_EVENT("freq_prepare", "release=90 running=0 err=%d\n", -EPROTO);
	EXPECT_EVENT("freq_prepare", "release=90 running=0 err=%d\n", -E2BIG);
	EXPECT_EVENT("freq_prepare", "release=90 running=2 err=0\n");
	EXPECT_EVENT("freq_abort", "release=90 err=%d\n", -ENOMEM);
	EXPECT_EVENT("freq_prepare", "release=90 running=2 err=0\n");
	EXPECT_EVENT("freq_abort", "release=90 err=%d\n", -ENOMEM);
	EXPECT_NO_EVENT("freq_commit");
	free(text);
}

static unsigned long long field(const char *line, const char *name)
{
	const char *found = line ? strstr(line, name) : NULL;

	return found && found < strchrnul(line, '\n') ?
		       strtoull(found + strlen(name), NULL, 10) : 0;
}

/* The request's number, the client, the answer, and how long it took. */
TEST_F(trace, requests)
{
	unsigned long long clients[2], duration, start;
	char *text, *at, *line;
	__u64 frequency;
	int other;

	ASSERT_EQ(0, module_load("freq_v2", NULL));
	other = open_client();
	ASSERT_GE(other, 0);
	ASSERT_EQ(0, write_text(INSTANCE "/trace", ""));
	test_allocate(self->fd, 10);
	EXPECT_EQ(-EPERM, try_deallocate(other, 10));
	EXPECT_EQ(-ENOENT, try_deallocate(self->fd, 11));
	EXPECT_EQ(-ENOTTY, try_ioctl(other, _IO(FREQ_IOC_MAGIC, 0x7f), NULL));
	start = now_us();
	ASSERT_EQ(0, try_allocate(self->fd, 0, &frequency));
	start = now_us() - start;
	text = trace_read();
	ASSERT_NE(NULL, text);
	at = text;
	EXPECT_EVENT("freq_request", "nr=0x%02lx client=",
		     _IOC_NR(FREQ_IOC_ALLOCATE));
	line = at;
	clients[0] = field(line, "client=");
	EXPECT_NE(0, clients[0]);
	EXPECT_EQ(0, strncmp("err=0 duration=", strstr(line, "err="), 15));
	EXPECT_LT(0, field(line, "duration="));
	line = trace_take(&at, "freq_request");
	ASSERT_NE(NULL, line);
	clients[1] = field(line, "client=");
	EXPECT_NE(0, clients[1]);
	EXPECT_NE(clients[0], clients[1]);
	EXPECT_EQ(0, strncmp("err=-1 ", strstr(line, "err="), 7));
	EXPECT_EVENT("freq_request", "nr=0x%02lx client=%llu err=%d duration=",
		     _IOC_NR(FREQ_IOC_DEALLOCATE), clients[0], -ENOENT);
	EXPECT_EVENT("freq_request", "nr=0x7f client=%llu err=%d duration=",
		     clients[1], -ENOTTY);
	EXPECT_EVENT("freq_request", "nr=0x%02lx client=%llu err=0 duration=",
		     _IOC_NR(FREQ_IOC_ALLOCATE), clients[0]);
	duration = field(at, "duration=");
	EXPECT_LT(0, duration);
	/* In ns, within what the caller saw */
	EXPECT_GE(1000 * (start + 1), duration);
	EXPECT_EQ(NULL, trace_take(&at, "freq_request"));
	free(text);
}

/* A request that the door answers, or the release only in part, is one all the same. */
TEST_F(trace, unusual_requests)
{
	struct {
		struct freq_inject known;
		__u64 unknown[ARGUMENT_MAX / 8];
	} large = { };
	struct freq_allocate *reply = page_map(PROT_READ | PROT_WRITE);
	const unsigned long inject = _IOC(_IOC_READ | _IOC_WRITE,
					  FREQ_IOC_MAGIC,
					  _IOC_NR(FREQ_IOC_INJECT),
					  sizeof(large));
	__u64 numbers[] = { 30, 31 };
	char *text, *at;
	size_t i;

	ASSERT_NE(NULL, reply);
	ASSERT_EQ(0, module_load("freq_v2", NULL));
	ASSERT_EQ(0, mprotect(reply, page_size(), PROT_READ));
	large.known.frequencies = (uintptr_t)numbers;
	large.known.count = ARRAY_SIZE(numbers);
	large.unknown[ARRAY_SIZE(large.unknown) - 1] = 1;
	ASSERT_EQ(0, write_text(INSTANCE "/trace", ""));
	/* Not ours: not traced as such, but for its number */
	EXPECT_EQ(-ENOTTY, try_ioctl(self->fd, _IO('?', 1), NULL));
	/* Neither of two words can be read, or only the first; or none be written. */
	EXPECT_EQ(-EFAULT, try_ioctl(self->fd, FREQ_IOC_ALLOCATE, NULL));
	EXPECT_EQ(-EFAULT, try_ioctl(self->fd, FREQ_IOC_ALLOCATE,
				     page_straddle(8)));
	EXPECT_EQ(-EFAULT, try_ioctl(self->fd, FREQ_IOC_ALLOCATE, reply));
	/* An array is copied in and another out. */
	EXPECT_EQ(-E2BIG, try_ioctl(self->fd, inject, &large));
	EXPECT_EQ(0, try_inject(self->fd, numbers, ARRAY_SIZE(numbers), NULL));
	text = trace_read();
	ASSERT_NE(NULL, text);
	at = text;
	EXPECT_EQ(-ENOTTY, (int)field(trace_take(&at, "freq_request"), "err="));
	for (i = 0; i < 3; i++) {
		char *line = trace_take(&at, "freq_request");

		ASSERT_NE(NULL, line);
		EXPECT_EQ(0, strncmp("err=-14 ", strstr(line, "err="), 8));
	}
	EXPECT_EQ(-E2BIG, (int)field(trace_take(&at, "freq_request"), "err="));
	EXPECT_EQ(0, (int)field(trace_take(&at, "freq_request"), "err="));
	EXPECT_EQ(NULL, trace_take(&at, "freq_request"));
	free(text);
	munmap(reply, page_size());
	EXPECT_TRUE(sysfs_is("free", "10-15,30-31\n"));
}

#define REQUESTS 5

/* Each hold, where it was, and for how long. */
TEST_F(trace, holds)
{
	struct freq_info info;
	int count = 0;
	char *text, *at, *line;
	int i;

	ASSERT_EQ(0, module_load("freq_v2", NULL));
	ASSERT_EQ(0, write_text(INSTANCE "/trace", ""));
	for (i = 0; i < REQUESTS; i++)
		test_info(self->fd, &info);
	text = trace_read();
	ASSERT_NE(NULL, text);
	at = text;
	while ((line = trace_take(&at, "freq_hold"))) {
		char *end = strchrnul(line, '\n');
		char *ours = strstr(line, "[freq] duration=");

		EXPECT_EQ(0, strncmp("caller=", line, 7));
		EXPECT_TRUE(ours && ours < end);
		EXPECT_LT(0, field(line, "duration="));
		count++;
	}
	EXPECT_EQ(REQUESTS, count);
	free(text);
}

TEST_HARNESS_MAIN
