// SPDX-License-Identifier: GPL-2.0-only
/*
 * What user space learns of upgrades: poll() on the release's number, uevents of
 * the device, files that come and go, and the figures in upgrades/.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/netlink.h>

#include "../kselftest_harness.h"
#include "freq_test.h"

/* The door is there, and no release. */
FIXTURE(notify) {
	int fd;
	int release;
	int uevents;
};

static int open_uevents(void)
{
	const struct sockaddr_nl address = {
		.nl_family = AF_NETLINK,
		.nl_groups = 1,
	};
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
			NETLINK_KOBJECT_UEVENT);

	if (fd >= 0 && bind(fd, (const void *)&address, sizeof(address)))
		return -errno;
	return fd < 0 ? -errno : fd;
}

FIXTURE_SETUP(notify)
{
	ASSERT_EQ(0, server_clean());
	ASSERT_EQ(0, module_load("freq", NULL));
	self->fd = open_client();
	ASSERT_GE(self->fd, 0);
	self->release = open(SYSFS "release", O_RDONLY | O_CLOEXEC);
	ASSERT_GE(self->release, 0);
	self->uevents = open_uevents();
	ASSERT_GE(self->uevents, 0);
}

FIXTURE_TEARDOWN(notify)
{
	set_knob("none");
	EXPECT_EQ(0, test_clean());
}

/* Reads the number, which arms poll() anew; -1 if it cannot be read. */
static int read_release(int fd)
{
	char text[16] = "";

	return lseek(fd, 0, SEEK_SET) || read(fd, text, sizeof(text) - 1) < 2 ?
		       -1 : atoi(text);
}

/* The events that are reported now */
static int events(int fd)
{
	struct pollfd polled = { .fd = fd, .events = POLLPRI };

	return poll(&polled, 1, 0) < 0 ? -1 : polled.revents;
}

#define EXPECT_NOTIFIED(number) ({					\
	EXPECT_EQ(POLLERR | POLLPRI, events(self->release));		\
	/* Until it is read */						\
	EXPECT_EQ(POLLERR | POLLPRI, events(self->release));		\
	EXPECT_EQ(number, read_release(self->release));			\
	EXPECT_EQ(0, events(self->release));				\
})

TEST_F(notify, release_is_polled)
{
	EXPECT_EQ(0, read_release(self->release));
	EXPECT_EQ(0, events(self->release));
	ASSERT_EQ(0, module_load("freq_v1", NULL));
	EXPECT_NOTIFIED(1);
	ASSERT_EQ(0, server_upgrade("freq_v1", "freq_v90"));
	EXPECT_NOTIFIED(90);
	ASSERT_EQ(0, server_upgrade("freq_v90", "freq_v2"));
	EXPECT_NOTIFIED(2);
	test_stop(self->fd);
	EXPECT_NOTIFIED(0);
	ASSERT_EQ(0, module_unload("freq_v2"));
	ASSERT_EQ(0, module_load("freq_v2", NULL));
	EXPECT_NOTIFIED(2);
}

/* No event without a change of the release. */
TEST_F(notify, release_is_not_polled)
{
	ASSERT_EQ(0, module_load("freq_v1", NULL));
	EXPECT_NOTIFIED(1);
	EXPECT_EQ(-ENOMEM, module_load("freq_v90", "fail=room"));
	EXPECT_EQ(-EPROTO, module_load("freq_v90", "fail=magic"));
	test_allocate(self->fd, 10);
	test_err_stop(EBUSY, self->fd);
	test_deallocate(self->fd, 10);
	ASSERT_EQ(0, module_load("freq_v2", "rehearse=1"));
	EXPECT_EQ(0, events(self->release));
	EXPECT_EQ(1, read_release(self->release));
}

static int wait_for_release(int line, void *data)
{
	struct pollfd polled = { .events = POLLPRI };
	int fd = open(SYSFS "release", O_RDONLY | O_CLOEXEC);

	polled.fd = fd;
	return fails(fd >= 0) || differ(1, read_release(fd)) ||
	       line_say(line, 'a') ||
	       differ(1, poll(&polled, 1, DEADLINE_MS)) ||
	       differ(POLLERR | POLLPRI, polled.revents) ||
	       differ(2, read_release(fd));
}

/* One that sleeps in poll() is woken. */
TEST_F(notify, sleeper_is_woken)
{
	struct child child;

	ASSERT_EQ(0, module_load("freq_v1", NULL));
	ASSERT_EQ(0, child_start(&child, wait_for_release, NULL));
	ASSERT_EQ(0, line_hear(child.line, 'a'));
	ASSERT_TRUE(wait_until(process_state(child.pid) == 'S'));
	ASSERT_EQ(0, module_load("freq_v2", NULL));
	EXPECT_EQ(0, child_wait(&child));
}

/* The value of a variable in a uevent: strings behind each other, or NULL. */
static const char *uevent_value(const char *text, size_t size,
				const char *name)
{
	size_t length = strlen(name);
	const char *at;

	for (at = text; at < text + size; at += strlen(at) + 1) {
		if (!strncmp(at, name, length) && at[length] == '=')
			return at + length + 1;
	}
	return NULL;
}

/*
 * The numbers in the uevents "change" of the device, as many as there are now,
 * each with a space behind it.
 */
static void read_changes(int fd, char *releases, size_t size)
{
	char text[4096];
	ssize_t got;

	*releases = '\0';
	while ((got = recv(fd, text, sizeof(text) - 1, 0)) > 0) {
		const char *action, *path, *release;

		text[got] = '\0';
		action = uevent_value(text, got, "ACTION");
		path = uevent_value(text, got, "DEVPATH");
		release = uevent_value(text, got, "RELEASE");
		if (!action || strcmp(action, "change") || !path ||
		    strcmp(path, "/devices/virtual/misc/freq"))
			continue;
		snprintf(releases + strlen(releases), size - strlen(releases),
			 "%s ", release ?: "none");
	}
}

TEST_F(notify, uevents)
{
	char releases[64];

	ASSERT_EQ(0, module_load("freq_v1", NULL));
	ASSERT_EQ(0, server_upgrade("freq_v1", "freq_v90"));
	ASSERT_EQ(0, server_upgrade("freq_v90", "freq_v1"));
	EXPECT_EQ(-ENOMEM, module_load("freq_v90", "fail=room"));
	ASSERT_EQ(0, module_load("freq_v2", "rehearse=1"));
	close(open_rehearsal());
	ASSERT_EQ(0, module_unload("freq_v2"));
	ASSERT_EQ(0, server_upgrade("freq_v1", "freq_v2"));
	test_stop(self->fd);
	read_changes(self->uevents, releases, sizeof(releases));
	EXPECT_STREQ("1 90 1 2 0 ", releases);
}

static bool has(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), SYSFS "%s", name);
	return !access(path, F_OK);
}

/* Release 90 has two files that the others do not have, and all have the lists. */
TEST_F(notify, files_come_and_go)
{
	int list, own;
	char byte;

	EXPECT_FALSE(has("free"));
	EXPECT_FALSE(has("allocated"));
	ASSERT_EQ(0, module_load("freq_v1", NULL));
	EXPECT_TRUE(has("free"));
	EXPECT_TRUE(has("allocated"));
	EXPECT_FALSE(has("tags"));
	list = open(SYSFS "free", O_RDONLY | O_CLOEXEC);
	ASSERT_GE(list, 0);

	/* One that does not come to run leaves none. */
	EXPECT_EQ(-ENOMEM, module_load("freq_v90", "fail=room"));
	EXPECT_FALSE(has("tags"));
	EXPECT_FALSE(has("services"));
	ASSERT_EQ(0, module_load("freq_v90", "rehearse=1"));
	EXPECT_FALSE(has("tags"));
	EXPECT_EQ(0, access(REHEARSAL_SYSFS "tags", F_OK));
	close(open_rehearsal());
	ASSERT_EQ(0, module_unload("freq_v90"));

	ASSERT_EQ(0, server_upgrade("freq_v1", "freq_v90"));
	EXPECT_TRUE(sysfs_is("tags", "0\n"));
	EXPECT_TRUE(has("services"));
	own = open(SYSFS "tags", O_RDONLY | O_CLOEXEC);
	ASSERT_GE(own, 0);

	ASSERT_EQ(0, server_upgrade("freq_v90", "freq_v2"));
	EXPECT_FALSE(has("tags"));
	EXPECT_FALSE(has("services"));
	/* Reads of the removed file fail; the other file is still the same. */
	EXPECT_EQ(-1, read(own, &byte, 1));
	EXPECT_EQ(ENODEV, errno);
	EXPECT_EQ(1, read(list, &byte, 1));
	EXPECT_EQ('1', byte);

	test_stop(self->fd);
	EXPECT_FALSE(has("free"));
	EXPECT_FALSE(has("allocated"));
	EXPECT_TRUE(has("release"));
}

/* The last hold of a takeover, and the longest of them all. */
TEST_F(notify, figures_of_the_gate)
{
	static const char * const releases[] = {
		"freq_v1", "freq_v90", "freq_v2",
	};
	__u64 last, longest = 0, refused;
	bool shorter = false;
	int i;

	EXPECT_EQ(0, upgrade_figure("gate_last_ns"));
	EXPECT_EQ(0, upgrade_figure("gate_longest_ns"));
	ASSERT_EQ(0, module_load(releases[0], NULL));
	/* The first one took over from nobody. */
	EXPECT_EQ(0, upgrade_figure("gate_last_ns"));
	for (i = 0; i < 12; i++) {
		ASSERT_EQ(0, server_upgrade(releases[i % 3],
					    releases[(i + 1) % 3]));
		last = upgrade_figure("gate_last_ns");
		EXPECT_LT(0, last);
		if (last < longest)
			shorter = true;
		else
			longest = last;
		EXPECT_EQ(longest, upgrade_figure("gate_longest_ns"));
	}
	/* Of twelve, not each is longer than the one before. */
	EXPECT_TRUE(shorter);

	EXPECT_EQ(-EPROTO, module_load("freq_v90", "fail=magic"));
	refused = upgrade_figure("refused");
	EXPECT_EQ(1, refused);
	/* A stop ends the server, and is not the end of the count. */
	for (i = 0; i < 2; i++) {
		test_stop(self->fd);
		EXPECT_EQ(12, upgrade_figure("count"));
		EXPECT_EQ(refused, upgrade_figure("refused"));
		EXPECT_EQ(last, upgrade_figure("gate_last_ns"));
		EXPECT_EQ(longest, upgrade_figure("gate_longest_ns"));
		ASSERT_EQ(0, module_unload(releases[0]));
		ASSERT_EQ(0, module_load(releases[0], NULL));
		EXPECT_EQ(12, upgrade_figure("count"));
		EXPECT_EQ(last, upgrade_figure("gate_last_ns"));
		EXPECT_EQ(longest, upgrade_figure("gate_longest_ns"));
	}
	ASSERT_EQ(0, server_upgrade(releases[0], releases[1]));
	EXPECT_EQ(13, upgrade_figure("count"));
	EXPECT_LE(longest, upgrade_figure("gate_longest_ns"));
}

TEST_HARNESS_MAIN
