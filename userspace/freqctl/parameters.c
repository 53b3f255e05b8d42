// SPDX-License-Identifier: GPL-2.0-only
/*
 * The parameters of a release's module.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>

#include "command.h"
#include "parameters.h"
#include "release.h"

/**
 * parameters_join() - make one line of parameters
 * @argc: how many there are
 * @argv: the parameters, PARAMETER=VALUE each
 *
 * Return: the line, as the module loader wants it, to be given to free(); NULL
 * if one of them is none, after a message.
 */
char *parameters_join(int argc, char **argv)
{
	char *text = NULL;
	size_t size;
	FILE *out;
	int i;

	out = open_memstream(&text, &size);
	if (!out)
		err(EXIT_FAILED, NULL);
	for (i = 0; i < argc; i++) {
		if (!release_is_parameter(argv[i])) {
			warnx("'%s' is not PARAMETER=VALUE", argv[i]);
			fclose(out);
			free(text);
			return NULL;
		}
		fprintf(out, "%s%s", i ? " " : "", argv[i]);
	}
	if (fclose(out))
		err(EXIT_FAILED, NULL);
	return text;
}
