// SPDX-License-Identifier: GPL-2.0-only
/*
 * DOC: How frequencies are written
 *
 *	spec    = [ element { "," element } ]
 *	element = number [ "-" number [ "/" number ] ]
 *	number  = digits [ "." digits ] [ "k" | "M" | "G" ] [ "Hz" ]
 *
 * A number is exact: what it says must be a whole count of hertz, or it is
 * refused. The two ends of a range either both carry a unit or neither does:
 * 446-447MHz is more likely a slip than 446 Hz. The step defaults to 1 Hz.
 *
 * Everything here is plain C on fixed-width types, since it is compiled for
 * the kernel and for user space.
 */
#include <linux/errno.h>
#include <linux/types.h>

#include "spec.h"

struct number {
	__u64 hertz;
	int has_unit;
};

static int is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static __u64 parse_unit(const char **text)
{
	switch (**text) {
	case 'k':
		(*text)++;
		return 1000;
	case 'M':
		(*text)++;
		return 1000 * 1000;
	case 'G':
		(*text)++;
		return 1000 * 1000 * 1000;
	default:
		return 1;
	}
}

static int append_digit(__u64 *value, char digit)
{
	if (__builtin_mul_overflow(*value, (__u64)10, value) ||
	    __builtin_add_overflow(*value, (__u64)(digit - '0'), value))
		return -ERANGE;
	return 0;
}

static int parse_number(const char **text, struct number *number)
{
	const char *s = *text, *unit_start, *fraction = s, *fraction_end = s;
	__u64 value = 0, unit, place;

	if (!is_digit(*s))
		return -EINVAL;
	for (; is_digit(*s); s++)
		if (append_digit(&value, *s))
			return -ERANGE;

	if (*s == '.') {
		fraction = ++s;
		while (is_digit(*s))
			s++;
		fraction_end = s;
		if (fraction_end == fraction)
			return -EINVAL;
	}

	unit_start = s;
	unit = parse_unit(&s);
	if (s[0] == 'H' && s[1] == 'z')
		s += 2;
	number->has_unit = s != unit_start;

	if (__builtin_mul_overflow(value, unit, &value))
		return -ERANGE;
	/* Digits past the last whole hertz must be zeros. */
	for (place = unit; fraction < fraction_end; fraction++) {
		place /= 10;
		if (!place && *fraction != '0')
			return -EINVAL;
		if (__builtin_add_overflow(value, (*fraction - '0') * place,
					   &value))
			return -ERANGE;
	}

	number->hertz = value;
	*text = s;
	return 0;
}

/**
 * freq_spec_next() - read the next element of a list of frequencies
 * @spec: in: where to read; out: behind the element and the comma after it
 * @range: out: the element; a single frequency is a range of one
 *
 * Context: any; takes no lock, allocates nothing.
 * Return: 1 if @range was filled, 0 if @spec was at its end (@range is then
 * unchanged), -EINVAL if the text is no list of frequencies, -ERANGE if a
 * number is 2^64 or more. On an error, @spec is where the element began.
 */
int freq_spec_next(const char **spec, struct freq_range *range)
{
	struct number start, end, step = { .hertz = 1 };
	const char *s = *spec;
	int err;

	if (!*s)
		return 0;

	err = parse_number(&s, &start);
	if (err)
		return err;
	end = start;
	if (*s == '-') {
		s++;
		err = parse_number(&s, &end);
		if (err)
			return err;
		if (*s == '/') {
			s++;
			err = parse_number(&s, &step);
			if (err)
				return err;
		}
	}

	if (start.has_unit != end.has_unit)
		return -EINVAL;
	if (end.hertz < start.hertz || !step.hertz)
		return -EINVAL;
	/* A comma promises one more element. */
	if (*s && !(*s == ',' && s[1]))
		return -EINVAL;
	if (*s)
		s++;

	range->start = start.hertz;
	range->end = end.hertz;
	range->step = step.hertz;
	*spec = s;
	return 1;
}
