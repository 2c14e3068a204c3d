/*
 * oc_provider.c
 *	  One row per dialect: names, limits and abilities that the other files ask for.
 */
#include "oc_int.h"

#define KB        UINT64_C(1024)
#define MB        (1024 * KB)
#define GB        (1024 * MB)
#define MAX_PARTS 10000

/* Indexed by oc_provider.  The largest object is what that many of the largest parts make, 48.8 TB. */
static const oc_dialect dialects[] = {
	[OC_PROVIDER_OSS] = {OC_PROVIDER_OSS,
						 "oss",
						 "x-oss-",
						 {100 * KB, 5 * GB, MAX_PARTS, 5 * GB, MAX_PARTS * 5 * GB},
						 true},
	[OC_PROVIDER_OBS] = {OC_PROVIDER_OBS,
						 "obs",
						 "x-obs-",
						 {100 * KB, 5 * GB, MAX_PARTS, 5 * GB, MAX_PARTS * 5 * GB},
						 false},
	[OC_PROVIDER_S3] = {OC_PROVIDER_S3,
						"s3",
						"x-amz-",
						{5 * MB, 5 * GB, MAX_PARTS, 5 * GB, MAX_PARTS * 5 * GB},
						true},
};

/* NULL: no such provider */
const oc_dialect *
oc_dialect_of(oc_provider provider)
{
	size_t index = (size_t) provider;

	return index < sizeof(dialects) / sizeof(dialects[0]) ? &dialects[index] : NULL;
}
