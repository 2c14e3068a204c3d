/*
 * tool.h
 *	  What hg_dump_to_oss and ossobj share: access to a store, signals, listing, names, messages.
 *
 * Both programs stand on the core library's door alone (oc.h).  Strings that a function returns are malloc'ed and the
 * caller's; running out of memory ends the program with a message (tool_alloc and friends never return NULL).
 */
#ifndef TOOL_H
#define TOOL_H

#include <stdio.h>

#include "oc.h"

#define TOOL_VERSION "1.0.0"

/* ---- tool_text.c: memory, messages, numbers and names as text */

extern const char *tool_name; /* set by main: the first word of every message */

extern void *tool_alloc(size_t size); /* zeroed */
extern void *tool_realloc(void *memory, size_t size);
extern char *tool_copy(const char *text);
extern char *tool_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* One line on standard error: "name: text". */
extern void tool_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* One line that tells what failed, why, what the store said and what helps; what may be NULL. */
extern void tool_complain_error(const char *what, const oc_error *error);
extern bool tool_same_word(const char *left, const char *right); /* ASCII, whatever the case */
/* "64kB", "8MB", "1GB", "100"; false when it is no size */
extern bool tool_parse_size(const char *text, uint64_t *bytes);
/* "90", "90s", "15min", "6h", "7d" in seconds */
extern bool tool_parse_seconds(const char *text, long *seconds);
extern bool tool_parse_count(const char *text, long least, long most, long *value);
/* "12.3 MB" */
extern const char *tool_bytes_text(uint64_t bytes, char target[24]);
/* 2026-01-02T03:04:05Z, of microseconds since 1970 */
extern const char *tool_time_text(int64_t microseconds, char target[32]);
extern void tool_json_string(FILE *file, const char *text);
extern double tool_seconds(void); /* a clock that only goes on */
extern const char *tool_temp_folder(void); /* TMPDIR, or /tmp */

/* ---- tool_signal.c: ending in order */

/* From here on SIGINT, SIGTERM, SIGHUP and SIGQUIT only ask to stop; SIGPIPE is ignored when pipes is false. */
extern void tool_signals_catch(bool pipes);
extern bool tool_stopped(void); /* a signal has asked to stop */
extern int tool_stop_fd(void);	/* becomes readable then */
/* Ends the process by that signal, as if it had not been caught, so that its parent learns of it. */
extern void tool_end_by_signal(void);
/* Waits for the core; gives up when a signal has asked to stop. */
extern const oc_waiter tool_waiter;

/* ---- tool_access.c, tool_credentials.c: which store, as whom */

typedef struct tool_access
{
	oc_provider provider;
	const char *endpoint;
	const char *region;
	const char *access_key_id;
	const char *access_key_secret;
	const char *security_token;
	const char *credentials_file; /* the only file to look into; NULL: the usual ones */
	const char *profile;		  /* NULL: that of the environment, or "default" */
	const char *ca_file;
	oc_addressing addressing;
	oc_signature signature;
	bool signature_given;
	bool anonymous;
} tool_access;

/* Hides the text of a command line argument from ps; returns a copy. */
extern char *tool_take_secret(char *argument);
extern bool tool_parse_provider(const char *text, oc_provider *provider);
extern bool tool_parse_addressing(const char *text, oc_addressing *addressing);
extern const char *tool_provider_name(oc_provider provider);
/* Fills what the command line left open from the environment and credential files.  false: a named file is unreadable. */
extern bool tool_access_complete(tool_access *access, oc_error *error);
/* The same as the core wants it; strings stay the access'. */
extern oc_config tool_access_config(const tool_access *access);
/* tool_credentials.c: fills id, secret, token and, where open, endpoint and region */
extern bool tool_credentials_find(tool_access *access, oc_error *error);

/* ---- tool_list.c: listing, with globs */

typedef struct tool_list
{
	oc_client *client;
	const char *bucket;
	const char *prefix;
	const char *delimiter;	/* NULL: everything below */
	oc_call *call;			/* the page being walked */
	size_t position;
	bool done;
} tool_list;

/* The next object or common prefix, valid until the next call; OC_END at the end. */
extern oc_status tool_list_next(tool_list *list, const oc_object **object, oc_error *error);
extern void tool_list_close(tool_list *list);
/* Deletes keys, a thousand at a time.  waiter NULL: goes on whatever signal comes. */
extern bool tool_delete_keys(oc_client *client, const char *bucket, const char *const *keys, size_t count,
							 const oc_waiter *waiter, oc_error *error);

extern bool tool_has_glob(const char *pattern);
/* What stands before the first sign, quoting undone. */
extern char *tool_glob_prefix(const char *pattern);
extern bool tool_glob_match(const char *pattern, const char *key);

#endif
