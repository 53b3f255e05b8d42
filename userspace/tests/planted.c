// SPDX-License-Identifier: GPL-2.0-only
/*
 * A program with one defect, which its sanitizer has to find. It would exit
 * with 1, as a program does that has failed in an expected way.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
	const char *defect = argc > 1 ? argv[1] : "";
	char *text = strdup(defect);
	int number = INT_MAX, i;

	if (!text)
		return 2;
	if (!strcmp(defect, "address"))
		printf("%d\n", text[100 * argc]);
	if (!strcmp(defect, "undefined"))
		printf("%d\n", number + argc);
	/* A stale register may point to one of them. */
	for (i = 0; i < 10 && !strcmp(defect, "leak"); i++)
		puts(strdup(text));
	free(text);
	return 1;
}
