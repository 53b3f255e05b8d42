// SPDX-License-Identifier: GPL-2.0-only
/*
 * The parameters of a release's module.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "parameters.h"

/**
 * parameters_is_one() - whether a text is a parameter of a release
 * @text: the text
 *
 * Printable ASCII only, without blanks and quotes: the kernel splits parameters
 * at blanks, among them \v, \f and 0xa0. PARAMETER_REHEARSE is refused: it
 * would make another command of this one.
 *
 * Return: true if it is PARAMETER=VALUE.
 */
bool parameters_is_one(const char *text)
{
	const char *equals = strchr(text, '=');
	const unsigned char *c;

	for (c = (const unsigned char *)text; *c; c++)
		if (*c <= ' ' || *c >= 0x7f || *c == '"')
			return false;
	return equals > text &&
	       strncmp(text, PARAMETER_REHEARSE "=", equals - text + 1);
}

/**
 * parameters_have() - whether one of some parameters has a name
 * @parameters: as from parameters_join()
 * @name: the name
 *
 * Return: true if one has.
 */
bool parameters_have(const char *parameters, const char *name)
{
	size_t length = strlen(name);

	while (parameters) {
		if (!strncmp(parameters, name, length) &&
		    parameters[length] == '=')
			return true;
		parameters = strchr(parameters, ' ');
		if (parameters)
			parameters++;
	}
	return false;
}

/**
 * parameters_join() - make one line of parameters
 * @argc: the length of @argv
 * @argv: the parameters, PARAMETER=VALUE each
 *
 * Return: the parameters with blanks between them, for free(); NULL, after a
 * message, if one is not PARAMETER=VALUE.
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
		if (!parameters_is_one(argv[i])) {
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
