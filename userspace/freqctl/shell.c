// SPDX-License-Identifier: GPL-2.0-only
/*
 * freqctl shell: one client, and a line of answer for each line of command.
 *
 * The client is opened by the first command that needs it, since the device
 * can be missing until a release is loaded, and then stays open to the end:
 * its allocations outlast changes of the release.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libfreq.h>

#include "command.h"
#include "failure.h"
#include "held.h"
#include "kept.h"
#include "label.h"
#include "parameters.h"
#include "process.h"
#include "rehearse.h"
#include "release.h"
#include "release_name.h"
#include "server.h"
#include "signals.h"
#include "specs.h"
#include "wait.h"

#define BLANKS " \t\r\n"

/**
 * struct shell - a session
 * @client: the client, NULL until it is needed
 * @for_person: the commands come from a terminal
 * @ends: no more commands are read
 */
struct shell {
	struct freq_client *client;
	bool for_person;
	bool ends;
};

/**
 * struct shell_command - a command of the shell
 * @name: as typed
 * @arguments: its arguments, for the help
 * @description: one line
 * @run: gets the rest of the line, and may overwrite it. Returns 0, having
 *	answered, or -1 with errno, which is then the answer.
 */
struct shell_command {
	const char *name;
	const char *arguments;
	const char *description;
	int (*run)(struct shell *shell, char *rest);
};

static int bad_request(void)
{
	errno = EINVAL;
	return -1;
}

static int open_client(struct shell *shell)
{
	if (!shell->client)
		shell->client = freq_client_open(NULL, O_RDWR);
	return shell->client ? 0 : -1;
}

/* The next word, cut off from the rest; NULL if there is none. */
static char *next_word(char **rest)
{
	char *word;

	*rest += strspn(*rest, BLANKS);
	if (!**rest)
		return NULL;
	word = strsep(rest, BLANKS);
	if (!*rest)
		*rest = word + strlen(word);
	return word;
}

/* Whether a word begins the rest, which is cut off then. */
static bool take_option(char **rest, const char *option)
{
	char *word = *rest + strspn(*rest, BLANKS);
	size_t length = strcspn(word, BLANKS);

	if (length != strlen(option) || strncmp(word, option, length))
		return false;
	*rest = word + length;
	return true;
}

static bool is_empty(const char *rest)
{
	return !rest[strspn(rest, BLANKS)];
}

/* As held_allocate() of one, without its message. */
static int allocate_one(struct shell *shell, __u32 flags,
			struct freq_array *frequencies)
{
	if (freq_array_add(frequencies, 0))
		return -1;
	return freq_client_allocate(shell->client, flags, frequencies->values);
}

/* Gives kept frequencies back if the answer cannot be written. */
static void answer_allocated(struct shell *shell, __u32 flags,
			     const struct freq_array *frequencies)
{
	size_t i;

	for (i = 0; i < frequencies->count; i++)
		printf("%s%llu", i ? "," : "ok ", frequencies->values[i]);
	putchar('\n');
	if (!fflush(stdout))
		return;
	__fpurge(stdout);
	if (flags & FREQ_ALLOCATE_KEEP)
		held_deallocate(shell->client, frequencies);
}

/*
 * No signal ends the shell between the allocation and the answer. One that ends
 * the wait before it ends the shell.
 */
static int allocate(struct shell *shell, struct held_request *request,
		    bool several)
{
	struct freq_array frequencies = { 0 };
	sigset_t mask;
	int ret;

	signals_hold(&mask);
	request->mask = &mask;
	ret = several ? held_allocate(shell->client, request, &frequencies) :
			allocate_one(shell, request->flags, &frequencies);
	if (!ret)
		answer_allocated(shell, request->flags, &frequencies);
	signals_restore(&mask);
	freq_array_free(&frequencies);
	return ret;
}

/* Reads --wait or --wait=SECONDS, if that is next. Returns 1 if it is. */
static int take_wait(char **rest, struct wait *wait)
{
	static const char name[] = "--wait=";
	const char *word = *rest + strspn(*rest, BLANKS);

	if (take_option(rest, "--wait"))
		return wait_parse(NULL, wait) ? -1 : 1;
	if (strncmp(word, name, strlen(name)))
		return 0;
	word = next_word(rest);
	return wait_parse(word + strlen(name), wait) ? -1 : 1;
}

/* Options in any order, each once, and then SPECs. */
static int read_request(char *rest, struct held_request *request)
{
	const char *number;
	int ret;

	for (;;) {
		if (!request->flags && take_option(&rest, "--keep")) {
			request->flags = FREQ_ALLOCATE_KEEP;
			continue;
		}
		if (!request->count && take_option(&rest, "-n")) {
			number = next_word(&rest);
			if (!number || command_count(number, &request->count))
				return bad_request();
			continue;
		}
		if (request->wait.deadline || request->wait.seconds)
			break;
		ret = take_wait(&rest, &request->wait);
		if (ret < 0)
			return bad_request();
		if (!ret)
			break;
	}
	if (specs_add_text(&request->exact, rest, NULL))
		return -1;
	return request->count && request->exact.count ? bad_request() : 0;
}

static int shell_allocate(struct shell *shell, char *rest)
{
	struct held_request request = { 0 };
	bool several;
	int ret;

	ret = read_request(rest, &request);
	several = request.count || request.exact.count || request.wait.deadline;
	if (!request.count)
		request.count = 1;
	if (!ret)
		ret = open_client(shell);
	if (!ret)
		ret = allocate(shell, &request, several);
	freq_array_free(&request.exact);
	return ret;
}

static int read_specs(struct freq_array *frequencies, char *rest)
{
	if (specs_add_text(frequencies, rest, NULL))
		return -1;
	return frequencies->count ? 0 : bad_request();
}

static int deallocate_all(struct shell *shell,
			  const struct freq_array *frequencies)
{
	size_t index;

	if (open_client(shell))
		return -1;
	if (!held_give_back(shell->client, frequencies, &index))
		return 0;
	if (frequencies->count > 1) {
		int err = errno;

		warnx("cannot deallocate %llu", frequencies->values[index]);
		errno = err;
	}
	return -1;
}

static int inject_all(struct shell *shell,
		      const struct freq_array *frequencies)
{
	size_t index;

	if (open_client(shell))
		return -1;
	if (!freq_client_inject(shell->client, frequencies->values,
				frequencies->count, &index))
		return 0;
	if (errno == EEXIST) {
		warnx("%llu exists already, or is repeated",
		      frequencies->values[index]);
		errno = EEXIST;
	}
	return -1;
}

static int with_specs(struct shell *shell, char *rest,
		      int (*act)(struct shell *shell,
				 const struct freq_array *frequencies))
{
	struct freq_array frequencies = { 0 };
	int ret;

	ret = read_specs(&frequencies, rest);
	if (!ret)
		ret = act(shell, &frequencies);
	freq_array_free(&frequencies);
	if (!ret)
		puts("ok");
	return ret;
}

static int deallocate_kept(struct shell *shell, char *rest)
{
	const char *user = next_word(&rest);
	struct freq_array only = { 0 };
	__u32 uid;
	int ret;

	if (!user || user_find(user, &uid))
		return bad_request();
	ret = specs_add_text(&only, rest, NULL);
	if (!ret)
		ret = open_client(shell);
	if (!ret)
		ret = kept_give_back(shell->client, uid, &only);
	freq_array_free(&only);
	if (!ret)
		puts("ok");
	return ret;
}

static int deallocate_grant(struct shell *shell, char *rest)
{
	struct freq_array frequencies = { 0 };
	const char *number = next_word(&rest);
	__u64 grant;
	int ret;

	if (!number || command_grant(number, &grant))
		return bad_request();
	ret = read_specs(&frequencies, rest);
	if (!ret && frequencies.count > 1)
		ret = bad_request();
	if (!ret)
		ret = open_client(shell);
	if (!ret)
		ret = freq_client_deallocate_grant(shell->client,
						   *frequencies.values, grant);
	freq_array_free(&frequencies);
	if (!ret)
		puts("ok");
	return ret;
}

static int shell_deallocate(struct shell *shell, char *rest)
{
	if (take_option(&rest, "--grant"))
		return deallocate_grant(shell, rest);
	if (take_option(&rest, "--user"))
		return deallocate_kept(shell, rest);
	return with_specs(shell, rest, deallocate_all);
}

static int shell_inject(struct shell *shell, char *rest)
{
	return with_specs(shell, rest, inject_all);
}

/* The rest of the line, without the blanks around it */
static char *trim(char *rest)
{
	char *end;

	rest += strspn(rest, BLANKS);
	end = rest + strlen(rest);
	while (end > rest && strchr(BLANKS, end[-1]))
		end--;
	*end = '\0';
	return rest;
}

static int shell_label(struct shell *shell, char *rest)
{
	const char *label = trim(rest);

	if (label_check(label))
		return bad_request();
	if (open_client(shell) || freq_client_set_label(shell->client, label))
		return -1;
	puts("ok");
	return 0;
}

static int read_lists(struct freq_client *client, struct freq_array *unused,
		      struct freq_array *allocated)
{
	struct freq_listing *listing = freq_client_list(client, 0);
	struct freq_entry entry;
	int ret;

	if (!listing)
		return -1;
	while ((ret = freq_listing_next(listing, &entry)) > 0) {
		ret = freq_array_add(entry.flags & FREQ_ENTRY_ALLOCATED ?
				     allocated : unused, entry.frequency);
		if (ret)
			break;
	}
	freq_listing_free(listing);
	freq_array_sort(unused);
	freq_array_sort(allocated);
	return ret;
}

static int print_lists(const struct freq_array *unused,
		       const struct freq_array *allocated)
{
	char *unused_text = freq_array_format(unused);
	char *allocated_text = freq_array_format(allocated);
	int ret = -1;

	if (unused_text && allocated_text) {
		printf("ok free=%s allocated=%s\n", unused_text,
		       allocated_text);
		ret = 0;
	}
	free(unused_text);
	free(allocated_text);
	return ret;
}

static int shell_list(struct shell *shell, char *rest)
{
	struct freq_array unused = { 0 }, allocated = { 0 };
	int ret;

	if (!is_empty(rest))
		return bad_request();
	if (open_client(shell))
		return -1;

	ret = read_lists(shell->client, &unused, &allocated);
	if (!ret)
		ret = print_lists(&unused, &allocated);
	freq_array_free(&unused);
	freq_array_free(&allocated);
	return ret;
}

static int shell_status(struct shell *shell, char *rest)
{
	struct freq_info info;

	if (!is_empty(rest))
		return bad_request();
	if (open_client(shell) ||
	    freq_client_info(shell->client, &info, sizeof(info)))
		return -1;
	printf("ok release=v%u free=%llu allocated=%llu clients=%u\n",
	       info.release, info.free, info.allocated, info.clients);
	return 0;
}

/*
 * Answers a change of releases. Some errors of the module loader are not those
 * that the words for requests describe.
 */
static int answer_release(enum release_result result)
{
	if (result != RELEASE_FAILED) {
		puts("ok");
		return 0;
	}
	if (errno == ENOENT || errno == ENOSPC || errno == ENOTTY)
		errno = EIO;
	return -1;
}

/* Reduces the blanks between the parameters to one each. */
static int read_release(char *rest, unsigned int *number, char **parameters)
{
	const char *release = next_word(&rest), *word;
	char *end = rest;

	if (!release || release_name_parse(release, number))
		return bad_request();
	*parameters = end;
	while ((word = next_word(&rest))) {
		if (!parameters_is_one(word))
			return bad_request();
		if (end != *parameters)
			*end++ = ' ';
		/* It moves towards the front, or stays. */
		memmove(end, word, strlen(word));
		end += strlen(word);
	}
	*end = '\0';
	return 0;
}

/* Holds the lock until the answer is written. */
static int change_release(unsigned int number, const char *parameters,
			  enum release_result (*act)(unsigned int number,
						     const char *parameters,
						     struct release_change *))
{
	struct release_change change;
	struct release_lock lock;
	int ret;

	release_lock(&lock);
	ret = answer_release(act(number, parameters, &change));
	release_unlock(&lock);
	return ret;
}

static int shell_load(struct shell *shell, char *rest)
{
	unsigned int number;
	char *parameters;

	(void)shell;
	if (read_release(rest, &number, &parameters))
		return -1;
	return change_release(number, parameters, release_load);
}

static int shell_rehearse(struct shell *shell, char *rest)
{
	unsigned int number;
	char *parameters;

	(void)shell;
	if (read_release(rest, &number, &parameters))
		return -1;
	return answer_release(rehearse_quietly(number, parameters) ?
			      RELEASE_FAILED : RELEASE_UNCHANGED);
}

static int upgrade_rehearsed(unsigned int number, const char *parameters)
{
	char *expecting = rehearse_upgrade(number, parameters);
	int ret;

	if (!expecting)
		return answer_release(RELEASE_FAILED);
	ret = change_release(number, expecting, release_upgrade);
	free(expecting);
	return ret;
}

static int shell_upgrade(struct shell *shell, char *rest)
{
	bool rehearsed = take_option(&rest, "--rehearse");
	unsigned int number;
	char *parameters;

	(void)shell;
	if (read_release(rest, &number, &parameters))
		return -1;
	return rehearsed ? upgrade_rehearsed(number, parameters) :
			   change_release(number, parameters, release_upgrade);
}

static int shell_purge(struct shell *shell, char *rest)
{
	const char *release = next_word(&rest);
	unsigned int number;
	bool soft;

	(void)shell;
	soft = release && !strcmp(release, "--soft");
	if (soft)
		release = next_word(&rest);
	if (!release || !is_empty(rest) || release_name_parse(release, &number))
		return bad_request();
	return answer_release(release_purge(number, soft));
}

static int shell_stop(struct shell *shell, char *rest)
{
	if (!is_empty(rest))
		return bad_request();
	if (open_client(shell))
		return -1;
	if (freq_client_stop(shell->client)) {
		if (errno == EBUSY) {
			server_report_users(shell->client);
			errno = EBUSY;
		}
		return -1;
	}
	puts("ok");
	return 0;
}

static int shell_help(struct shell *shell, char *rest);

static int shell_quit(struct shell *shell, char *rest)
{
	if (!is_empty(rest))
		return bad_request();
	shell->ends = true;
	if (!shell->for_person)
		puts("ok");
	return 0;
}

static const struct shell_command commands[] = {
	{ "allocate", "[--keep] [--wait[=SECONDS]] [-n N|SPEC...]",
	  "allocate frequencies", shell_allocate },
	{ "deallocate", "SPEC...|--user USER [SPEC...]|--grant N SPEC",
	  "deallocate frequencies", shell_deallocate },
	{ "inject", "SPEC...", "add frequencies, all or none", shell_inject },
	{ "label", "[TEXT]", "label this client, or remove its label",
	  shell_label },
	{ "list", "", "list free and allocated frequencies", shell_list },
	{ "status", "", "show the running release and its counts", shell_status },
	{ "load", "RELEASE [PARAMETER=VALUE...]", "load a release, which takes over",
	  shell_load },
	{ "rehearse", "RELEASE [PARAMETER=VALUE...]",
	  "try a release on a copy of the state", shell_rehearse },
	{ "upgrade", "[--rehearse] RELEASE [PARAMETER=VALUE...]",
	  "load a release, remove its predecessor", shell_upgrade },
	{ "purge", "[--soft] RELEASE", "remove a release", shell_purge },
	{ "stop", "", "stop the server", shell_stop },
	{ "help", "", "print this list, on a terminal", shell_help },
	{ "quit", "", "end the shell", shell_quit },
};

static void print_commands(void)
{
	char form[64];
	size_t i;

	for (i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		snprintf(form, sizeof(form), "%s%s%s", commands[i].name,
			 *commands[i].arguments ? " " : "",
			 commands[i].arguments);
		printf("  %-55s %s\n", form, commands[i].description);
	}
}

static int shell_help(struct shell *shell, char *rest)
{
	/* A program gets one line for a line. */
	if (!shell->for_person || !is_empty(rest))
		return bad_request();
	print_commands();
	return 0;
}

static void print_details(void)
{
	puts("\nCommands:");
	print_commands();
}

static int execute(struct shell *shell, const char *name, char *rest)
{
	size_t i;

	for (i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		if (!strcmp(commands[i].name, name))
			return commands[i].run(shell, rest);
	return bad_request();
}

static void run_line(struct shell *shell, char *line, size_t length)
{
	const char *name, *word;
	char *rest = line;

	/* A NUL would hide the rest of the line. */
	if (strlen(line) != length) {
		puts("error bad_request");
		return;
	}
	line[strcspn(line, "#")] = '\0';
	name = next_word(&rest);
	if (!name || !execute(shell, name, rest))
		return;

	word = failure_word(errno);
	/* EPERM of this request is about the holder, not about privilege. */
	if (errno == EPERM && !strcmp(name, "deallocate"))
		word = "not_owner";
	if (!strcmp(name, "allocate"))
		word = failure_exact_word(errno);
	printf("error %s\n", word);
}

static void prompt(const struct shell *shell)
{
	if (!shell->for_person)
		return;
	fputs("freq> ", stdout);
	fflush(stdout);
}

static int run_lines(struct shell *shell)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t length;

	while (!shell->ends) {
		prompt(shell);
		length = getline(&line, &size, stdin);
		if (length < 0)
			break;
		run_line(shell, line, length);
		/* A program on a pipe waits for this. */
		if (fflush(stdout) || ferror(stdout))
			break;
	}
	free(line);
	if (ferror(stdin)) {
		warn("cannot read the commands");
		return EXIT_FAILED;
	}
	return ferror(stdout) ? EXIT_FAILED : EXIT_DONE;
}

static int run(int argc, char **argv)
{
	struct shell shell = {
		.for_person = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO),
	};
	int status;

	if (command_no_arguments(&shell_command, argc, argv))
		return command_usage(&shell_command);
	status = run_lines(&shell);
	freq_client_close(shell.client);
	return status;
}

const struct command shell_command = {
	.name = "shell",
	.arguments = "",
	.description = "Read commands from the standard input",
	.details = print_details,
	.run = run,
};
