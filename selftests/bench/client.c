// SPDX-License-Identifier: GPL-2.0-only
/*
 * The measured requests: see client.h.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../freq_test.h"
#include "client.h"
#include "measure.h"

/* No client may have the device open. The server may be stopped already. */
void end_server(void)
{
	int fd = open_client();
	int error;

	if (fd >= 0) {
		error = try_stop(fd);
		must(!error || error == -ENODEV);
		close(fd);
	}
	must(!server_clean());
}

void fresh_server(const char *release, const char *parameters)
{
	end_server();
	must(!server_start(release, parameters));
}

/* Release 2, with frequencies 1 to @frequencies */
void fresh_server_of(unsigned int frequencies)
{
	char parameter[32];

	snprintf(parameter, sizeof(parameter), "frequencies=1-%u",
		 frequencies);
	fresh_server("freq_v2", parameter);
}

void client_open(struct client *client)
{
	client->fd = open_client();
	client->null = open("/dev/null", O_RDWR | O_CLOEXEC);
	must(client->fd >= 0 && client->null >= 0);
}

void client_close(struct client *client)
{
	close(client->fd);
	close(client->null);
}

/* Distinct numbers: ascending from 1000, or random */
__u64 *make_numbers(unsigned int count, bool ascend)
{
	__u64 *numbers = calloc(count, sizeof(*numbers));
	__u64 random = count;
	unsigned int i;

	must(numbers);
	for (i = 0; i < count; i++)
		numbers[i] = ascend ? 1000 + i : random_next(&random);
	return numbers;
}

/*
 * Puts the first @count free frequencies into random order, so that successive
 * calls do not hit neighbouring slots.
 */
void client_shuffle(struct client *client, unsigned int count)
{
	__u64 *numbers = calloc(count, sizeof(*numbers));
	__u64 random = count;
	unsigned int i;

	must(numbers);
	for (i = 0; i < count; i++)
		must(!try_allocate(client->fd, 0, &numbers[i]));
	for (i = count; i; i--) {
		unsigned int j = random_below(&random, i);

		must(!try_deallocate(client->fd, numbers[j]));
		numbers[j] = numbers[i - 1];
	}
	free(numbers);
}

/* The same ioctl on /dev/null, which supports none */
void call_floor(void *data, unsigned int i)
{
	struct client *client = data;
	struct freq_allocate allocate = {};

	if (ioctl(client->null, FREQ_IOC_ALLOCATE, &allocate) != -1)
		die("/dev/null allocates, at call %u", i);
}

void call_allocate(void *data, unsigned int i)
{
	struct client *client = data;
	struct freq_allocate allocate = {};

	if (ioctl(client->fd, FREQ_IOC_ALLOCATE, &allocate))
		die("ALLOCATE: %m");
	client->numbers[i] = allocate.frequency;
}

void call_deallocate(void *data, unsigned int i)
{
	struct client *client = data;
	struct freq_deallocate deallocate = { .frequency = client->numbers[i] };

	if (ioctl(client->fd, FREQ_IOC_DEALLOCATE, &deallocate))
		die("DEALLOCATE: %m");
}

void call_pair(void *data, unsigned int i)
{
	call_allocate(data, i);
	call_deallocate(data, i);
}
