/*
 * ossobj_progress.c
 *	  A bar on standard error while something is transferred, if that is a terminal.
 */
#include <string.h>
#include <unistd.h>

#include "ossobj.h"

#define WIDTH 30

static struct
{
	bool active;
	uint64_t total;
	uint64_t done;
	double begun;
	double shown;
} bar;

static void show(double now);

void
ossobj_progress_begin(const ossobj *self, uint64_t total)
{
	bar.active = !self->quiet && !self->json && isatty(STDERR_FILENO);
	bar.total = total;
	bar.done = 0;
	bar.begun = tool_seconds();
	bar.shown = 0;
}

void
ossobj_progress_add(uint64_t bytes)
{
	double now;

	bar.done += bytes;
	if (!bar.active)
		return;
	now = tool_seconds();
	if (now - bar.shown >= 0.1)
		show(now);
}

static void
show(double now)
{
	char done[24], total[24], speed[24];
	char filled[WIDTH + 1];
	int part = bar.total > 0 ? (int) ((double) bar.done / (double) bar.total * WIDTH) : 0;

	bar.shown = now;
	memset(filled, ' ', WIDTH);
	memset(filled, '#', (size_t) (part > WIDTH ? WIDTH : part));
	filled[WIDTH] = '\0';
	tool_bytes_text((uint64_t) ((double) bar.done / (now - bar.begun + 0.001)), speed);
	if (bar.total > 0)
		fprintf(stderr, "\r[%s] %3.0f%%  %s of %s  %s/s\033[K", filled, (double) bar.done * 100 / (double) bar.total,
				tool_bytes_text(bar.done, done), tool_bytes_text(bar.total, total), speed);
	else
		fprintf(stderr, "\r%s  %s/s\033[K", tool_bytes_text(bar.done, done), speed);
}

/* Also before a message. */
void
ossobj_progress_end(void)
{
	if (!bar.active)
		return;
	show(tool_seconds());
	fputc('\n', stderr);
	bar.active = false;
}
