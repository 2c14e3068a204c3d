/*
 * oc_text.c
 *	  Texts of the wire: header names, hex, base64, percent-encoding, HTTP and ISO times.
 *
 * Nothing here depends on the locale, and no function keeps state.
 */
#include <stdio.h>

#include "oc_int.h"

static const char base64_digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char day_names[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char month_names[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
										"Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

/* A time of day in UTC, taken apart.  month is 1 to 12. */
typedef struct civil
{
	int64_t year;
	int month;
	int day;
	int hour;
	int minute;
	int second;
} civil;

static int base64_value(char c);
static int hex_value(char c);
static bool is_unreserved(unsigned char c);
static civil civil_of(time_t when);
static int64_t days_of_civil(int64_t year, int month, int day);
static bool seconds_of_civil(const civil *moment, int64_t *seconds);
static bool take_number(const char **text, int digits, int *number);
static bool take_char(const char **text, char c);
static bool take_month(const char **text, int *month);
static int64_t take_fraction(const char **text);
static bool take_zone(const char **text, int64_t *offset);

/* ---------------------------------------------------------------- names in any case */

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char) (c + 32) : c;
}

bool
oc_same_name(const char *left, const char *right)
{
	while (*left && lower(*left) == lower(*right))
	{
		left++;
		right++;
	}
	return *left == *right;
}

bool
oc_has_prefix(const char *text, const char *prefix)
{
	while (*prefix && lower(*text) == lower(*prefix))
	{
		text++;
		prefix++;
	}
	return *prefix == '\0';
}

/* ---------------------------------------------------------------- hex, base64 */

void
oc_hex(const unsigned char *data, size_t size, char *target)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < size; i++)
	{
		*target++ = digits[data[i] >> 4];
		*target++ = digits[data[i] & 15];
	}
	*target = '\0';
}

/* Returns the length of the text. */
size_t
oc_base64(const unsigned char *data, size_t size, char *target)
{
	char *start = target;

	for (; size >= 3; data += 3, size -= 3)
	{
		*target++ = base64_digits[data[0] >> 2];
		*target++ = base64_digits[(data[0] & 3) << 4 | data[1] >> 4];
		*target++ = base64_digits[(data[1] & 15) << 2 | data[2] >> 6];
		*target++ = base64_digits[data[2] & 63];
	}
	if (size > 0)
	{
		unsigned second = size == 2 ? data[1] : 0;

		*target++ = base64_digits[data[0] >> 2];
		*target++ = base64_digits[(data[0] & 3) << 4 | second >> 4];
		*target++ = size == 2 ? base64_digits[(second & 15) << 2] : '=';
		*target++ = '=';
	}
	*target = '\0';
	return (size_t) (target - start);
}

/* Strict: padded, no blanks, no bits left over.  false also when target is too small. */
bool
oc_base64_decode(const char *text, unsigned char *target, size_t capacity, size_t *size)
{
	size_t length = strlen(text);
	size_t padding = 0;

	*size = 0;
	if (length % 4 != 0)
		return false;
	while (padding < 2 && padding < length && text[length - 1 - padding] == '=')
		padding++;
	if (length / 4 * 3 - padding > capacity)
		return false;
	for (size_t i = 0; i < length; i += 4)
	{
		bool last = i + 4 == length;
		size_t bytes = last ? 3 - padding : 3;
		uint32_t group = 0;

		for (size_t j = 0; j < 4; j++)
		{
			int value = last && j >= 4 - padding ? 0 : base64_value(text[i + j]);

			if (value < 0)
				return false;
			group = group << 6 | (uint32_t) value;
		}
		if ((bytes == 1 && (group & 0xffff)) || (bytes == 2 && (group & 0xff)))
			return false;
		for (size_t j = 0; j < bytes; j++)
			target[(*size)++] = (unsigned char) (group >> (16 - 8 * j));
	}
	return true;
}

static int
base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* ---------------------------------------------------------------- percent-encoding */

bool
oc_percent_encode(oc_buf *target, const char *data, size_t size, bool keep_slash)
{
	static const char digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < size; i++)
	{
		unsigned char c = (unsigned char) data[i];

		if (is_unreserved(c) || (keep_slash && c == '/'))
			oc_buf_append_char(target, (char) c);
		else
			oc_buf_append(target, (char[]){'%', digits[c >> 4], digits[c & 15]}, 3);
	}
	return !target->failed;
}

static bool
is_unreserved(unsigned char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
		   c == '.' || c == '_' || c == '~';
}

/*
 * Returns the new length, which a "%00" makes longer than strlen tells.  A '%' without two hex
 * digits behind it stays as it is.
 */
size_t
oc_percent_decode(char *text, bool plus_is_blank)
{
	char *target = text;

	for (const char *c = text; *c; c++)
	{
		int high = *c == '%' ? hex_value(c[1]) : -1;
		int low = high >= 0 ? hex_value(c[2]) : -1;

		if (low >= 0)
		{
			*target++ = (char) (high << 4 | low);
			c += 2;
		}
		else
			*target++ = plus_is_blank && *c == '+' ? ' ' : *c;
	}
	*target = '\0';
	return (size_t) (target - text);
}

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* ---------------------------------------------------------------- times */

void
oc_http_date(time_t when, char target[32])
{
	civil moment = civil_of(when);
	int64_t days = days_of_civil(moment.year, moment.month, moment.day);

	/* 1970-01-01 was a Thursday; civil_of gives no year before 1970 */
	snprintf(target, 32, "%s, %02u %s %04u %02u:%02u:%02u GMT", day_names[(days + 4) % 7],
			 moment.day % 100u, month_names[moment.month - 1], (unsigned) (moment.year % 10000),
			 moment.hour % 100u, moment.minute % 100u, moment.second % 100u);
}

void
oc_iso_basic(time_t when, char target[20])
{
	civil moment = civil_of(when);

	snprintf(target, 20, "%04u%02u%02uT%02u%02u%02uZ", (unsigned) (moment.year % 10000),
			 moment.month % 100u, moment.day % 100u, moment.hour % 100u, moment.minute % 100u,
			 moment.second % 100u);
}

/* Times before 1970 and after 9999 become 1970: neither can be signed. */
static civil
civil_of(time_t when)
{
	struct tm parts;

	if (when < 0 || !gmtime_r(&when, &parts) || parts.tm_year > 9999 - 1900)
		return (civil){.year = 1970, .month = 1, .day = 1};
	return (civil){.year = parts.tm_year + 1900,
				   .month = parts.tm_mon + 1,
				   .day = parts.tm_mday,
				   .hour = parts.tm_hour,
				   .minute = parts.tm_min,
				   .second = parts.tm_sec};
}

bool
oc_parse_http_date(const char *text, time_t *when)
{
	civil moment;
	int year;
	int64_t seconds;
	bool known_day = false;

	for (int i = 0; i < 7; i++)
		known_day |= strncmp(text, day_names[i], 3) == 0;
	if (!known_day)
		return false;
	text += 3;
	if (!take_char(&text, ',') || !take_char(&text, ' ') || !take_number(&text, 2, &moment.day) ||
		!take_char(&text, ' ') || !take_month(&text, &moment.month) || !take_char(&text, ' ') ||
		!take_number(&text, 4, &year) || !take_char(&text, ' ') ||
		!take_number(&text, 2, &moment.hour) || !take_char(&text, ':') ||
		!take_number(&text, 2, &moment.minute) || !take_char(&text, ':') ||
		!take_number(&text, 2, &moment.second) || strcmp(text, " GMT") != 0)
		return false;
	moment.year = year;
	if (!seconds_of_civil(&moment, &seconds))
		return false;
	*when = (time_t) seconds;
	return true;
}

/* A zone is required: Z or an offset as +08:00. */
bool
oc_parse_iso_time(const char *text, int64_t *microseconds)
{
	civil moment;
	int year;
	int64_t seconds;
	int64_t fraction;
	int64_t offset;

	if (!take_number(&text, 4, &year) || !take_char(&text, '-') ||
		!take_number(&text, 2, &moment.month) || !take_char(&text, '-') ||
		!take_number(&text, 2, &moment.day) || !take_char(&text, 'T') ||
		!take_number(&text, 2, &moment.hour) || !take_char(&text, ':') ||
		!take_number(&text, 2, &moment.minute) || !take_char(&text, ':') ||
		!take_number(&text, 2, &moment.second))
		return false;
	fraction = take_fraction(&text);
	moment.year = year;
	if (fraction < 0 || !take_zone(&text, &offset) || *text || !seconds_of_civil(&moment, &seconds))
		return false;
	*microseconds = (seconds - offset) * 1000000 + fraction;
	return true;
}

/* Days from 1970-01-01 in the Gregorian calendar; the year is counted from March so that leap days come last. */
static int64_t
days_of_civil(int64_t year, int month, int day)
{
	int64_t march_year = month <= 2 ? year - 1 : year;
	int64_t march_month = month <= 2 ? month + 9 : month - 3;

	return march_year * 365 + march_year / 4 - march_year / 100 + march_year / 400 +
		   (march_month * 153 + 2) / 5 + day - 1 - 719468;
}

/* false when there is no such day or time.  A leap second counts as the next minute's first. */
static bool
seconds_of_civil(const civil *moment, int64_t *seconds)
{
	static const int month_days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = moment->year % 4 == 0 && (moment->year % 100 != 0 || moment->year % 400 == 0);

	if (moment->year < 1 || moment->month < 1 || moment->month > 12 || moment->day < 1 ||
		moment->day > month_days[moment->month - 1] + (leap && moment->month == 2) ||
		moment->hour > 23 || moment->minute > 59 || moment->second > 60)
		return false;
	*seconds = days_of_civil(moment->year, moment->month, moment->day) * 86400 +
			   moment->hour * 3600 + moment->minute * 60 + moment->second;
	return true;
}

static bool
take_number(const char **text, int digits, int *number)
{
	*number = 0;
	for (int i = 0; i < digits; i++, (*text)++)
	{
		if (**text < '0' || **text > '9')
			return false;
		*number = *number * 10 + (**text - '0');
	}
	return true;
}

static bool
take_char(const char **text, char c)
{
	if (**text != c)
		return false;
	(*text)++;
	return true;
}

static bool
take_month(const char **text, int *month)
{
	for (int i = 0; i < 12; i++)
	{
		if (strncmp(*text, month_names[i], 3) == 0)
		{
			*month = i + 1;
			*text += 3;
			return true;
		}
	}
	return false;
}

/* Microseconds of ".123", 0 when there is no fraction, -1 when a dot has no digit behind it. */
static int64_t
take_fraction(const char **text)
{
	int64_t fraction = 0;
	int64_t unit = 100000;

	if (!take_char(text, '.'))
		return 0;
	if (**text < '0' || **text > '9')
		return -1;
	for (; **text >= '0' && **text <= '9'; (*text)++, unit /= 10)
		fraction += (**text - '0') * unit;
	return fraction;
}

static bool
take_zone(const char **text, int64_t *offset)
{
	int sign = **text == '-' ? -1 : 1;
	int hours;
	int minutes;

	*offset = 0;
	if (take_char(text, 'Z'))
		return true;
	if (!take_char(text, sign > 0 ? '+' : '-') || !take_number(text, 2, &hours) ||
		!take_char(text, ':') || !take_number(text, 2, &minutes) || hours > 15 || minutes > 59)
		return false;
	*offset = sign * (hours * 3600 + minutes * 60);
	return true;
}
