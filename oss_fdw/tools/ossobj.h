/*
 * ossobj.h
 *	  What the files of ossobj share.
 *
 *	  ossobj.c			main: options, URLs, exit codes
 *	  ossobj_walk.c		the objects that a URL means
 *	  ossobj_list.c		ls, du
 *	  ossobj_fetch.c	objects -> bytes in order, several requests at once
 *	  ossobj_get.c		cat, get
 *	  ossobj_put.c		put
 *	  ossobj_remove.c	rm, uploads, abort-uploads
 *	  ossobj_check.c	check, sign
 *	  ossobj_progress.c	a bar on a terminal
 */
#ifndef OSSOBJ_H
#define OSSOBJ_H

#include "tool.h"

enum
{
	OSSOBJ_GOOD = 0,
	OSSOBJ_FAILED = 1,		/* anything else */
	OSSOBJ_USAGE = 2,
	OSSOBJ_NOT_FOUND = 3,	/* no such object or bucket, nothing matches */
	OSSOBJ_DENIED = 4,		/* keys, permission, clock */
	OSSOBJ_NETWORK = 5,		/* not reachable, broken, too busy */
	OSSOBJ_DAMAGED = 6,		/* checksums differ, compressed data are corrupt, the object changed meanwhile */
	OSSOBJ_EXISTS = 7,		/* --no-overwrite */
};

typedef struct ossobj_url
{
	oc_provider provider;
	char *bucket;
	char *key;		/* a key, a glob, a folder with its '/', or "" */
	bool glob;
} ossobj_url;

typedef struct ossobj
{
	tool_access access;
	bool json;
	bool recursive;
	bool decompress;
	bool force;
	bool dry_run;
	bool no_overwrite;
	bool quiet;
	long jobs;			/* transfers at once */
	long older_than;	/* seconds */
	long expires;		/* seconds */
	const char *method;
	oc_io *io;
	oc_pool *pool;
	oc_client *client;
} ossobj;

/* ---- ossobj.c */

extern bool ossobj_is_url(const char *text);
/* Complains and returns false when it is no URL. */
extern bool ossobj_parse_url(const char *text, ossobj_url *url);
extern char *ossobj_url_text(const ossobj_url *url, const char *key);
/* Opens the store of the URL; all URLs of one command are of one provider.  An exit code. */
extern int ossobj_open(ossobj *self, const ossobj_url *url);
extern int ossobj_code(const oc_error *error);
/* Says what failed (not when a signal is the reason); returns the exit code. */
extern int ossobj_report(const char *what, const oc_error *error);

/* ---- ossobj_walk.c */

/* Returns an exit code; anything but 0 ends the walk. */
typedef int (*ossobj_visit)(void *arg, const oc_object *object);

/*
 * Calls visit for each object that the URL means: that key, the keys that match the glob, or what is in the folder (below it
 * when recursive).  folders: visit sees common prefixes too.  Nothing found is OSSOBJ_NOT_FOUND, having complained, unless quiet.
 */
extern int ossobj_walk(ossobj *self, const ossobj_url *url, bool recursive, bool folders, bool quiet, ossobj_visit visit, void *arg);

/* Objects kept: keys and etags are copies. */
typedef struct ossobj_set
{
	oc_object *objects;
	size_t count;
	uint64_t bytes;
} ossobj_set;

extern int ossobj_collect(ossobj *self, const ossobj_url *url, ossobj_set *set);
extern void ossobj_set_free(ossobj_set *set);

/* ---- ossobj_fetch.c */

/* Where the bytes go; each returns an exit code, having complained. */
typedef struct ossobj_sink
{
	int (*begin)(void *arg, const oc_object *object);
	int (*data)(void *arg, const void *data, size_t size, bool last); /* last is also told of an empty object */
	int (*end)(void *arg, const oc_object *object); /* its checksum was good */
	void *arg;
} ossobj_sink;

/* All objects of the set, one after the other, in order. */
extern int ossobj_fetch(ossobj *self, const char *bucket, const ossobj_set *set, const ossobj_sink *sink);

/* ---- ossobj_progress.c */

extern void ossobj_progress_begin(const ossobj *self, uint64_t total); /* 0: not known */
extern void ossobj_progress_add(uint64_t bytes);
extern void ossobj_progress_end(void);

/* ---- commands: the words behind the command; an exit code */

extern int ossobj_ls(ossobj *self, int count, char **words);
extern int ossobj_du(ossobj *self, int count, char **words);
extern int ossobj_cat(ossobj *self, int count, char **words);
extern int ossobj_get(ossobj *self, int count, char **words);
extern int ossobj_put(ossobj *self, int count, char **words);
extern int ossobj_rm(ossobj *self, int count, char **words);
extern int ossobj_uploads(ossobj *self, int count, char **words);
extern int ossobj_abort_uploads(ossobj *self, int count, char **words);
extern int ossobj_check(ossobj *self, int count, char **words);
extern int ossobj_sign(ossobj *self, int count, char **words);

#endif
