// SPDX-License-Identifier: GPL-2.0-only
/*
 * FREQ_IOC_LABEL: a client says who it is.
 */
#include <linux/ctype.h>
#include <linux/errno.h>
#include <linux/string.h>

#include "request/request.h"

static bool is_text(const u8 *label)
{
	u32 length = strnlen(label, FREQ_LABEL_MAX), i;

	for (i = 0; i < length; i++)
		if (label[i] < 0x20 || label[i] == 0x7f)
			return false;
	return !memchr_inv(label + length, 0, FREQ_LABEL_MAX - length);
}

static int label(struct freq_state *state, struct freq_call *call)
{
	const struct freq_label *asked = (void *)call->argument;
	struct freq_holder *holder;
	u32 own;
	int ret;

	if (!is_text(asked->label))
		return -EILSEQ;
	ret = freq_state_need_holder(state, call);
	if (ret)
		return ret;
	own = freq_state_own_holder(state, call->client);
	holder = freq_state_change_holder(state, own);
	memcpy(holder->label, asked->label, sizeof(holder->label));
	return 0;
}

const struct freq_request freq_request_label = {
	.command = FREQ_IOC_LABEL,
	.size = sizeof(struct freq_label),
	.flags = FREQ_REQUEST_WRITE,
	.handle = label,
};
