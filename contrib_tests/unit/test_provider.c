/*
 * test_provider.c
 *	  The table of dialects.
 */
#include "oc_int.h"
#include "unit.h"

int
main(void)
{
	static const char *const names[] = {"oss", "obs", "s3"};
	static const char *const prefixes[] = {"x-oss-", "x-obs-", "x-amz-"};
	static const uint64_t min_parts[] = {102400, 102400, 5242880};

	for (int provider = OC_PROVIDER_OSS; provider <= OC_PROVIDER_S3; provider++)
	{
		const oc_dialect *dialect = oc_dialect_of((oc_provider) provider);

		if (!CHECK(dialect != NULL))
			continue;
		CHECK_INT(dialect->provider, provider);
		CHECK_STR(dialect->name, names[provider]);
		CHECK_STR(dialect->header_prefix, prefixes[provider]);
		CHECK(dialect->limits.min_part == min_parts[provider]);
		CHECK(dialect->limits.max_part == UINT64_C(5368709120));
		CHECK(dialect->limits.max_put == UINT64_C(5368709120));
		CHECK_INT(dialect->limits.max_parts, 10000);
		CHECK(dialect->limits.max_object == UINT64_C(53687091200000));
		CHECK_INT(dialect->forbid_overwrite, provider != OC_PROVIDER_OBS);
	}
	CHECK(oc_dialect_of((oc_provider) 3) == NULL);
	CHECK(oc_dialect_of((oc_provider) -1) == NULL);
	return unit_done();
}
