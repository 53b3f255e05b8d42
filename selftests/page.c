// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages that are not there: never, or not yet.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/userfaultfd.h>

#include "freq_test.h"

size_t page_size(void)
{
	return sysconf(_SC_PAGESIZE);
}

/* A page of its own, or NULL. */
void *page_map(int protection)
{
	void *page = mmap(NULL, page_size(), protection,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return page == MAP_FAILED ? NULL : page;
}

/* An address with just so many bytes before memory that is not ours. */
void *page_straddle(size_t before)
{
	size_t page = page_size();
	size_t size = (before + page - 1) / page * page;
	char *start = mmap(NULL, size + page, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (start == MAP_FAILED || mprotect(start + size, page, PROT_NONE))
		return NULL;
	return start + size - before;
}

static int slow_page_register(struct slow_page *slow, __u64 mode)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = {
		.range.len = page_size(),
		.mode = mode,
	};

	slow->page = page_map(PROT_READ | PROT_WRITE);
	if (!slow->page)
		return -ENOMEM;
	range.range.start = (uintptr_t)slow->page;
	slow->fault = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (slow->fault < 0 || ioctl(slow->fault, UFFDIO_API, &api) ||
	    ioctl(slow->fault, UFFDIO_REGISTER, &range))
		return -errno;
	return 0;
}

static int slow_page_copy(struct slow_page *slow, const void *content,
			  size_t size, __u64 mode)
{
	struct uffdio_copy copy = {
		.dst = (uintptr_t)slow->page,
		.len = page_size(),
		.mode = mode,
	};
	void *page = page_map(PROT_READ | PROT_WRITE);
	int error = 0;

	if (!page)
		return -ENOMEM;
	memcpy(page, content, size);
	copy.src = (uintptr_t)page;
	if (ioctl(slow->fault, UFFDIO_COPY, &copy))
		error = -errno;
	munmap(page, page_size());
	return error;
}

/* Each access faults. */
int slow_page_map(struct slow_page *slow)
{
	slow->written = false;
	return slow_page_register(slow, UFFDIO_REGISTER_MODE_MISSING);
}

/* A read finds this content, a write faults. */
int slow_page_map_protected(struct slow_page *slow, const void *content,
			    size_t size)
{
	int error = slow_page_register(slow, UFFDIO_REGISTER_MODE_MISSING |
					     UFFDIO_REGISTER_MODE_WP);

	slow->written = true;
	return error ?: slow_page_copy(slow, content, size,
				       UFFDIO_COPY_MODE_WP);
}

/* Until a thread is stuck in the fault. */
int slow_page_wait(const struct slow_page *slow)
{
	struct pollfd ready = { .fd = slow->fault, .events = POLLIN };
	struct uffd_msg message;

	if (poll(&ready, 1, DEADLINE_MS) != 1)
		return -ETIMEDOUT;
	return read(slow->fault, &message, sizeof(message)) < 0 ? -errno : 0;
}

/* The fault ends: with this content, unless the page has one already. */
int slow_page_deliver(struct slow_page *slow, const void *content,
		      size_t size)
{
	struct uffdio_writeprotect writable = {
		.range = {
			.start = (uintptr_t)slow->page,
			.len = page_size(),
		},
	};
	int error = 0;

	if (!slow->written)
		error = slow_page_copy(slow, content, size, 0);
	else if (ioctl(slow->fault, UFFDIO_WRITEPROTECT, &writable))
		error = -errno;
	close(slow->fault);
	return error;
}

/* Unmaps the page: the stuck request fails with EFAULT. */
int slow_page_refuse(struct slow_page *slow)
{
	int error = munmap(slow->page, page_size()) ? -errno : 0;

	close(slow->fault);
	return error;
}
