/*
 * oc_sign_obs.c
 *	  Huawei OBS signatures (HMAC-SHA1), in headers and in URLs.
 *
 * As OSS V1, but the key in the resource is percent-encoded, the list of signed parameters is
 * another, and the date line is empty when x-obs-date is sent.
 */
#include <stdio.h>

#include "oc_int.h"

#define TEXT_CEILING ((size_t) 256 * 1024)

static bool signs_query(const char *name);

static const oc_sign_v1_scheme scheme = {"x-obs-", true, signs_query};

int
oc_sign_obs(const oc_sign_request *request, const oc_credentials *credentials, time_t when,
			bool send_x_date, oc_buf *out, oc_signature_trace *trace)
{
	oc_pair extra[2];
	int extra_count = 0;
	oc_buf canonical, string_to_sign;
	char date[32];
	char signature[32];
	bool good;

	oc_http_date(when, date);
	if (send_x_date)
		extra[extra_count++] = (oc_pair){"x-obs-date", date};
	if (credentials->security_token)
		extra[extra_count++] = (oc_pair){"x-obs-security-token", credentials->security_token};
	oc_buf_init(&canonical, TEXT_CEILING);
	oc_buf_init(&string_to_sign, TEXT_CEILING);
	good =
		oc_sign_v1_finish(&scheme, request, credentials->access_key_secret, send_x_date ? "" : date,
						  extra, extra_count, NULL, &string_to_sign, signature);
	if (good)
	{
		oc_sign_emit(out, "Date", date);
		for (int i = 0; i < extra_count; i++)
			oc_sign_emit(out, extra[i].name, extra[i].value);
		oc_buf_printf(out, "Authorization: OBS %s:%s", credentials->access_key_id, signature);
		oc_buf_append_char(out, '\0');
	}
	oc_sign_keep(trace, &canonical, &string_to_sign);
	return good && !out->failed ? extra_count + 2 : -1;
}

bool
oc_presign_obs(const oc_sign_request *request, const oc_credentials *credentials, time_t when,
			   long expires_s, oc_buf *out)
{
	oc_pair token = {"x-obs-security-token", credentials->security_token};

	return oc_presign_v1(&scheme, request, credentials, "AccessKeyId", &token, when, expires_s, out);
}

/* Case matters.  Unlike OSS, OBS does not sign continuation-token, nor every x-obs- parameter. */
static bool
signs_query(const char *name)
{
	static const char *const names[] = {"CDNNotifyConfiguration",
										"acl",
										"append",
										"attname",
										"backtosource",
										"cors",
										"customdomain",
										"delete",
										"deletebucket",
										"directcoldaccess",
										"encryption",
										"inventory",
										"length",
										"lifecycle",
										"location",
										"logging",
										"metadata",
										"mirrorBackToSource",
										"modify",
										"name",
										"notification",
										"object-lock",
										"obscompresspolicy",
										"partNumber",
										"policy",
										"position",
										"quota",
										"rename",
										"replication",
										"requestPayment",
										"response-cache-control",
										"response-content-disposition",
										"response-content-encoding",
										"response-content-language",
										"response-content-type",
										"response-expires",
										"restore",
										"retention",
										"storageClass",
										"storagePolicy",
										"storageinfo",
										"tagging",
										"torrent",
										"truncate",
										"uploadId",
										"uploads",
										"versionId",
										"versioning",
										"versions",
										"website",
										"x-image-process",
										"x-image-save-bucket",
										"x-image-save-object",
										"x-obs-security-token"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}
