// SPDX-License-Identifier: GPL-2.0-only
/*
 * A subscription to records of what happens. It belongs to the open file, so
 * nothing of it is kept here.
 */
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "libfreq.h"

static int check_size(size_t size)
{
	if (size >= FREQ_RECORD_SIZE_MIN && size <= FREQ_RECORD_SIZE_MAX &&
	    !(size % 8))
		return 0;
	errno = EINVAL;
	return -1;
}

int freq_client_subscribe(struct freq_client *client, __u32 kinds, __u32 flags,
			  const struct freq_span *spans, size_t span_count,
			  size_t size)
{
	struct freq_subscribe arg = {
		.spans = (uintptr_t)spans,
		.span_count = span_count,
		.kinds = kinds,
		.flags = flags,
		.record_size = size,
	};

	if (check_size(size))
		return -1;
	/* The field is narrower than a size_t. */
	if (span_count > UINT32_MAX) {
		errno = E2BIG;
		return -1;
	}
	return ioctl(freq_client_fd(client), FREQ_IOC_SUBSCRIBE, &arg);
}

int freq_client_read_records(struct freq_client *client,
			     struct freq_record *records, size_t count,
			     size_t size)
{
	ssize_t length;

	if (check_size(size))
		return -1;
	/* One read() has a limit that is far below. */
	if (count > INT_MAX / size)
		count = INT_MAX / size;
	length = read(freq_client_fd(client), records, count * size);
	if (length < 0)
		return -1;
	/* A device without records, where read() returns something else */
	if ((size_t)length < size) {
		errno = EINVAL;
		return -1;
	}
	return length / size;
}
