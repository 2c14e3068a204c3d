/*
 * test_uri.c
 *	  Endpoints, regions, addressing, bucket and key names, configurations: taken and refused.
 */
#include <stdlib.h>

#include "oc_int.h"
#include "unit.h"

static void
endpoints_good(void)
{
	static const struct
	{
		const char *text;
		const char *host;
		bool https;
		int port;
		bool is_ip;
	} cases[] = {
		{"oss-cn-hangzhou.aliyuncs.com", "oss-cn-hangzhou.aliyuncs.com", true, 0, false},
		{"https://OSS-cn-Hangzhou.aliyuncs.com", "oss-cn-hangzhou.aliyuncs.com", true, 0, false},
		{"HTTP://localhost:9000", "localhost", false, 9000, false},
		{"http://127.0.0.1:1", "127.0.0.1", false, 1, true},
		{"127.0.0.1", "127.0.0.1", true, 0, true},
		{"https://[::1]:65535", "::1", true, 65535, true},
		{"http://[2001:DB8::ff]", "2001:db8::ff", false, 0, true},
		{"[::ffff:1.2.3.4]:80", "::ffff:1.2.3.4", true, 80, true},
		{"my_minio:9000", "my_minio", true, 9000, false},
		{"a.b", "a.b", true, 0, false},
		{"1a", "1a", true, 0, false},
		{"127.0.0.1.nip.io", "127.0.0.1.nip.io", true, 0, false},
		{"xn--fiq228c.example", "xn--fiq228c.example", true, 0, false},
		{"host:00080", "host", true, 80, false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		oc_endpoint endpoint;
		oc_error error;

		memset(&endpoint, 0x5a, sizeof(endpoint));
		if (!CHECK(oc_endpoint_parse(cases[i].text, &endpoint, &error)))
		{
			fprintf(stderr, "refused \"%s\": %s\n", cases[i].text, error.message);
			continue;
		}
		CHECK_STR(endpoint.host, cases[i].host);
		CHECK_INT(endpoint.https, cases[i].https);
		CHECK_INT(endpoint.port, cases[i].port);
		CHECK_INT(endpoint.is_ip, cases[i].is_ip);
	}
}

static void
endpoints_bad(void)
{
	static char long_host[300];
	static char long_label[80];
	static const char *const cases[] = {"",
										" ",
										"https://",
										"http://:80",
										":80",
										"ftp://host",
										"file:///etc/passwd",
										"https:/host",
										"gopher://127.0.0.1:70",
										"host/",
										"https://host/",
										"host/path",
										"host:80/",
										"host?x",
										"host#x",
										"host\\x",
										"user@host",
										"https://user:pass@host",
										"https://host@evil",
										"ho st",
										"host\n",
										"host\r\nX-Evil: 1",
										"\thost",
										"host ",
										"host:",
										"host:0",
										"host:65536",
										"host:999999",
										"host:-1",
										"host:8x",
										"host:+80",
										"host:80:90",
										"::1",
										"2001:db8::1",
										"[::1",
										"[]",
										"[::1]x",
										"[::1]:",
										"[::1]:0",
										"[fe80::1%eth0]",
										"[127.0.0.1]",
										"[host]",
										"[::1]]",
										".host",
										"host.",
										"a..b",
										".",
										"h\xc3\xb6st",
										"ho$t",
										"host,other",
										"256.1.1.1",
										"1.2.3",
										"127.1",
										"2130706433",
										"0x7f000001",
										"127.0.0.0x1",
										"1.2.3.4.5",
										"https://https://host",
										"a*b",
										"[::1]host",
										"[0:0:0:0:0:0:0:0:1]"};
	oc_endpoint endpoint;
	oc_error error;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		memset(&error, 0, sizeof(error));
		if (!CHECK(!oc_endpoint_parse(cases[i], &endpoint, &error)))
			fprintf(stderr, "accepted \"%s\"\n", cases[i]);
		CHECK_INT(error.class, OC_ERR_ARGUMENT);
		CHECK(strlen(error.message) > 10);
		CHECK(!strstr(error.message, "pass@"));
	}
	CHECK(!oc_endpoint_parse(NULL, &endpoint, &error));
	memset(long_label, 'a', 64);
	CHECK(!oc_endpoint_parse(long_label, &endpoint, &error));
	long_label[63] = '\0';
	CHECK(oc_endpoint_parse(long_label, &endpoint, &error));
	for (int i = 0; i < 254; i++)
		long_host[i] = i % 10 == 5 ? '.' : 'h';
	CHECK(!oc_endpoint_parse(long_host, &endpoint, &error));
	long_host[253] = '\0';
	CHECK(oc_endpoint_parse(long_host, &endpoint, &error));
}

static void
regions(void)
{
	static const struct
	{
		oc_provider provider;
		const char *endpoint;
		const char *region; /* NULL: cannot be told */
	} cases[] = {
		{OC_PROVIDER_OSS, "oss-cn-hangzhou.aliyuncs.com", "cn-hangzhou"},
		{OC_PROVIDER_OSS, "https://oss-cn-hangzhou-internal.aliyuncs.com:443", "cn-hangzhou"},
		{OC_PROVIDER_OSS, "http://s3.oss-us-west-1-internal.aliyuncs.com", "us-west-1"},
		{OC_PROVIDER_OSS, "cn-shanghai.oss.aliyuncs.com", "cn-shanghai"},
		{OC_PROVIDER_OSS, "oss.aliyuncs.com", "cn-hangzhou"},
		{OC_PROVIDER_OSS, "bucket.oss-cn-wuhan-lr.aliyuncs.com", "cn-wuhan-lr"},
		{OC_PROVIDER_OSS, "oss-accelerate.aliyuncs.com", NULL},
		{OC_PROVIDER_OSS, "oss-accelerate-overseas.aliyuncs.com", NULL},
		{OC_PROVIDER_OSS, "oss-.aliyuncs.com", NULL},
		{OC_PROVIDER_OSS, "oss--internal.aliyuncs.com", NULL},
		{OC_PROVIDER_OSS, "files.example.com", NULL},
		{OC_PROVIDER_OSS, "oss-cn-hangzhou.aliyuncs.com.example.com", NULL},
		{OC_PROVIDER_OSS, "oss-cn-hangzhouxaliyuncs.com", NULL},
		{OC_PROVIDER_OSS, "127.0.0.1", NULL},
		{OC_PROVIDER_OSS, "bad endpoint", NULL},
		{OC_PROVIDER_OBS, "obs.cn-north-4.myhuaweicloud.com", "cn-north-4"},
		{OC_PROVIDER_OBS, "bucket.obs.af-south-1.myhuaweicloud.com", "af-south-1"},
		{OC_PROVIDER_OBS, "obs.eu-de.otc.t-systems.com", "eu-de"},
		{OC_PROVIDER_OBS, "obs.example", NULL},
		{OC_PROVIDER_OBS, "example.com", NULL},
		{OC_PROVIDER_S3, "s3.eu-central-1.amazonaws.com", "eu-central-1"},
		{OC_PROVIDER_S3, "s3.cn-north-1.amazonaws.com.cn", "cn-north-1"},
		{OC_PROVIDER_S3, "s3-us-west-2.amazonaws.com", "us-west-2"},
		{OC_PROVIDER_S3, "s3.dualstack.ap-south-1.amazonaws.com", "ap-south-1"},
		{OC_PROVIDER_S3, "s3.amazonaws.com", "us-east-1"},
		{OC_PROVIDER_S3, "bucket.s3.amazonaws.com", "us-east-1"},
		{OC_PROVIDER_S3, "bucket.s3-accelerate.amazonaws.com", NULL},
		{OC_PROVIDER_S3, "s3.oss-cn-beijing.aliyuncs.com", "cn-beijing"},
		{OC_PROVIDER_S3, "obs.cn-south-1.myhuaweicloud.com", "cn-south-1"},
		{OC_PROVIDER_S3, "minio.example.com:9000", NULL},
	};
	char region[64];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		bool told =
			oc_region_of_endpoint(cases[i].provider, cases[i].endpoint, region, sizeof(region));

		CHECK_STR(told ? region : "(none)", cases[i].region ? cases[i].region : "(none)");
	}
	CHECK(!oc_region_of_endpoint(OC_PROVIDER_OSS, "oss-cn-hangzhou.aliyuncs.com", region, 11));
	CHECK(oc_region_of_endpoint(OC_PROVIDER_OSS, "oss-cn-hangzhou.aliyuncs.com", region, 12));
}

static void
addressing(void)
{
	static const struct
	{
		oc_provider provider;
		const char *endpoint;
		const char *bucket;
		oc_addressing expected;
	} cases[] = {
		{OC_PROVIDER_OSS, "oss-cn-hangzhou.aliyuncs.com", "bucket", OC_ADDRESSING_VIRTUAL},
		{OC_PROVIDER_OSS, "http://127.0.0.1:8080", "bucket", OC_ADDRESSING_PATH},
		{OC_PROVIDER_OSS, "http://[::1]:8080", "bucket", OC_ADDRESSING_PATH},
		{OC_PROVIDER_OSS, "http://LocalHost:8080", "bucket", OC_ADDRESSING_PATH},
		{OC_PROVIDER_OSS, "http://oss.localhost:8080", "bucket", OC_ADDRESSING_VIRTUAL},
		{OC_PROVIDER_S3, "s3.amazonaws.com", "bucket", OC_ADDRESSING_VIRTUAL},
		{OC_PROVIDER_S3, "s3.amazonaws.com", "my.bucket", OC_ADDRESSING_PATH},
		{OC_PROVIDER_S3, "http://s3.amazonaws.com", "my.bucket", OC_ADDRESSING_VIRTUAL},
		{OC_PROVIDER_OBS, "obs.cn-north-4.myhuaweicloud.com", NULL, OC_ADDRESSING_VIRTUAL},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		oc_endpoint endpoint;
		oc_error error;

		CHECK(oc_endpoint_parse(cases[i].endpoint, &endpoint, &error));
		CHECK_INT(
			oc_addressing_of(OC_ADDRESSING_AUTO, cases[i].provider, &endpoint, cases[i].bucket),
			cases[i].expected);
		for (int wanted = OC_ADDRESSING_VIRTUAL; wanted <= OC_ADDRESSING_CNAME; wanted++)
			CHECK_INT(oc_addressing_of((oc_addressing) wanted, cases[i].provider, &endpoint,
									   cases[i].bucket),
					  wanted);
	}
}

static void
buckets(void)
{
	static const char *const good[] = {"abc", "a-b", "0ab", "my-bucket-2026", "a--b"};
	static const char *const dotted[] = {"my.bucket", "a.b.c", "1.2.3"};
	static const char *const bad[] = {"",     "ab",   "-abc",    "abc-",       "Abc",
									  "a_b",  "a b",  "a/b",     "b\xc3\xa4r", "a..b",
									  ".abc", "abc.", "1.2.3.4", "bucket\n",   "b?x"};
	char text[70];
	oc_error error;

	for (int provider = OC_PROVIDER_OSS; provider <= OC_PROVIDER_S3; provider++)
	{
		for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
			CHECK(oc_bucket_check((oc_provider) provider, good[i], &error));
		for (size_t i = 0; i < sizeof(dotted) / sizeof(dotted[0]); i++)
			CHECK(oc_bucket_check((oc_provider) provider, dotted[i], &error) ==
				  (provider != OC_PROVIDER_OSS));
		for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		{
			if (!CHECK(!oc_bucket_check((oc_provider) provider, bad[i], &error)))
				fprintf(stderr, "accepted \"%s\"\n", bad[i]);
			CHECK(error.class == OC_ERR_ARGUMENT && strlen(error.message) > 10);
		}
		memset(text, 'b', sizeof(text));
		text[63] = '\0';
		CHECK(oc_bucket_check((oc_provider) provider, text, &error));
		text[63] = 'b';
		text[64] = '\0';
		CHECK(!oc_bucket_check((oc_provider) provider, text, &error));
		CHECK(!oc_bucket_check((oc_provider) provider, NULL, &error));
	}
}

static void
keys(void)
{
	static const char *const good[] = {"a",
									   "a/b.csv",
									   "a//b",
									   "../x",
									   ".",
									   "a b+c%d",
									   "new\nline",
									   "\xe6\x95\xb0",
									   "\xf0\x9f\x98\x80",
									   "\xf4\x8f\xbf\xbf",
									   "\xc2\x80",
									   "\xed\x9f\xbf",
									   "\xee\x80\x80",
									   "dir/",
									   "~"};
	static const char *const bad[] = {"",
									  "/a",
									  "\\a",
									  "\x80",
									  "a\xc3",
									  "\xc0\x80",
									  "\xc1\xbf",
									  "\xe0\x9f\xbf",
									  "\xed\xa0\x80",
									  "\xf0\x8f\xbf\xbf",
									  "\xf4\x90\x80\x80",
									  "\xf5\x80\x80\x80",
									  "\xff",
									  "a\xe6\x95",
									  "\xe6\x95zz",
									  "\xf0\x9f\x98"};
	char text[1100];
	oc_error error;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (!CHECK(oc_key_check(good[i], &error)))
			fprintf(stderr, "refused \"%s\"\n", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
	{
		if (!CHECK(!oc_key_check(bad[i], &error)))
			fprintf(stderr, "accepted case %zu\n", i);
		CHECK(error.class == OC_ERR_ARGUMENT && strlen(error.message) > 10);
	}
	memset(text, 'k', sizeof(text));
	text[1023] = '\0';
	CHECK(oc_key_check(text, &error));
	text[1023] = 'k';
	text[1024] = '\0';
	CHECK(!oc_key_check(text, &error));
	CHECK(!oc_key_check(NULL, &error));
}

static bool
takes(oc_config config, const char *message_part)
{
	oc_error error;

	memset(&error, 0, sizeof(error));
	if (oc_config_check(&config, &error))
		return true;
	CHECK_INT(error.class, OC_ERR_ARGUMENT);
	CHECK(!strstr(error.message, "very-secret"));
	if (message_part && !strstr(error.message, message_part))
		CHECK_STR(error.message, message_part);
	return false;
}

static void
configurations(void)
{
	static char long_secret[OC_SIGN_SECRET_MAX + 2];
	oc_config good = {.endpoint = "oss-cn-hangzhou.aliyuncs.com",
					  .access_key_id = "id",
					  .access_key_secret = "very-secret"};
	oc_config config;

#define REFUSES(part, ...) config = good, __VA_ARGS__, CHECK(!takes(config, part))
#define TAKES(...)         config = good, __VA_ARGS__, CHECK(takes(config, NULL))
	CHECK(takes(good, NULL));
	CHECK(
		takes((oc_config){.endpoint = "http://127.0.0.1:1"}, NULL)); /* anonymous needs no region */
	TAKES(config.security_token = "token");
	TAKES(config.region = "oss-cn-hangzhou");
	TAKES(config.endpoint = "files.example.com", config.region = "cn-hangzhou",
		  config.addressing = OC_ADDRESSING_CNAME);
	TAKES(config.endpoint = "files.example.com", config.signature = OC_SIGNATURE_V1);
	TAKES(config.endpoint = "files.example.com", config.provider = OC_PROVIDER_S3);
	TAKES(config.max_retries = -1);
	TAKES(config.access_key_id = "", config.access_key_secret = "", config.security_token = "");
	TAKES(config.proxy = "http://proxy:3128", config.ca_file = "/etc/ca file.pem",
		  config.allowed_hosts = "*.aliyuncs.com, localhost");
	REFUSES("endpoint", config.endpoint = NULL);
	REFUSES("endpoint", config.endpoint = "https://id:very-secret@host");
	REFUSES("provider", config.provider = (oc_provider) 9);
	REFUSES("addressing", config.addressing = (oc_addressing) 9);
	REFUSES("signature", config.signature = (oc_signature) 9);
	REFUSES("v1", config.provider = OC_PROVIDER_S3, config.signature = OC_SIGNATURE_V1);
	REFUSES("access_key_secret", config.access_key_secret = NULL);
	REFUSES("access_key_id", config.access_key_id = "");
	REFUSES("security_token", config.access_key_id = NULL, config.access_key_secret = NULL,
			config.security_token = "very-secret");
	REFUSES("access_key_id", config.access_key_id = "i d");
	REFUSES("access_key_secret", config.access_key_secret = "very-secret\n");
	REFUSES("access_key_secret", config.access_key_secret = "very-secret\xc3\xa4");
	REFUSES("security_token", config.security_token = "a\r\nX-Evil: very-secret");
	memset(long_secret, 's', sizeof(long_secret) - 1);
	REFUSES("access_key_secret", config.access_key_secret = long_secret);
	long_secret[OC_SIGN_SECRET_MAX] = '\0';
	TAKES(config.access_key_secret = long_secret);
	REFUSES("region", config.endpoint = "files.example.com");
	REFUSES("region", config.region = "cn/hangzhou");
	REFUSES("region", config.region = "cn hangzhou");
	REFUSES("region", config.region =
						  "a-region-that-is-much-too-long-to-be-one-of-any-provider-in-the-world");
	REFUSES("connect_timeout", config.connect_timeout_ms = -1);
	REFUSES("low_speed_limit", config.low_speed_limit = -1);
	REFUSES("low_speed_time", config.low_speed_time_s = -1);
	REFUSES("dns_cache_timeout", config.dns_cache_timeout_s = -1);
	REFUSES("retry_timeout", config.retry_timeout_ms = -1);
	REFUSES("max_retries", config.max_retries = -2);
	REFUSES("max_retries", config.max_retries = 1001);
	REFUSES("proxy", config.proxy = "http://a\nb");
	REFUSES("ca_file", config.ca_file = "a\x7f");
	REFUSES("allowed_hosts", config.allowed_hosts = "a\tb");
}

int
main(void)
{
	endpoints_good();
	endpoints_bad();
	regions();
	addressing();
	buckets();
	keys();
	configurations();
	return unit_done();
}
