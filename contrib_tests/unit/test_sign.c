/*
 * test_sign.c
 *	  The signers of OSS V4 and V1, OBS and S3 against published and cross-checked vectors.
 *
 * vectors.json (through vectors.h) has 14 operations in all four schemes, with every intermediate
 * text.  The named vectors below come from the vendors' manuals and SDK tests.
 */
#include <stdlib.h>
#include <strings.h>

#include "oc_int.h"
#include "unit.h"

typedef struct vector
{
	const char *name;
	const char *method;
	const char *bucket;
	const char *key;
	const char *date;
	const char *iso;
	oc_pair query[8];
	oc_pair oss_headers[8];
	oc_pair obs_headers[8];
	oc_pair s3_headers[10];
	const char *v1_text;
	const char *v1_authorization;
	const char *v4_canonical;
	const char *v4_text;
	const char *v4_authorization;
	const char *obs_text;
	const char *obs_authorization;
	const char *s3_canonical;
	const char *s3_text;
	const char *s3_authorization;
} vector;

#include "vectors.h"

static const oc_credentials ak_sk = {"ak", "sk", NULL};

/* 20260102T030405Z */
static time_t
time_of(const char *iso)
{
	char text[32];
	int64_t microseconds = 0;

	snprintf(text, sizeof(text), "%.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ", iso, iso + 4, iso + 6, iso + 9,
			 iso + 11, iso + 13);
	CHECK(oc_parse_iso_time(text, &microseconds));
	return (time_t) (microseconds / 1000000);
}

static int
pair_count(const oc_pair *pairs)
{
	int count = 0;

	while (pairs[count].name)
		count++;
	return count;
}

/* The value of a header that a signer added; "" when there is none. */
static const char *
header_of(const oc_buf *out, const char *name)
{
	for (size_t at = 0; at < out->size; at += strlen(out->data + at) + 1)
		if (strncmp(out->data + at, name, strlen(name)) == 0 && out->data[at + strlen(name)] == ':')
			return out->data + at + strlen(name) + 2;
	return "";
}

static int
header_count_of(const oc_buf *out)
{
	int count = 0;

	for (size_t at = 0; at < out->size; at += strlen(out->data + at) + 1)
		count++;
	return count;
}

/* Copies headers but for the token, which the signer adds itself, and those in skip. */
static int
copy_headers(oc_pair *target, const oc_pair *source, const char *token_name, const char **token,
			 const char *const *skip)
{
	int count = 0;

	*token = NULL;
	for (; source->name; source++)
	{
		bool wanted = true;

		for (int i = 0; skip && skip[i]; i++)
			wanted &= strcasecmp(source->name, skip[i]) != 0;
		if (strcmp(source->name, token_name) == 0)
			*token = source->value;
		else if (wanted)
			target[count++] = *source;
	}
	return count;
}

typedef struct result
{
	oc_buf out;
	oc_signature_trace trace;
	int count;
} result;

static void
free_result(result *result)
{
	oc_buf_free(&result->out);
	oc_buf_free(&result->trace.canonical);
	oc_buf_free(&result->trace.string_to_sign);
}

static void
vector_oss(const vector *vector)
{
	oc_pair headers[10];
	const char *token;
	oc_sign_request request = {.method = vector->method,
							   .bucket = vector->bucket,
							   .key = vector->key,
							   .query = vector->query,
							   .query_count = pair_count(vector->query),
							   .headers = headers,
							   .host = "h"};
	oc_credentials credentials = {vector_access_key_id, vector_access_key_secret, NULL};
	time_t when = time_of(vector->iso);
	result result;

	request.header_count =
		copy_headers(headers, vector->oss_headers, "x-oss-security-token", &token, NULL);
	credentials.security_token = token;

	oc_buf_init(&result.out, 100000);
	result.count = oc_sign_oss_v4(&request, &credentials, vector_region_oss, "oss", when,
								  &result.out, &result.trace);
	CHECK_INT(result.count, header_count_of(&result.out));
	CHECK_INT(result.count, token ? 4 : 3);
	CHECK_STR(result.trace.canonical.data, vector->v4_canonical);
	CHECK_STR(result.trace.string_to_sign.data, vector->v4_text);
	CHECK_STR(header_of(&result.out, "Authorization"), vector->v4_authorization);
	CHECK_STR(header_of(&result.out, "x-oss-date"), vector->iso);
	CHECK_STR(header_of(&result.out, "x-oss-security-token"), token ? token : "");
	free_result(&result);

	oc_buf_init(&result.out, 100000);
	result.count = oc_sign_oss_v1(&request, &credentials, when, false, &result.out, &result.trace);
	CHECK_INT(result.count, header_count_of(&result.out));
	CHECK_STR(result.trace.string_to_sign.data, vector->v1_text);
	CHECK_STR(header_of(&result.out, "Authorization"), vector->v1_authorization);
	CHECK_STR(header_of(&result.out, "Date"), vector->date);
	CHECK_STR(header_of(&result.out, "x-oss-date"), "");
	free_result(&result);
}

static void
vector_obs(const vector *vector)
{
	oc_pair headers[10];
	const char *token;
	oc_sign_request request = {.method = vector->method,
							   .bucket = vector->bucket,
							   .key = vector->key,
							   .query = vector->query,
							   .query_count = pair_count(vector->query),
							   .headers = headers,
							   .host = "h"};
	oc_credentials credentials = {vector_access_key_id, vector_access_key_secret, NULL};
	result result;

	request.header_count =
		copy_headers(headers, vector->obs_headers, "x-obs-security-token", &token, NULL);
	credentials.security_token = token;
	oc_buf_init(&result.out, 100000);
	result.count = oc_sign_obs(&request, &credentials, time_of(vector->iso), false, &result.out,
							   &result.trace);
	CHECK_INT(result.count, header_count_of(&result.out));
	CHECK_STR(result.trace.string_to_sign.data, vector->obs_text);
	CHECK_STR(header_of(&result.out, "Authorization"), vector->obs_authorization);
	CHECK_STR(header_of(&result.out, "Date"), vector->date);
	free_result(&result);
}

static void
vector_s3(const vector *vector)
{
	static const char *const added[] = {"host", "x-amz-date", "x-amz-content-sha256", NULL};
	oc_pair headers[10];
	const char *token;
	oc_sign_request request = {.method = vector->method,
							   .bucket = vector->bucket,
							   .key = vector->key,
							   .query = vector->query,
							   .query_count = pair_count(vector->query),
							   .headers = headers,
							   .host = "examplebucket.s3.us-east-1.amazonaws.com"};
	oc_credentials credentials = {vector_access_key_id, vector_access_key_secret, NULL};
	result result;

	request.header_count =
		copy_headers(headers, vector->s3_headers, "x-amz-security-token", &token, added);
	credentials.security_token = token;
	oc_buf_init(&result.out, 100000);
	result.count = oc_sign_s3(&request, &credentials, vector_region_s3, time_of(vector->iso),
							  &result.out, &result.trace);
	CHECK_INT(result.count, header_count_of(&result.out));
	CHECK_STR(result.trace.canonical.data, vector->s3_canonical);
	CHECK_STR(result.trace.string_to_sign.data, vector->s3_text);
	CHECK_STR(header_of(&result.out, "Authorization"), vector->s3_authorization);
	CHECK_STR(header_of(&result.out, "x-amz-content-sha256"), "UNSIGNED-PAYLOAD");
	free_result(&result);
}

/* vectors.h must be what make_vectors.py makes of vectors.json now. */
static void
header_is_current(void)
{
	static char text[200000];
	char path[1000];
	unsigned char digest[32];
	char hex[65] = "";
	size_t size;
	FILE *file;

	snprintf(path, sizeof(path), "%.*s/vectors.json", (int) (strrchr(__FILE__, '/') - __FILE__),
			 __FILE__);
	file = fopen(path, "rb");
	CHECK(file != NULL);
	if (file)
	{
		size = fread(text, 1, sizeof(text), file);
		fclose(file);
		oc_sha256(text, size, digest);
		oc_hex(digest, sizeof(digest), hex);
	}
	CHECK_STR(hex, VECTORS_SHA256);
	CHECK_INT(sizeof(vectors) / sizeof(vectors[0]), 14);
}

/* ---------------------------------------------------------------- OSS V4, published */

static const oc_pair v4_query[] = {{"param1", "value1"},  {"+param1", "value3"},
								   {"|param1", "value4"}, {"+param2", ""},
								   {"|param2", ""},       {"param2", NULL}};
static const oc_pair v4_headers[] = {{"x-oss-head1", "value"},
									 {"abc", "value"},
									 {"ZAbc", "value"},
									 {"XYZ", "value"},
									 {"content-type", "text/plain"}};
#define C_KEY "test-sign-V4/-!@#$%^&*()/abcdefjhijklmnoqprstuvwxyz/123456789"

static void
check_v4(const oc_sign_request *request, const char *iso, const char *token, const char *region,
		 const char *product, const char *additional, const char *expected,
		 const char *expected_hash)
{
	oc_credentials credentials = {"ak", "sk", token};
	char authorization[400];
	result result;

	oc_buf_init(&result.out, 100000);
	CHECK(oc_sign_oss_v4(request, &credentials, region, product, time_of(iso), &result.out,
						 &result.trace) > 0);
	snprintf(authorization, sizeof(authorization),
			 "OSS4-HMAC-SHA256 Credential=ak/%.8s/%s/%s/aliyun_v4_request,%s%s%sSignature=%s", iso,
			 region, product, additional ? "AdditionalHeaders=" : "", additional ? additional : "",
			 additional ? "," : "", expected);
	CHECK_STR(header_of(&result.out, "Authorization"), authorization);
	if (expected_hash)
		CHECK_STR(result.trace.string_to_sign.data + result.trace.string_to_sign.size - 64,
				  expected_hash);
	free_result(&result);
}

static void
published_v4(void)
{
	oc_sign_request request = {.method = "PUT",
							   .bucket = "bucket",
							   .key = "1234+-/123/1.txt",
							   .query = v4_query,
							   .query_count = 6,
							   .headers = v4_headers,
							   .header_count = 5,
							   .host = "h"};
	oc_pair c_headers[] = {{"Content-Type", "application/octet-stream"},
						   {"X-Oss-Head1", "  value\t"}};

	check_v4(&request, "20231216T162057Z", NULL, "cn-hangzhou", "oss", NULL,
			 "e21d18daa82167720f9b1047ae7e7f1ce7cb77a31e8203a7d5f4624fa0284afe",
			 "f4613657f1b108998e8dbd10a1aa5da621dc2c6e02c9ddec0f163664848704c4");
	check_v4(&request, "20231217T034736Z", "token", "cn-hangzhou", "oss", NULL,
			 "b94a3f999cf85bcdc00d332fbd3734ba03e48382c36fa4d5af5df817395bd9ea", NULL);
	check_v4(&request, "20231216T162057Z", NULL, "cb-123", "oss-cloudbox", NULL,
			 "94ce1f12c17d148ea681030275a94449d3357f5b5b21133996eec80af3e08a43", NULL);
	/* any order and case, names signed anyway and names not sent: the same signature */
	request.additional = "ZAbc;not-sent;x-oss-head1;abc;content-type";
	check_v4(&request, "20231216T172512Z", NULL, "cn-hangzhou", "oss", "abc;zabc",
			 "4a4183c187c07c8947db7620deb0a6b38d9fbdd34187b6dbaccb316fa251212f", NULL);

	request = (oc_sign_request){.method = "PUT",
								.bucket = "oss-bucket-test",
								.key = C_KEY,
								.query = v4_query,
								.query_count = 6,
								.headers = c_headers,
								.header_count = 2,
								.host = "h"};
	check_v4(&request, "20221016T040719Z", NULL, "cn-hangzhou", "oss", NULL,
			 "16e58322c5aafb55edd82813b02d6521caab8194882c786bf0e77b7987a63979", NULL);
	request.query_count = 0;
	check_v4(&request, "20221016T091431Z", NULL, "cn-hangzhou", "oss", NULL,
			 "5028172a0a3806285979896982bee6e36e915cbf428ee7100a809e1f0ff43b64", NULL);
}

/* The manual's example tells the signing key, not the secret. */
static void
published_v4_with_key(void)
{
	static const unsigned char key[32] = {0x35, 0x43, 0xb7, 0x68, 0x6e, 0x65, 0xed, 0xa7,
										  0x1e, 0x5e, 0x5c, 0xa1, 0x9d, 0x54, 0x8d, 0x78,
										  0x42, 0x3c, 0x37, 0xe8, 0xdd, 0xba, 0x4d, 0xc9,
										  0xd8, 0x3f, 0x90, 0x22, 0x8b, 0x45, 0x7c, 0x76};
	oc_pair headers[] = {{"Content-Disposition", "attachment"},
						 {"Content-Length", "3"},
						 {"Content-MD5", "ICy5YqxZB1uWSwcVLSNLcA=="},
						 {"Content-Type", "text/plain"}};
	oc_sign_request request = {.method = "PUT",
							   .bucket = "examplebucket",
							   .key = "exampleobject",
							   .headers = headers,
							   .header_count = 4,
							   .additional = "content-disposition;content-length",
							   .host = "h"};
	unsigned char digest[32];
	char hex[65];
	result result;

	oc_buf_init(&result.out, 100000);
	CHECK(oc_sign_oss_v4(&request, &ak_sk, "cn-hangzhou", "oss", time_of("20250411T064124Z"),
						 &result.out, &result.trace) > 0);
	CHECK_STR(result.trace.string_to_sign.data + result.trace.string_to_sign.size - 64,
			  "c46d96390bdbc2d739ac9363293ae9d710b14e48081fcb22cd8ad54b63136eca");
	oc_hmac_sha256(key, 32, result.trace.string_to_sign.data, result.trace.string_to_sign.size,
				   digest);
	oc_hex(digest, 32, hex);
	CHECK_STR(hex, "053edbf550ebd239b32a9cdfd93b0b2b3f2d223083aa61f75e9ac16856d61f23");
	free_result(&result);
}

/* The host may be named as an additional header although it is not in the list. */
static void
v4_host(void)
{
	oc_sign_request request = {.method = "GET",
							   .bucket = "b",
							   .key = "k",
							   .host = "b.example.com:81",
							   .additional = "host"};
	result result;

	oc_buf_init(&result.out, 100000);
	CHECK(oc_sign_oss_v4(&request, &ak_sk, "r", "oss", 0, &result.out, &result.trace) == 3);
	CHECK(strstr(result.trace.canonical.data, "\nhost:b.example.com:81\nx-oss-content-sha256:") !=
		  NULL);
	CHECK(strstr(header_of(&result.out, "Authorization"), ",AdditionalHeaders=host,Signature=") !=
		  NULL);
	free_result(&result);
}

/* ---------------------------------------------------------------- OSS V1 and OBS, published */

static void
check_v1(const oc_sign_request *request, const oc_credentials *credentials, const char *date,
		 bool send_x_date, const char *expected)
{
	time_t when = 0;
	result result;

	CHECK(oc_parse_http_date(date, &when));
	oc_buf_init(&result.out, 100000);
	result.count =
		oc_sign_oss_v1(request, credentials, when, send_x_date, &result.out, &result.trace);
	CHECK_INT(result.count, send_x_date ? 3 : 2);
	CHECK_STR(header_of(&result.out, "Authorization"), expected);
	CHECK_STR(header_of(&result.out, "Date"), date);
	CHECK_STR(header_of(&result.out, "x-oss-date"), send_x_date ? date : "");
	free_result(&result);
}

static void
published_v1(void)
{
	static const char date[] = "Wed, 28 Dec 2022 10:27:41 GMT";
	oc_pair headers[] = {{"x-oss-meta-magic", "abracadabra"},
						 {"Content-MD5", "eB5eJF1ptWaXm4bijSPyxw=="},
						 {"x-oss-meta-author", "alice"},
						 {"Content-Type", "text/html"}};
	oc_pair acl[] = {{"acl", NULL}};
	oc_pair not_signed[] = {{"non-resousce", "null"}, {"resourceGroup", ""}};
	oc_pair both[] = {{"resourceGroup", ""}, {"acl", ""}};
	oc_pair doc_headers[] = {{"Content-MD5", "ODBGOERFMDMzQTczRUY3NUE3NzA5QzdFNUYzMDQxNEM="},
							 {"Content-Type", "text/html"},
							 {"X-OSS-Meta-Author", "foo@bar.com"},
							 {"X-OSS-Magic", "abracadabra"}};
	oc_credentials doc = {"44CF9590006BF252F707", "OtxrzxIsfpFjA7SwPzILwy8Bw21TLhquhboDYROV", NULL};
	oc_sign_request request = {.method = "PUT",
							   .bucket = "examplebucket",
							   .key = "nelson",
							   .headers = headers,
							   .header_count = 4};

	check_v1(&request, &ak_sk, date, true, "OSS ak:kSHKmLxlyEAKtZPkJhG9bZb5k7M=");
	request.query = acl;
	request.query_count = 1;
	check_v1(&request, &ak_sk, date, true, "OSS ak:/afkugFbmWDQ967j1vr6zygBLQk=");
	request = (oc_sign_request){
		.method = "GET", .bucket = "examplebucket", .query = not_signed, .query_count = 2};
	check_v1(&request, &ak_sk, date, true, "OSS ak:vkQmfuUDyi1uDi3bKt67oemssIs=");
	request.query = both;
	check_v1(&request, &ak_sk, date, true, "OSS ak:x3E5TgOvl/i7PN618s5mEvpJDYk=");
	request = (oc_sign_request){.method = "PUT",
								.bucket = "oss-example",
								.key = "nelson",
								.headers = doc_headers,
								.header_count = 4};
	check_v1(&request, &doc, "Thu, 17 Nov 2005 18:49:58 GMT", false,
			 "OSS 44CF9590006BF252F707:26NBxoKdsyly4EDv6inkoDft/yA=");
}

/* x-obs-date empties the date line; doubled headers are joined; the service has no bucket. */
static void
obs_details(void)
{
	oc_pair headers[] = {{"x-obs-meta-a", "2"}, {"X-Obs-Meta-A", " 1 "}, {"x-oss-other", "no"}};
	oc_pair query[] = {{"continuation-token", "t"},
					   {"uploads", NULL},
					   {"prefix", "p"},
					   {"x-obs-security-token", "a b"}};
	oc_sign_request request = {.method = "GET",
							   .bucket = "bucket",
							   .key = "a b+\xc3\xa4",
							   .headers = headers,
							   .header_count = 3,
							   .query = query,
							   .query_count = 4};
	result result;

	oc_buf_init(&result.out, 100000);
	CHECK_INT(oc_sign_obs(&request, &ak_sk, 1767323045, true, &result.out, &result.trace), 3);
	CHECK_STR(result.trace.string_to_sign.data,
			  "GET\n\n\n\nx-obs-date:Fri, 02 Jan 2026 03:04:05 GMT\nx-obs-meta-a:2,1\n"
			  "/bucket/a%20b%2B%C3%A4?uploads&x-obs-security-token=a b");
	CHECK_STR(header_of(&result.out, "x-obs-date"), "Fri, 02 Jan 2026 03:04:05 GMT");
	free_result(&result);

	request = (oc_sign_request){.method = "GET"};
	oc_buf_init(&result.out, 100000);
	CHECK_INT(oc_sign_obs(&request, &ak_sk, 1444637558, false, &result.out, &result.trace), 2);
	CHECK_STR(result.trace.string_to_sign.data, "GET\n\n\nMon, 12 Oct 2015 08:12:38 GMT\n/");
	free_result(&result);

	request = (oc_sign_request){.method = "GET", .bucket = "bucket", .key = "object.txt"};
	oc_buf_init(&result.out, 100000);
	CHECK_INT(oc_sign_obs(&request, &ak_sk, 1444637558, false, &result.out, &result.trace), 2);
	CHECK_STR(result.trace.string_to_sign.data,
			  "GET\n\n\nMon, 12 Oct 2015 08:12:38 GMT\n/bucket/object.txt");
	free_result(&result);
}

/* ---------------------------------------------------------------- S3, published */

static const oc_credentials aws = {"AKIAIOSFODNN7EXAMPLE",
								   "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", NULL};
#define AWS_HOST     "examplebucket.s3.amazonaws.com"
#define EMPTY_SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static void
check_s3(const oc_sign_request *request, const char *expected)
{
	const char *signature;
	result result;

	oc_buf_init(&result.out, 100000);
	CHECK_INT(oc_sign_s3(request, &aws, "us-east-1", time_of("20130524T000000Z"), &result.out,
						 &result.trace),
			  3);
	signature = strstr(header_of(&result.out, "Authorization"), "Signature=");
	CHECK_STR(signature ? signature + 10 : "", expected);
	CHECK_STR(header_of(&result.out, "x-amz-content-sha256"), request->payload_sha256);
	free_result(&result);
}

static void
published_s3(void)
{
	oc_pair range[] = {{"Range", "bytes=0-9"}, {"User-Agent", "any"}, {"Content-Length", "0"}};
	oc_pair put[] = {{"Date", "Fri, 24 May 2013 00:00:00 GMT"},
					 {"x-amz-storage-class", " REDUCED_REDUNDANCY "}};
	oc_pair lifecycle[] = {{"lifecycle", NULL}};
	oc_pair list[] = {{"prefix", "J"}, {"max-keys", "2"}};
	oc_sign_request request = {.method = "GET",
							   .bucket = "examplebucket",
							   .key = "test.txt",
							   .host = AWS_HOST,
							   .headers = range,
							   .header_count = 3,
							   .payload_sha256 = EMPTY_SHA256};

	check_s3(&request, "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
	request = (oc_sign_request){
		.method = "PUT",
		.bucket = "examplebucket",
		.key = "test$file.text",
		.host = AWS_HOST,
		.headers = put,
		.header_count = 2,
		.payload_sha256 = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"};
	check_s3(&request, "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
	request = (oc_sign_request){.method = "GET",
								.bucket = "examplebucket",
								.host = AWS_HOST,
								.query = lifecycle,
								.query_count = 1,
								.payload_sha256 = EMPTY_SHA256};
	check_s3(&request, "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
	request.query = list;
	request.query_count = 2;
	check_s3(&request, "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

static void
s3_details(void)
{
	oc_pair headers[] = {{"x-amz-meta-b", "a   b \t c"}, {"x-amz-meta-a", NULL}};
	oc_pair query[] = {{"b", "2"}, {"a", "z"}, {"a", "%"}, {"a b", NULL}};
	oc_credentials credentials = {"ak", "sk", "tok"};
	oc_sign_request request = {.method = "GET",
							   .bucket = "bu",
							   .key = "./a//../b c",
							   .host = "127.0.0.1:9000",
							   .bucket_in_path = true,
							   .headers = headers,
							   .header_count = 2,
							   .query = query,
							   .query_count = 4};
	result result;

	oc_buf_init(&result.out, 100000);
	CHECK_INT(
		oc_sign_s3(&request, &credentials, "us-east-1", 1767323045, &result.out, &result.trace), 4);
	CHECK_STR(
		result.trace.canonical.data,
		"GET\n/bu/./a//../"
		"b%20c\na=%25&a=z&a%20b=&b=2\nhost:127.0.0.1:9000\nx-amz-content-sha256:UNSIGNED-PAYLOAD\n"
		"x-amz-date:20260102T030405Z\nx-amz-meta-a:\nx-amz-meta-b:a b "
		"c\nx-amz-security-token:tok\n\n"
		"host;x-amz-content-sha256;x-amz-date;x-amz-meta-a;x-amz-meta-b;x-amz-security-"
		"token\nUNSIGNED-PAYLOAD");
	free_result(&result);
	request.key = NULL;
	oc_buf_init(&result.out, 100000);
	CHECK_INT(
		oc_sign_s3(&request, &credentials, "us-east-1", 1767323045, &result.out, &result.trace), 4);
	CHECK(strncmp(result.trace.canonical.data, "GET\n/bu/\n", 9) == 0);
	free_result(&result);
}

/* ---------------------------------------------------------------- presigned URLs */

static void
check_presigned(oc_provider provider, oc_signature signature, const oc_sign_request *request,
				const oc_credentials *credentials, const char *region, time_t when, long expires,
				const char *expected)
{
	oc_buf out;

	oc_buf_init(&out, 10000);
	CHECK(oc_presign(provider, signature, request, credentials, region, when, expires, &out));
	CHECK_STR(out.data, expected);
	oc_buf_free(&out);
}

#define V4_QUERY      "%2Bparam1=value3&%2Bparam2&%7Cparam1=value4&%7Cparam2&param1=value1&param2&"
#define V4_CREDENTIAL "x-oss-credential=ak%2F20231217%2Fcn-hangzhou%2Foss%2Faliyun_v4_request&"

static void
presigned_oss(void)
{
	oc_pair headers[] = {{"x-oss-head1", "value"},
						 {"abc", "value"},
						 {"ZAbc", "value"},
						 {"XYZ", "value"},
						 {"content-type", "application/octet-stream"}};
	oc_pair version[] = {{"versionId", "versionId"}};
	oc_credentials with_token = {"ak", "sk", "token"};
	oc_sign_request request = {.method = "PUT",
							   .bucket = "bucket",
							   .key = "1234+-/123/1.txt",
							   .query = v4_query,
							   .query_count = 6,
							   .headers = headers,
							   .header_count = 5};

	check_presigned(
		OC_PROVIDER_OSS, OC_SIGNATURE_V4, &request, &ak_sk, "cn-hangzhou",
		time_of("20231217T025437Z"), 599,
		V4_QUERY V4_CREDENTIAL
		"x-oss-date=20231217T025437Z&x-oss-expires=599"
		"&x-oss-signature-version=OSS4-HMAC-SHA256"
		"&x-oss-signature=a39966c61718be0d5b14e668088b3fa07601033f6518ac7b523100014269c0fe");
	check_presigned(
		OC_PROVIDER_OSS, OC_SIGNATURE_V4, &request, &with_token, "cn-hangzhou",
		time_of("20231217T035628Z"), 599,
		V4_QUERY V4_CREDENTIAL
		"x-oss-date=20231217T035628Z&x-oss-expires=599&x-oss-security-token=token"
		"&x-oss-signature-version=OSS4-HMAC-SHA256"
		"&x-oss-signature=3817ac9d206cd6dfc90f1c09c00be45005602e55898f26f5ddb06d7892e1f8b5");
	request.additional = "abc;zabc";
	check_presigned(
		OC_PROVIDER_OSS, OC_SIGNATURE_V4, &request, &ak_sk, "cn-hangzhou",
		time_of("20231217T033009Z"), 599,
		V4_QUERY
		"x-oss-additional-headers=abc%3Bzabc&" V4_CREDENTIAL
		"x-oss-date=20231217T033009Z&x-oss-expires=599&x-oss-signature-version=OSS4-HMAC-SHA256"
		"&x-oss-signature=6bd984bfe531afb6db1f7550983a741b103a8c58e5e14f83ea474c2322dfa2b7");

	request = (oc_sign_request){
		.method = "GET", .bucket = "bucket", .key = "key", .query = version, .query_count = 1};
	check_presigned(OC_PROVIDER_OSS, OC_SIGNATURE_V1, &request, &ak_sk, NULL, 1699807420 - 60, 60,
					"Expires=1699807420&OSSAccessKeyId=ak&Signature=dcLTea%2BYh9ApirQ8o8dOPqtvJXQ%"
					"3D&versionId=versionId");
	request.key = "key+123";
	check_presigned(OC_PROVIDER_OSS, OC_SIGNATURE_V1, &request, &with_token, NULL,
					1699808204 - 3600, 3600,
					"Expires=1699808204&OSSAccessKeyId=ak&Signature=jzKYRrM5y6Br0dRFPaTGOsbrDhY%3D&"
					"security-token=token"
					"&versionId=versionId");
}

static void
presigned_others(void)
{
	oc_credentials with_token = {"ak", "sk", "to ken"};
	oc_sign_request request = {
		.method = "GET", .bucket = "examplebucket", .key = "test.txt", .host = AWS_HOST};

	check_presigned(
		OC_PROVIDER_S3, OC_SIGNATURE_V4, &request, &aws, "us-east-1", time_of("20130524T000000Z"),
		86400,
		"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-"
		"east-1%2Fs3"
		"%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
		"&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");

	/* OBS: HMAC-SHA1("sk", "GET\n\n\n1767326645\n/b/a%20b?x-obs-security-token=to ken"), worked out apart */
	request = (oc_sign_request){.method = "GET", .bucket = "b", .key = "a b"};
	check_presigned(OC_PROVIDER_OBS, OC_SIGNATURE_V4, &request, &with_token, NULL, 1767323045, 3600,
					"AccessKeyId=ak&Expires=1767326645&Signature=kpO5YbqFJgwkVkbUAphMLdGwre4%3D&x-"
					"obs-security-token=to%20ken");
	check_presigned(OC_PROVIDER_OBS, OC_SIGNATURE_V4, &request, &ak_sk, NULL, 1767323045, 3600,
					"AccessKeyId=ak&Expires=1767326645&Signature=sw6PB17k3SK%2FTqN1vUIFyXTCfMI%3D");
}

/* ---------------------------------------------------------------- limits */

static void
limits(void)
{
	static char long_secret[OC_SIGN_SECRET_MAX + 2];
	static char long_token[300 * 1024];
	oc_pair many[OC_SIGN_SET_MAX + 1];
	oc_credentials credentials = {"ak", long_secret, NULL};
	oc_sign_request request = {.method = "GET", .bucket = "b", .key = "k", .host = "h"};
	oc_buf out;

	memset(long_secret, 's', sizeof(long_secret) - 1);
	memset(long_token, 't', sizeof(long_token) - 1);
	for (int i = 0; i < OC_SIGN_SET_MAX + 1; i++)
		many[i] = (oc_pair){"x-oss-a", "b"};
	oc_buf_init(&out, 10000);
	for (long expires = 0; expires <= 604801; expires += 604801)
		for (int provider = OC_PROVIDER_OSS; provider <= OC_PROVIDER_S3; provider++)
			CHECK(!oc_presign((oc_provider) provider, OC_SIGNATURE_V4, &request, &ak_sk, "r", 0,
							  expires, &out));
	CHECK(!oc_presign(OC_PROVIDER_OSS, OC_SIGNATURE_V4, &request, &ak_sk, NULL, 0, 60, &out));
	CHECK(!oc_presign(OC_PROVIDER_S3, OC_SIGNATURE_V4, &request, &ak_sk, NULL, 0, 60, &out));
	CHECK(!oc_presign(OC_PROVIDER_OSS, OC_SIGNATURE_V1, &request, &credentials, NULL, 0, 60, &out));
	CHECK_INT(oc_sign_oss_v4(&request, &credentials, "r", "oss", 0, &out, NULL), -1);
	CHECK_INT(oc_sign_oss_v1(&request, &credentials, 0, false, &out, NULL), -1);
	CHECK_INT(oc_sign_obs(&request, &credentials, 0, false, &out, NULL), -1);
	CHECK_INT(oc_sign_s3(&request, &credentials, "r", 0, &out, NULL), -1);
	long_secret[OC_SIGN_SECRET_MAX] = '\0';
	CHECK_INT(oc_sign_oss_v4(&request, &credentials, "r", "oss", 0, &out, NULL), 3);
	CHECK_INT(oc_sign_s3(&request, &credentials, "r", 0, &out, NULL), 3);
	CHECK_INT(oc_sign_obs(&request, &credentials, 0, false, &out, NULL), 2);
	request.headers = many;
	request.header_count = OC_SIGN_SET_MAX + 1;
	CHECK_INT(oc_sign_oss_v4(&request, &ak_sk, "r", "oss", 0, &out, NULL), -1);
	CHECK_INT(oc_sign_oss_v1(&request, &ak_sk, 0, false, &out, NULL), -1);
	CHECK_INT(oc_sign_s3(&request, &ak_sk, "r", 0, &out, NULL), -1);
	request.header_count = 0;
	credentials = (oc_credentials){"ak", "sk", long_token};
	CHECK_INT(oc_sign_oss_v4(&request, &credentials, "r", "oss", 0, &out, NULL), -1);
	CHECK_INT(oc_sign_obs(&request, &credentials, 0, false, &out, NULL), -1);
	CHECK_INT(oc_sign_s3(&request, &credentials, "r", 0, &out, NULL), -1);
	oc_buf_free(&out);
	oc_buf_init(&out, 20);
	CHECK_INT(oc_sign_oss_v4(&request, &ak_sk, "r", "oss", 0, &out, NULL), -1);
	oc_buf_free(&out);
}

int
main(void)
{
	header_is_current();
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
	{
		vector_oss(&vectors[i]);
		vector_obs(&vectors[i]);
		vector_s3(&vectors[i]);
	}
	published_v4();
	published_v4_with_key();
	v4_host();
	published_v1();
	obs_details();
	published_s3();
	s3_details();
	presigned_oss();
	presigned_others();
	limits();
	return unit_done();
}
