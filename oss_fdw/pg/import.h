/*
 * import.h
 *	  Shared by import.c (which tables) and import_infer.c (which columns).
 */
#ifndef OSS_IMPORT_H
#define OSS_IMPORT_H

#include "oss_fdw.h"

typedef struct GuessedColumn
{
	char *name;			/* valid and distinct */
	char *source_name;	/* as in the file; NULL = the file has no names */
	const char *type;	/* SQL type, static */
	bool partition;		/* from a col=value/ folder */
} GuessedColumn;

/* What a sample of one object says.  Fields that the user gave as options are set before and kept. */
typedef struct Guess
{
	int format;				/* oc_format; -1 = by name */
	char *delimiter;		/* NULL = by content */
	int header;				/* 0, 1; -1 = by content */
	const char *quote;
	const char *null_string;	/* NULL = the format's */
	int encoding;
	List *columns;			/* GuessedColumn * */
} Guess;

/* text: the decoded head of the object; whole: it is all of it */
extern void oss_guess_columns(Guess *guess, const char *key, char *text, size_t size, bool whole);

#endif
