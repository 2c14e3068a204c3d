/*
 * test_xml.c
 *	  The store's XML answers: what the stores send, and what an enemy or a broken proxy may send.
 */
#include <stdlib.h>

#include "oc_int.h"
#include "unit.h"

/* Parses from a copy of exactly that size, so that a read behind the end is seen. */
static bool
list(const char *xml, oc_page *page, oc_error *error)
{
	size_t size = strlen(xml);
	char *copy = malloc(size ? size : 1);
	bool good;

	memcpy(copy, xml, size);
	memset(error, 0, sizeof(*error));
	good = oc_xml_list(copy, size, page, error);
	free(copy);
	return good;
}

static const char oss_list[] =
	"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	"<ListBucketResult xmlns=\"http://doc.oss-cn-hangzhou.aliyuncs.com\">\n"
	"<Name>examplebucket</Name><Prefix>fun%2F</Prefix><StartAfter/><MaxKeys>1000</"
	"MaxKeys><Delimiter>%2F</Delimiter>"
	"<IsTruncated>true</IsTruncated><NextContinuationToken>CgJiYw--</"
	"NextContinuationToken><KeyCount>3</KeyCount>"
	"<Contents><Key>fun%2Fa%20b%2B%E6%95%B0.csv</Key><LastModified>2012-02-24T08:43:27.000Z</"
	"LastModified>"
	"<ETag>\"5B3C1A2E053D763E1B002CC607C5A0FE1****\"</ETag><Type>Normal</Type><Size>344606</Size>"
	"<StorageClass>Standard</StorageClass><Owner><ID>0022012</ID><DisplayName>user</"
	"DisplayName><Key>trap</Key></Owner>"
	"<RestoreInfo>ongoing-request=\"true\"</RestoreInfo></Contents>\n"
	"<Contents><Size>18446744073709551615</Size><Key>fun%2Fplus+blank</"
	"Key><ETag>&quot;abc-2&quot;</ETag></Contents>"
	"<CommonPrefixes><Prefix>fun%2Fmovie%2F</Prefix></CommonPrefixes>"
	"<EncodingType>url</EncodingType>"
	"</ListBucketResult>";

static void
list_of_oss(void)
{
	oc_page page;
	oc_error error;

	CHECK(list(oss_list, &page, &error));
	CHECK_INT(page.count, 3);
	CHECK(page.truncated);
	CHECK_STR(page.next, "CgJiYw--");
	CHECK(page.uploads == NULL);
	if (page.count == 3)
	{
		CHECK_STR(page.objects[0].key, "fun/a b+\xe6\x95\xb0.csv");
		CHECK_STR(page.objects[0].etag, "5B3C1A2E053D763E1B002CC607C5A0FE1****");
		CHECK_INT(page.objects[0].size, 344606);
		CHECK_INT(page.objects[0].last_modified, INT64_C(1330073007000000));
		CHECK_STR(page.objects[0].storage_class, "Standard");
		CHECK(!page.objects[0].is_prefix);
		CHECK_STR(page.objects[1].key, "fun/plus blank");
		CHECK_STR(page.objects[1].etag, "abc-2");
		CHECK(page.objects[1].size == UINT64_MAX);
		CHECK_INT(page.objects[1].last_modified, 0);
		CHECK_STR(page.objects[1].storage_class, "");
		CHECK_STR(page.objects[2].key, "fun/movie/");
		CHECK(page.objects[2].is_prefix);
		CHECK_STR(page.objects[2].etag, "");
	}
	oc_page_free(&page);
	CHECK(page.objects == NULL);
	oc_page_free(&page);
}

/* Without <EncodingType>url</EncodingType> nothing is decoded but XML's own entities. */
static void
list_not_encoded(void)
{
	oc_page page;
	oc_error error;

	CHECK(list(
		"<s3:ListBucketResult "
		"xmlns:s3='http://s3.amazonaws.com/doc/2006-03-01/'><s3:IsTruncated>false</s3:IsTruncated>"
		"<s3:Contents><s3:Key>a%20b+c&amp;d&lt;&#x65;&#20013;.csv</s3:Key><s3:Size>0</s3:Size></"
		"s3:Contents>"
		"<EncodingType></EncodingType></s3:ListBucketResult>",
		&page, &error));
	CHECK_INT(page.count, 1);
	CHECK(!page.truncated);
	CHECK_STR(page.next, "");
	if (page.count == 1)
		CHECK_STR(page.objects[0].key, "a%20b+c&d<e\xe4\xb8\xad.csv");
	oc_page_free(&page);

	/* entities first, then the percent signs */
	CHECK(list("<ListBucketResult><EncodingType>url</"
			   "EncodingType><Contents><Key>&#37;41%26amp;&#x2B;</Key><Size>1</Size></Contents>"
			   "</ListBucketResult>",
			   &page, &error));
	CHECK(page.count == 1 && strcmp(page.objects[0].key, "A&amp; ") == 0);
	oc_page_free(&page);

	CHECK(list("<ListBucketResult/>", &page, &error));
	CHECK_INT(page.count, 0);
	CHECK_STR(page.next, "");
	oc_page_free(&page);
	CHECK(list("<ListBucketResult><Contents><Key><![CDATA[a<b>&amp;]]></Key><Size>1</Size><!-- c "
			   "--></Contents></ListBucketResult>",
			   &page, &error));
	CHECK(page.count == 1 && strcmp(page.objects[0].key, "a<b>&amp;") == 0);
	oc_page_free(&page);
}

static void
tokens(void)
{
	static const char *const cases[][2] = {
		{"ab+/=c", "ab+/=c"}, {"ab%2B%2F%3D", "ab+/="}, {"CgJiYw--", "CgJiYw--"}};

	for (size_t i = 0; i < 3; i++)
	{
		char xml[300];
		oc_page page;
		oc_error error;

		snprintf(xml, sizeof(xml),
				 "<ListBucketResult><IsTruncated>true</IsTruncated><EncodingType>url</EncodingType>"
				 "<NextContinuationToken>%s</NextContinuationToken></ListBucketResult>",
				 cases[i][0]);
		CHECK(list(xml, &page, &error));
		CHECK_STR(page.next, cases[i][1]);
		oc_page_free(&page);
	}
}

static void
uploads(void)
{
	static const char xml[] =
		"<ListMultipartUploadsResult><Bucket>b</Bucket><EncodingType>url</EncodingType><KeyMarker/>"
		"<NextKeyMarker>dir%2Fz+1</NextKeyMarker><NextUploadIdMarker>A+B%20</"
		"NextUploadIdMarker><IsTruncated>true</IsTruncated>"
		"<Upload><Key>dir%2Fa</Key><UploadId>0004B9+%20</"
		"UploadId><Initiated>2012-02-24T08:43:27.000Z</Initiated></Upload>"
		"<Upload><UploadId>x</UploadId><Key>y</Key></Upload>"
		"<CommonPrefixes><Prefix>no</Prefix></CommonPrefixes></ListMultipartUploadsResult>";
	static const char no_id[] =
		"<ListMultipartUploadsResult><Upload><Key>a</Key></Upload></ListMultipartUploadsResult>";
	oc_page page;
	oc_error error;

	CHECK(oc_xml_uploads(xml, strlen(xml), &page, &error));
	CHECK_INT(page.count, 2);
	CHECK_STR(page.next, "dir/z 1");
	CHECK_STR(page.next_upload_id, "A+B%20");
	CHECK(page.objects == NULL);
	if (page.count == 2)
	{
		CHECK_STR(page.uploads[0].key, "dir/a");
		CHECK_STR(page.uploads[0].upload_id, "0004B9+%20");
		CHECK_INT(page.uploads[0].initiated, INT64_C(1330073007000000));
		CHECK_STR(page.uploads[1].key, "y");
	}
	oc_page_free(&page);
	CHECK(!oc_xml_uploads(no_id, strlen(no_id), &page, &error));
	CHECK_INT(error.class, OC_ERR_PROTOCOL);
	CHECK(page.uploads == NULL);
}

static void
single_results(void)
{
	static const char initiate[] =
		"<InitiateMultipartUploadResult><Bucket>b</Bucket><Key>k</Key><UploadId>0004B989</UploadId>"
		"</InitiateMultipartUploadResult>";
	static const char complete[] =
		"\n \t\r\n<?xml version=\"1.0\"?><CompleteMultipartUploadResult><Location>l</Location>"
		"<ETag>&quot;B864DB6A-3&quot;</ETag></CompleteMultipartUploadResult>\n";
	static const char late[] =
		"   <?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>InternalError</Code>"
		"<Message>We encountered an internal error.</Message><RequestId>R1</RequestId></Error>";
	char text[72];
	oc_error error;

	CHECK(oc_xml_initiate(initiate, strlen(initiate), text, sizeof(text), &error));
	CHECK_STR(text, "0004B989");
	CHECK(!oc_xml_initiate(initiate, strlen(initiate), text, 8, &error));
	CHECK_INT(error.class, OC_ERR_PROTOCOL);
	CHECK(oc_xml_initiate(initiate, strlen(initiate), text, 9, &error));
	CHECK(!oc_xml_initiate("<InitiateMultipartUploadResult/>", 32, text, sizeof(text), &error));
	CHECK_INT(error.class, OC_ERR_PROTOCOL);
	CHECK(!oc_xml_initiate("", 0, text, sizeof(text), &error));

	CHECK(oc_xml_complete(complete, strlen(complete), text, sizeof(text), &error));
	CHECK_STR(text, "\"B864DB6A-3\"");
	CHECK(oc_xml_complete("<CompleteMultipartUploadResult/>", 32, text, sizeof(text), &error));
	CHECK_STR(text, "");

	/* S3's 200 with an error inside */
	CHECK(!oc_xml_complete(late, strlen(late), text, sizeof(text), &error));
	CHECK_INT(error.class, OC_ERR_STORE);
	CHECK(error.retryable);
	CHECK_STR(error.code, "InternalError");
	CHECK_STR(error.message, "We encountered an internal error.");
	CHECK_STR(error.request_id, "R1");
}

static void
deletes(void)
{
	static const char good[] =
		"<DeleteResult><EncodingType>url</EncodingType><Deleted><Key>a</Key></Deleted>"
		"<Error><Key>gone</Key><Code>NoSuchKey</Code></Error></DeleteResult>";
	static const char bad[] =
		"<DeleteResult><Error><Key>gone</Key><Code>NoSuchKey</Code></Error>"
		"<Error><Key>a%20b</Key><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
		"<Error><Key>c</Key><Code>InternalError</Code><Message>later</Message></Error>"
		"<EncodingType>url</EncodingType></DeleteResult>";
	oc_error error;

	CHECK(oc_xml_delete("", 0, &error));
	CHECK(oc_xml_delete("\r\n", 2, &error));
	CHECK(oc_xml_delete("<DeleteResult/>", 15, &error));
	CHECK(oc_xml_delete(good, strlen(good), &error));
	CHECK(!oc_xml_delete(bad, strlen(bad), &error));
	CHECK_INT(error.class, OC_ERR_DENIED);
	CHECK_STR(error.code, "AccessDenied");
	CHECK_STR(error.message, "object \"a b\" was not deleted: Access Denied");
	CHECK(!oc_xml_delete("<html/>", 7, &error));
	CHECK_INT(error.class, OC_ERR_PROTOCOL);
}

static void
errors(void)
{
	static const char wrong_place[] =
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>AccessDenied</Code>\n<Message>The "
		"bucket you are attempting to access "
		"must be addressed using the "
		"specified\nendpoint.</Message><RequestId>5C3D9175</RequestId><HostId>h</HostId>"
		"<Bucket>b</Bucket><Endpoint>oss-cn-beijing.aliyuncs.com</Endpoint><EC>0003-00001403</EC></"
		"Error>";
	static const char signature[] =
		"<Error><Code>SignatureDoesNotMatch</Code><Message>The signature differs.</Message>"
		"<StringToSign>GET\n\nx-oss-security-token:very-secret</"
		"StringToSign><SignatureProvided>sig-secret</SignatureProvided></Error>";
	static const char region[] =
		"<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-west-1</Region></Error>";
	oc_error error;
	oc_error before;

	CHECK(oc_xml_error(wrong_place, strlen(wrong_place), &error));
	CHECK_STR(error.code, "AccessDenied");
	CHECK_STR(
		error.message,
		"The bucket you are attempting to access must be addressed using the specified endpoint.");
	CHECK_STR(error.ec, "0003-00001403");
	CHECK_STR(error.request_id, "5C3D9175");
	CHECK_STR(error.detail, "the store asks for endpoint oss-cn-beijing.aliyuncs.com");
	CHECK_INT(error.class, OC_ERR_DENIED);

	CHECK(oc_xml_error(signature, strlen(signature), &error));
	CHECK_INT(error.class, OC_ERR_CREDENTIALS);
	for (size_t i = 0; i + 6 <= sizeof(error); i++)
		if (memcmp((const char *) &error + i, "secret", 6) == 0)
			CHECK(!"a secret is in the error");

	CHECK(oc_xml_error(region, strlen(region), &error));
	CHECK_STR(error.detail, "the store asks for region eu-west-1");
	CHECK_STR(error.message, "AuthorizationHeaderMalformed");
	CHECK(oc_xml_error("<Error/>", 8, &error));
	CHECK(error.message[0] != '\0');
	CHECK_INT(error.class, OC_ERR_STORE);

	memset(&error, 0x5a, sizeof(error));
	before = error;
	CHECK(!oc_xml_error("<html><body>Bad gateway</body></html>", 37, &error));
	CHECK(!oc_xml_error("", 0, &error));
	CHECK(!oc_xml_error("<Error><Code>x</Code>", 21, &error));
	CHECK(!oc_xml_error(oss_list, strlen(oss_list), &error));
	CHECK_MEM(&error, &before, sizeof(error));
}

static void
long_texts(void)
{
	static char xml[4000];
	oc_error error;

	strcpy(xml, "<Error><Code>");
	memset(xml + strlen(xml), 'c', 300);
	strcat(xml, "</Code><Message>");
	for (int i = 0; i < 400; i++)
		strcat(xml, "\xe6\x95\xb0");
	strcat(xml, "</Message></Error>");
	CHECK(oc_xml_error(xml, strlen(xml), &error));
	CHECK_INT(strlen(error.code), sizeof(error.code) - 1);
	CHECK_INT(strlen(error.message) % 3, 0);
	CHECK(strlen(error.message) > 500);
}

/* ---------------------------------------------------------------- refusals */

static void
refuse(const char *what, const char *xml, size_t size)
{
	oc_page page;
	oc_error error;
	bool good = oc_xml_list(xml, size, &page, &error);

	if (!CHECK(!good))
		fprintf(stderr, "accepted %s\n", what);
	else if (!CHECK_INT(error.class, OC_ERR_PROTOCOL) || !CHECK(strlen(error.message) > 10))
		fprintf(stderr, "for %s\n", what);
	CHECK(page.objects == NULL && page.count == 0);
	oc_page_free(&page);
}

static void
malformed(void)
{
	static const char *const cases[] = {
		"",
		" ",
		"x",
		"<",
		"<>",
		"<ListBucketResult>",
		"<ListBucketResult></X>",
		"<ListBucketResult/>x",
		"<ListBucketResult/><b/>",
		"<html><body>502</body></html>",
		"<!-- only a comment -->",
		"<ListBucketResult>&nbsp;</ListBucketResult>",
		"<ListBucketResult>\x01</ListBucketResult>",
		"<ListBucketResult>&#1;</ListBucketResult>",
		"<ListBucketResult>\xff\xfe</ListBucketResult>",
		"<ListBucketResult a=1/>",
		"{\"json\":1}",
		"<?xml version=\"1.0\" encoding=\"KOI8-R\"?><ListBucketResult/>",
		"<ListBucketResult><Contents/></ListBucketResult>",
		"<ListBucketResult><Contents><Key/><Size>1</Size></Contents></ListBucketResult>",
		"<ListBucketResult><Contents><Key>a</Key><Size>1x</Size></Contents></ListBucketResult>",
		"<ListBucketResult><Contents><Key>a</Key><Size>-1</Size></Contents></ListBucketResult>",
		"<ListBucketResult><Contents><Key>a</Key><Size> 1</Size></Contents></ListBucketResult>",
		"<ListBucketResult><Contents><Key>a</Key><Size></Size></Contents></ListBucketResult>",
		"<ListBucketResult><Contents><Key>a</Key><Size>18446744073709551616</Size></Contents></"
		"ListBucketResult>",
		"<ListBucketResult><EncodingType>url</EncodingType><Contents><Key>a%00b</Key><Size>1</"
		"Size></Contents></ListBucketResult>",
		"<!DOCTYPE a SYSTEM \"http://169.254.169.254/x\"><ListBucketResult/>",
		"<!DOCTYPE a [<!ENTITY x SYSTEM "
		"\"file:///etc/passwd\">]><ListBucketResult><Prefix>&x;</Prefix></ListBucketResult>",
		"<!DOCTYPE lolz [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b "
		"\"&a;&a;&a;&a;&a;&a;&a;&a;\"><!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;\">"
		"<!ENTITY d "
		"\"&c;&c;&c;&c;&c;&c;&c;&c;\">]><ListBucketResult><Prefix>&d;&d;&d;</Prefix></"
		"ListBucketResult>"};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		refuse(cases[i], cases[i], strlen(cases[i]));
	/* a NUL byte anywhere */
	refuse("a NUL", "<ListBucketResult>\0</ListBucketResult>", 38);
}

static void
truncated(void)
{
	size_t size = strlen(oss_list);

	for (size_t cut = 0; cut < size; cut++)
	{
		char *copy = malloc(cut ? cut : 1);

		memcpy(copy, oss_list, cut);
		refuse("a truncated list", copy, cut);
		free(copy);
	}
}

/* Each byte of a good document replaced: anything may come out, but nothing may break. */
static void
damaged(void)
{
	static const char bytes[] = {'\0', '<', '>', '&', '%', '"', (char) 0xff, 'x'};
	size_t size = strlen(oss_list);
	char *copy = malloc(size);
	int accepted = 0;

	for (size_t at = 0; at < size; at++)
	{
		for (size_t i = 0; i < sizeof(bytes); i++)
		{
			oc_page page;
			oc_error error;

			memcpy(copy, oss_list, size);
			copy[at] = bytes[i];
			memset(&error, 0, sizeof(error));
			if (oc_xml_list(copy, size, &page, &error))
				accepted++;
			else
				CHECK(error.class == OC_ERR_PROTOCOL && error.message[0]);
			oc_page_free(&page);
		}
	}
	free(copy);
	CHECK(accepted > 0);
}

static void
repeated(oc_buf *xml, const char *text, size_t count)
{
	for (size_t i = 0; i < count; i++)
		oc_buf_append_string(xml, text);
}

static void
too_much(void)
{
	oc_buf xml;
	oc_page page;
	oc_error error;

	oc_buf_init(&xml, 64 * 1024 * 1024);
	oc_buf_append_string(&xml, "<ListBucketResult>");
	repeated(&xml, "<a>", 20);
	repeated(&xml, "</a>", 20);
	oc_buf_append_string(&xml, "</ListBucketResult>");
	refuse("deep nesting", xml.data, xml.size);

	oc_buf_reset(&xml);
	repeated(&xml, "<a>", 100000);
	refuse("very deep nesting", xml.data, xml.size);

	oc_buf_reset(&xml);
	oc_buf_append_string(&xml, "<ListBucketResult><Prefix>");
	repeated(&xml, "0123456789abcdef", 5000);
	oc_buf_append_string(&xml, "</Prefix></ListBucketResult>");
	refuse("a huge text", xml.data, xml.size);

	oc_buf_reset(&xml);
	oc_buf_append_string(&xml, "<ListBucketResult><");
	repeated(&xml, "n", 600);
	oc_buf_append_string(&xml, "/></ListBucketResult>");
	refuse("a huge element name", xml.data, xml.size);

	oc_buf_reset(&xml);
	oc_buf_append_string(&xml, "<ListBucketResult>");
	repeated(&xml, "<Contents><Key>k</Key></Contents>", 100001);
	oc_buf_append_string(&xml, "</ListBucketResult>");
	refuse("too many entries", xml.data, xml.size);

	oc_buf_reset(&xml);
	oc_buf_append_string(&xml, "<ListBucketResult>");
	repeated(&xml, "<a>0123456789</a>", 1024 * 1024);
	oc_buf_append_string(&xml, "</ListBucketResult>");
	refuse("more than 16 MB", xml.data, xml.size);

	/* a full page of the longest keys is fine */
	oc_buf_reset(&xml);
	oc_buf_append_string(&xml, "<ListBucketResult><EncodingType>url</EncodingType>");
	for (int i = 0; i < 1000; i++)
	{
		oc_buf_printf(&xml, "<Contents><Size>%d</Size><Key>%%E6%%95%%B0%03d", i, i);
		repeated(&xml, "%2F", 1017);
		oc_buf_append_string(&xml, "</Key></Contents>");
	}
	oc_buf_append_string(&xml, "</ListBucketResult>");
	CHECK(oc_xml_list(xml.data, xml.size, &page, &error));
	CHECK_INT(page.count, 1000);
	if (page.count == 1000)
	{
		CHECK_INT(strlen(page.objects[999].key), 1023);
		CHECK_INT(page.objects[999].size, 999);
	}
	oc_page_free(&page);
	oc_buf_free(&xml);
}

static void
escaping(void)
{
	char all[256];
	oc_buf target;
	char xml[3000];
	oc_page page;
	oc_error error;
	size_t length = 0;

	oc_buf_init(&target, 2000);
	CHECK(oc_xml_escape(&target, "a&b<c>d\"e'f\n\r\t\xe6\x95\xb0"));
	CHECK_STR(target.data, "a&amp;b&lt;c&gt;d&quot;e&apos;f&#10;&#13;&#9;\xe6\x95\xb0");
	oc_buf_reset(&target);
	CHECK(!oc_xml_escape(&target, "a\x01"));
	CHECK(target.failed);
	oc_buf_reset(&target);

	/* what we write, we read: all ASCII that XML can carry */
	for (int c = 9; c < 127; c++)
		if (c >= ' ' || c == '\t' || c == '\n' || c == '\r')
			all[length++] = (char) c;
	all[length] = '\0';
	CHECK(oc_xml_escape(&target, all));
	snprintf(xml, sizeof(xml),
			 "<ListBucketResult><Contents><Key>%s</Key></Contents></ListBucketResult>",
			 target.data);
	CHECK(oc_xml_list(xml, strlen(xml), &page, &error));
	CHECK(page.count == 1);
	if (page.count == 1)
		CHECK_STR(page.objects[0].key, all);
	oc_page_free(&page);
	oc_buf_free(&target);
}

int
main(void)
{
	list_of_oss();
	list_not_encoded();
	tokens();
	uploads();
	single_results();
	deletes();
	errors();
	long_texts();
	malformed();
	truncated();
	damaged();
	too_much();
	escaping();
	return unit_done();
}
