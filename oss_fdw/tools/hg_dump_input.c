/*
 * hg_dump_input.c
 *	  Standard input -> the export's blocks.
 *
 * Bytes are read straight into the writer's block, behind its whole rows, so that they are copied only once more, by the
 * kernel on their way out.  Every --BatchSize rows, or when the block is full, the whole rows are handed over; what was read beyond
 * them moves on to the next block.
 *
 * While the input is silent the transfers are looked after: a store that refuses is noticed at once, not at the next row.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hg_dump.h"

#define READ_MOST (256 * 1024)
#define READ_LEAST 4096
#define HEAD_MOST (1024 * 1024) /* of a first line or a binary header */
#define PIPE_SIZE (1024 * 1024)

static ssize_t read_input(hg_dump_input *input, char *target, size_t size, oc_error *error);
static int wait_input(hg_dump_input *input, oc_error *error);
static int wait_for_either(void *arg, int fd, int timeout_ms);
static bool find_header(hg_dump_input *input, ssize_t *size);
static int take_head(hg_dump_input *input, size_t *pending, oc_error *error);
static int take_rows(hg_dump_input *input, size_t *pending, oc_error *error);
static int hand_over(hg_dump_input *input, size_t pending, oc_error *error);
static int read_more(hg_dump_input *input, size_t *pending, oc_error *error);
static int check_end(const hg_dump_input *input, size_t pending);
static void show_progress(const hg_dump_input *input, bool last);

/* ---------------------------------------------------------------- before the export */

int
hg_dump_input_begin(hg_dump_input *input, const hg_dump_options *options)
{
	oc_error error = {0};
	ssize_t header = 0;

	*input = (hg_dump_input){.options = options, .format = options->format};
#ifdef F_SETPIPE_SZ
	fcntl(STDIN_FILENO, F_SETPIPE_SZ, PIPE_SIZE); /* fewer switches between the two processes; not everywhere allowed */
#endif
	while (!find_header(input, &header))
	{
		ssize_t got;

		if (input->head_size == HEAD_MOST)
		{
			tool_complain("the first line of the input has more than %d bytes", HEAD_MOST);
			return HG_DUMP_INPUT;
		}
		if (input->head_size == input->head_capacity)
		{
			input->head_capacity = input->head_capacity ? input->head_capacity * 2 : 16384;
			input->head = tool_realloc(input->head, input->head_capacity);
		}
		got = read_input(input, input->head + input->head_size, input->head_capacity - input->head_size, &error);
		if (got < 0)
			return tool_stopped() ? HG_DUMP_FAILED : hg_dump_report("could not read the input", &error);
		input->head_size += (size_t) got;
	}
	if (header < 0)
	{
		tool_complain(input->format == HG_DUMP_BINARY ? "the input does not begin as COPY's binary format does"
													  : "the input ends in the middle of its first line");
		return HG_DUMP_INPUT;
	}
	input->header_size = (size_t) header;
	hg_dump_rows_init(&input->rows, input->format, options->quote, options->escape);
	return HG_DUMP_GOOD;
}

/* Is enough there to know the format and what stands at the start of every object?  *size -1: the input is wrong. */
static bool
find_header(hg_dump_input *input, ssize_t *size)
{
	hg_dump_rows rows;

	*size = 0;
	if (input->format == HG_DUMP_AUTO && (input->head_size >= 11 || input->end))
		input->format = hg_dump_is_binary(input->head, input->head_size) ? HG_DUMP_BINARY : HG_DUMP_TEXT;
	if (input->format == HG_DUMP_AUTO)
		return false;
	if (input->format == HG_DUMP_BINARY)
	{
		*size = input->head_size > 0 ? hg_dump_binary_header(input->head, input->head_size) : 0;
		if (*size == 0 && input->end)
			*size = -1;
		return *size != 0;
	}
	if (!input->options->header)
		return true;
	hg_dump_rows_init(&rows, input->format, input->options->quote, input->options->escape);
	*size = hg_dump_row_size(&rows, input->head, input->head_size);
	if (*size == 0 && input->end && input->head_size > 0)
		*size = -1;
	return *size != 0 || input->end;
}

void
hg_dump_input_end(hg_dump_input *input)
{
	free(input->head);
	free(input->tail);
	input->head = input->tail = NULL;
}

/* ---------------------------------------------------------------- rows */

int
hg_dump_input_run(hg_dump_input *input, oc_export *export, oc_error *error)
{
	size_t pending = 0; /* bytes in the block behind its whole rows */
	int code;

	input->export = export;
	input->writer = oc_writer_open(export, "", error);
	if (!input->writer)
		return HG_DUMP_FAILED;
	code = take_head(input, &pending, error);
	while (code == HG_DUMP_GOOD)
	{
		code = take_rows(input, &pending, error);
		if (code != HG_DUMP_GOOD || input->end)
			break;
		code = read_more(input, &pending, error);
	}
	show_progress(input, true);
	if (code != HG_DUMP_GOOD)
		return code;
	code = check_end(input, pending);
	return code == HG_DUMP_GOOD ? hand_over(input, 0, error) : code;
}

/* What was read to find the header, but not the header itself, which the export adds. */
static int
take_head(hg_dump_input *input, size_t *pending, oc_error *error)
{
	oc_block *block = oc_writer_block(input->writer);
	size_t size = input->head_size - input->header_size;

	if (!oc_block_reserve(block, size))
	{
		oc_error_set(error, OC_ERR_MEMORY, "out of memory for a row");
		return HG_DUMP_FAILED;
	}
	if (size > 0)
		memcpy(block->data + block->size, input->head + input->header_size, size);
	*pending = size;
	return HG_DUMP_GOOD;
}

/* Makes whole rows of what is pending and hands them over; returns when no whole row is left. */
static int
take_rows(hg_dump_input *input, size_t *pending, oc_error *error)
{
	oc_block *block = oc_writer_block(input->writer);
	uint64_t batch = (uint64_t) input->options->batch_size;

	while (*pending > 0 && !input->rows.ended)
	{
		ssize_t size = hg_dump_row_size(&input->rows, block->data + block->size, *pending);

		if (size == 0)
			break;
		if (size < 0)
		{
			tool_complain("the input is not COPY's binary format: a row is malformed");
			return HG_DUMP_INPUT;
		}
		if (input->rows.ended)
		{
			/* the trailer: every object gets its own */
			memmove(block->data + block->size, block->data + block->size + size, *pending - (size_t) size);
			*pending -= (size_t) size;
			break;
		}
		block->size += (size_t) size;
		*pending -= (size_t) size;
		input->unflushed++;
		if (input->unflushed >= batch || block->size >= block->limit)
		{
			int code = hand_over(input, *pending, error);

			if (code != HG_DUMP_GOOD)
				return code;
		}
	}
	return HG_DUMP_GOOD;
}

/* Gives the block's whole rows to the export.  The pending bytes behind them are there again afterwards. */
static int
hand_over(hg_dump_input *input, size_t pending, oc_error *error)
{
	oc_block *block = oc_writer_block(input->writer);
	bool moves = block->size >= block->limit && pending > 0; /* the block may become another one */
	oc_status status;

	if (moves && input->tail_capacity < pending)
	{
		input->tail_capacity = pending;
		input->tail = tool_realloc(input->tail, pending);
	}
	if (moves)
		memcpy(input->tail, block->data + block->size, pending);
	status = oc_writer_flush_rows(input->writer, input->unflushed, error);
	input->unflushed = 0;
	while (status == OC_AGAIN)
	{
		status = oc_export_wait(input->export, &tool_waiter, error);
		if (status == OC_OK)
			status = oc_writer_flush_rows(input->writer, 0, error);
	}
	if (status != OC_OK)
		return HG_DUMP_FAILED;
	block = oc_writer_block(input->writer);
	if (moves && !oc_block_reserve(block, pending))
	{
		oc_error_set(error, OC_ERR_MEMORY, "out of memory for a row");
		return HG_DUMP_FAILED;
	}
	if (moves)
		memcpy(block->data + block->size, input->tail, pending);
	show_progress(input, false);
	return HG_DUMP_GOOD;
}

static int
read_more(hg_dump_input *input, size_t *pending, oc_error *error)
{
	oc_block *block = oc_writer_block(input->writer);
	size_t used = block->size + *pending;
	size_t room;
	ssize_t got;

	if (block->capacity - used < READ_LEAST && !oc_block_reserve(block, *pending + READ_LEAST))
	{
		oc_error_set(error, OC_ERR_LIMIT, "a row of the input has more than 1 GB, or memory is short");
		return HG_DUMP_FAILED;
	}
	room = block->capacity - used;
	got = read_input(input, block->data + used, room < READ_MOST ? room : READ_MOST, error);
	if (got < 0)
		return HG_DUMP_FAILED;
	*pending += (size_t) got;
	if (input->rows.ended && *pending > 0)
	{
		tool_complain("the input goes on behind the trailer of COPY's binary format");
		return HG_DUMP_INPUT;
	}
	return HG_DUMP_GOOD;
}

/* The input has ended: where it should? */
static int
check_end(const hg_dump_input *input, size_t pending)
{
	if (input->format == HG_DUMP_BINARY)
	{
		if (input->rows.ended && pending == 0)
			return HG_DUMP_GOOD;
		tool_complain(input->rows.ended ? "the input goes on behind the trailer of COPY's binary format"
										: "the input ends without the trailer of COPY's binary format: its query has failed");
		return HG_DUMP_INPUT;
	}
	if (pending == 0)
		return HG_DUMP_GOOD;
	tool_complain("the input ends in the middle of a row");
	return HG_DUMP_INPUT;
}

/* ---------------------------------------------------------------- reading */

/* Bytes read; 0 = the end, which is noted.  -1: error is set. */
static ssize_t
read_input(hg_dump_input *input, char *target, size_t size, oc_error *error)
{
	for (;;)
	{
		ssize_t got;

		if (wait_input(input, error) != 0)
			return -1;
		got = read(STDIN_FILENO, target, size);
		if (got < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (got < 0)
			oc_error_set(error, OC_ERR_DATA, "reading standard input failed: %s", strerror(errno));
		if (got == 0)
			input->end = true;
		if (got > 0)
			input->bytes += (uint64_t) got;
		return got;
	}
}

/* Sleeps until there is input.  Meanwhile the export goes on. */
static int
wait_input(hg_dump_input *input, oc_error *error)
{
	oc_waiter waiter = {wait_for_either, NULL};
	struct pollfd fds[2] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = tool_stop_fd(), .events = POLLIN}};

	for (;;)
	{
		bool ready = poll(fds, 1, 0) > 0;

		if (tool_stopped())
		{
			oc_error_set(error, OC_ERR_CANCELLED, "interrupted");
			return -1;
		}
		if (ready)
			return 0;
		if (input->export && oc_export_wait(input->export, &waiter, error) != OC_OK)
			return -1;
		poll(fds, 2, input->export ? 50 : -1);
		show_progress(input, false);
	}
}

static int
wait_for_either(void *arg, int fd, int timeout_ms)
{
	struct pollfd fds[3] = {{.fd = fd, .events = POLLIN},
							{.fd = STDIN_FILENO, .events = POLLIN},
							{.fd = tool_stop_fd(), .events = POLLIN}};

	(void) arg;
	if (!tool_stopped())
		poll(fds, 3, timeout_ms);
	return tool_stopped();
}

/* ---------------------------------------------------------------- progress */

/* A line that is written over, on a terminal only. */
static void
show_progress(const hg_dump_input *input, bool last)
{
	static int terminal = -1;
	static double begun;
	static double shown;
	double now;
	uint64_t rows, raw, stored;
	char read_text[24], stored_text[24], speed[24];

	if (terminal < 0)
	{
		terminal = isatty(STDERR_FILENO);
		begun = tool_seconds();
	}
	if (!terminal || !input->export)
		return;
	now = tool_seconds();
	if (now - shown < 0.2 && !last)
		return;
	shown = now;
	oc_export_progress(input->export, &rows, &raw, &stored);
	fprintf(stderr, "\r%llu rows, %s read, %s stored, %s/s \033[K%s", (unsigned long long) rows,
			tool_bytes_text(input->bytes, read_text), tool_bytes_text(stored, stored_text),
			tool_bytes_text((uint64_t) ((double) input->bytes / (now - begun + 0.001)), speed), last ? "\n" : "");
}
