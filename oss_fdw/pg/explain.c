/*
 * explain.c
 *	  Lines of EXPLAIN that scans and inserts share.
 */
#include "oss_fdw.h"

#include "utils/builtins.h"

static const char *const format_names[] = {[OC_FORMAT_CSV] = "csv",
										   [OC_FORMAT_TEXT] = "text",
										   [OC_FORMAT_BINARY] = "binary",
										   [OC_FORMAT_FIXED] = "fixed",
										   [OC_FORMAT_JSONL] = "jsonl"};

/* What the statement cost at the store, under ANALYZE. */
void
oss_explain_stats(const oc_stats *stats, ExplainState *es)
{
	oc_stats *counters = unconstify(oc_stats *, stats);

	ExplainPropertyInteger("Requests", NULL, counters->requests, es);
	if (es->verbose || counters->retries > 0)
		ExplainPropertyInteger("Retries", NULL, counters->retries, es);
	ExplainPropertyInteger("Bytes Sent", NULL, counters->bytes_sent, es);
	ExplainPropertyInteger("Bytes Received", NULL, counters->bytes_received, es);
	if (es->timing)
		ExplainPropertyFloat("Store Wait", "ms", (double) counters->wait_us / 1000.0, 3, es);
}

/* "csv, gzip" */
char *
oss_codec_and_format(const OssOptions *options)
{
	const char *codec = options->compression == OC_CODEC_AUTO ? NULL : oc_codec_name(options->compression);

	return codec ? psprintf("%s, %s", format_names[options->format], codec) : pstrdup(format_names[options->format]);
}
