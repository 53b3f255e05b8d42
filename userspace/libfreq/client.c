// SPDX-License-Identifier: GPL-2.0-only
/*
 * A client: its descriptor, and the requests that are one ioctl each.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libfreq.h"

#define DEFAULT_PATH "/dev/freq"

/* Never changed once it is open: this is why threads can share it. */
struct freq_client {
	int fd;
};

/*
 * O_NONBLOCK is for the open only, which would wait for the writer of a FIFO:
 * requests may block.
 */
static int open_device(const char *path, int access)
{
	int fd = open(path, access | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat status;
	int flags;

	if (fd < 0) {
		/* No node, or a node without a driver: there is no server. */
		if (errno == ENOENT || errno == ENXIO)
			errno = ENODEV;
		return -1;
	}
	if (fstat(fd, &status) || !S_ISCHR(status.st_mode)) {
		close(fd);
		errno = ENODEV;
		return -1;
	}
	flags = fcntl(fd, F_GETFL);
	fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
	return fd;
}

struct freq_client *freq_client_open(const char *path, int access)
{
	struct freq_client *client;

	if (access != O_RDONLY && access != O_RDWR) {
		errno = EINVAL;
		return NULL;
	}
	if (!path)
		path = secure_getenv("FREQ_DEVICE");
	if (!path)
		path = DEFAULT_PATH;

	client = malloc(sizeof(*client));
	if (!client)
		return NULL;

	client->fd = open_device(path, access);
	if (client->fd < 0) {
		free(client);
		return NULL;
	}
	return client;
}

void freq_client_close(struct freq_client *client)
{
	int err = errno;

	if (!client)
		return;
	close(client->fd);
	free(client);
	errno = err;
}

int freq_client_fd(const struct freq_client *client)
{
	return client->fd;
}

int freq_client_allocate(struct freq_client *client, __u32 flags,
			 __u64 *frequency)
{
	struct freq_allocate arg = { .flags = flags };

	if (ioctl(client->fd, FREQ_IOC_ALLOCATE, &arg))
		return -1;
	*frequency = arg.frequency;
	return 0;
}

int freq_client_deallocate(struct freq_client *client, __u64 frequency)
{
	struct freq_deallocate arg = { .frequency = frequency };

	return ioctl(client->fd, FREQ_IOC_DEALLOCATE, &arg);
}

/*
 * A request whose argument was shorter before release 3. An older release
 * refuses what it does not know of the argument with E2BIG, which has no other
 * cause here.
 */
static int request_v3(const struct freq_client *client, unsigned long request,
		      void *arg)
{
	int ret = ioctl(client->fd, request, arg);

	if (ret && errno == E2BIG)
		errno = ENOTTY;
	return ret;
}

int freq_client_allocate_until(struct freq_client *client, __u32 flags,
			       __s64 deadline, __u64 *frequency, __u64 *grant)
{
	/*
	 * What the grant is before is ignored. It is not 0, so that an older
	 * release refuses the argument whatever the rest of it is.
	 */
	struct freq_allocate_v3 arg = {
		.frequency = *frequency,
		.flags = flags,
		.deadline = deadline,
		.grant = UINT64_MAX,
	};

	if (request_v3(client, FREQ_IOC_ALLOCATE_V3, &arg))
		return -1;
	*frequency = arg.frequency;
	if (grant)
		*grant = arg.grant;
	return 0;
}

int freq_client_deallocate_grant(struct freq_client *client, __u64 frequency,
				 __u64 grant)
{
	struct freq_deallocate_v3 arg = {
		.frequency = frequency,
		.grant = grant,
	};

	return request_v3(client, FREQ_IOC_DEALLOCATE_V3, &arg);
}

int freq_client_set_label(struct freq_client *client, const char *label)
{
	struct freq_label arg = { 0 };
	size_t length = label ? strlen(label) : 0;

	if (length > sizeof(arg.label)) {
		errno = E2BIG;
		return -1;
	}
	if (length)
		memcpy(arg.label, label, length);
	return ioctl(client->fd, FREQ_IOC_LABEL, &arg);
}

/* The fields for counts are narrower than a size_t. */
static int check_count(size_t count)
{
	if (count <= UINT32_MAX)
		return 0;
	errno = E2BIG;
	return -1;
}

int freq_client_allocate_batch(struct freq_client *client, __u32 flags,
			       __u64 *frequencies, size_t count)
{
	struct freq_batch arg = {
		.frequencies = (uintptr_t)frequencies,
		.count = count,
		.flags = flags,
	};

	if (check_count(count))
		return -1;
	return ioctl(client->fd, FREQ_IOC_ALLOCATE_BATCH, &arg);
}

int freq_client_allocate_group(struct freq_client *client, __u32 flags,
			       const struct freq_span *spans, size_t span_count,
			       __u64 spacing, __s64 deadline,
			       struct freq_granted *granted, size_t count)
{
	struct freq_group arg = {
		.spans = (uintptr_t)spans,
		.granted = (uintptr_t)granted,
		.span_count = span_count,
		.count = count,
		.flags = flags,
		.spacing = spacing,
		.deadline = deadline,
	};

	if (check_count(span_count) || check_count(count))
		return -1;
	return ioctl(client->fd, FREQ_IOC_ALLOCATE_GROUP, &arg);
}

int freq_client_queue(struct freq_client *client, __u32 flags, __s64 deadline,
		      __u64 cookie, __u64 *frequency, __u64 *grant)
{
	struct freq_allocate_v3 arg = {
		.frequency = *frequency,
		.flags = flags | FREQ_ALLOCATE_QUEUE,
		.deadline = deadline,
		.grant = cookie,
	};

	/* An older release knows no deadline, so it refuses the argument. */
	if (request_v3(client, FREQ_IOC_ALLOCATE_V3, &arg))
		return -1;
	if (!arg.grant)
		return 0;
	*frequency = arg.frequency;
	if (grant)
		*grant = arg.grant;
	return 1;
}

int freq_client_queue_group(struct freq_client *client, __u32 flags,
			    const struct freq_span *spans, size_t span_count,
			    __s64 deadline, __u64 cookie,
			    struct freq_granted *granted, size_t count)
{
	struct freq_group arg = {
		.spans = (uintptr_t)spans,
		.granted = (uintptr_t)granted,
		.span_count = span_count,
		.count = count,
		.flags = flags | FREQ_ALLOCATE_QUEUE,
		.deadline = deadline,
		.cookie = cookie,
	};

	if (check_count(span_count) || check_count(count))
		return -1;
	if (ioctl(client->fd, FREQ_IOC_ALLOCATE_GROUP, &arg))
		return -1;
	return !!granted->grant;
}

int freq_client_cancel(struct freq_client *client, __u64 cookie)
{
	struct freq_cancel arg = { .cookie = cookie };

	return ioctl(client->fd, FREQ_IOC_CANCEL, &arg);
}

int freq_client_deallocate_batch(struct freq_client *client,
				 const __u64 *frequencies, size_t count,
				 size_t *index)
{
	struct freq_batch arg = {
		.frequencies = (uintptr_t)frequencies,
		.count = count,
	};

	if (check_count(count))
		return -1;
	if (ioctl(client->fd, FREQ_IOC_DEALLOCATE_BATCH, &arg)) {
		if ((errno == ENOENT || errno == EPERM) && index)
			*index = arg.index;
		return -1;
	}
	return 0;
}

int freq_client_inject(struct freq_client *client, const __u64 *frequencies,
		       size_t count, size_t *index)
{
	struct freq_inject arg = {
		.frequencies = (uintptr_t)frequencies,
		.count = count,
	};

	if (check_count(count))
		return -1;
	if (ioctl(client->fd, FREQ_IOC_INJECT, &arg)) {
		if (errno == EEXIST && index)
			*index = arg.index;
		return -1;
	}
	return 0;
}

int freq_client_info(struct freq_client *client, void *info, size_t size)
{
	if (!size || size > _IOC_SIZEMASK) {
		errno = size ? E2BIG : EINVAL;
		return -1;
	}
	return ioctl(client->fd, _IOC(_IOC_DIR(FREQ_IOC_INFO),
				      _IOC_TYPE(FREQ_IOC_INFO),
				      _IOC_NR(FREQ_IOC_INFO), size), info);
}

int freq_client_stop(struct freq_client *client)
{
	return ioctl(client->fd, FREQ_IOC_STOP);
}
