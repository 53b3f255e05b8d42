// SPDX-License-Identifier: GPL-2.0-only
/*
 * mutant.ko: which mutant the modules are to be, and which they have reached.
 * Their own parameters would not do: tests load them with others, and again and
 * again.
 */
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/string.h>

#include "mutant.h"

unsigned int mutant_chosen;
EXPORT_SYMBOL_GPL(mutant_chosen);
module_param_named(chosen, mutant_chosen, uint, 0444);
MODULE_PARM_DESC(chosen, "number of the mutant, 0: none");

u8 mutant_reached[MUTANTS_MAX];
EXPORT_SYMBOL_GPL(mutant_reached);

static int get_reached(char *buffer, const struct kernel_param *kp)
{
	unsigned int number;
	int length = 0;

	for (number = 0; number < MUTANTS_MAX; number++)
		if (mutant_reached[number])
			length += scnprintf(buffer + length, PAGE_SIZE - length,
					    "%u ", number);
	length += scnprintf(buffer + length, PAGE_SIZE - length, "\n");
	return length;
}

static int clear_reached(const char *value, const struct kernel_param *kp)
{
	memset(mutant_reached, 0, sizeof(mutant_reached));
	return 0;
}

static const struct kernel_param_ops reached_ops = {
	.set = clear_reached,
	.get = get_reached,
};

module_param_cb(reached, &reached_ops, NULL, 0644);
MODULE_PARM_DESC(reached, "those that were reached; a write clears it");

MODULE_DESCRIPTION("Mutants of the frequency allocator");
MODULE_AUTHOR("The freq authors");
MODULE_LICENSE("GPL");
