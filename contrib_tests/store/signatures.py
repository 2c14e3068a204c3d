"""Signatures as the stores check them: OSS V1 and V4, OBS, S3 SigV4; in the header or in the query (presigned).

The builders of strings are plain functions of the request's facts, so that published vectors can be run through them.
authenticate() takes a parsed request through: find the scheme, find the key, check the dates, build the string, compare.
"""

import base64
import calendar
import hashlib
import hmac
import re
import time
from urllib.parse import quote

from dialects import ApiError

SKEW = 900
LONGEST_PRESIGN = 604800
EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()

V1_SUBRESOURCES = frozenset("""
accessPoint accessPointPolicy acl append asyncFetch bucketArchiveDirectRead bucketInfo callback callback-var cloudboxes
cname comp continuation-token cors delete encryption endTime group httpsConfig inventory inventoryId lifecycle link live
location logging metaQuery objectInfo objectMeta partNumber policy position publicAccessBlock qos qosInfo qosRequester
redundancyTransition referer regionList replication replicationLocation replicationProgress requestPayment
requesterQosInfo resourceGroup resourcePool response-cache-control response-content-disposition
response-content-encoding response-content-language response-content-type response-expires restore security-token
sequential startTime stat status style styleName symlink tagging transferAcceleration uploadId uploads versionId
versioning versions vod website worm wormExtend wormId
""".split())

OBS_SUBRESOURCES = frozenset("""
CDNNotifyConfiguration acl append attname backtosource cors customdomain delete deletebucket directcoldaccess encryption
inventory length lifecycle location logging metadata mirrorBackToSource modify name notification object-lock
obscompresspolicy partNumber policy position quota rename replication requestPayment response-cache-control
response-content-disposition response-content-encoding response-content-language response-content-type response-expires
restore retention storageClass storagePolicy storageinfo tagging torrent truncate uploadId uploads versionId versioning
versions website x-image-process x-image-save-bucket x-image-save-object x-obs-security-token
""".split())


def to_bytes(text):
    return text.encode("utf-8", "surrogateescape")


def encode(text):
    return quote(to_bytes(text), safe="-_.~")


def encode_path(text):
    return quote(to_bytes(text), safe="/-_.~")


def _hmac_sha1(secret, text):
    return base64.b64encode(hmac.digest(secret.encode(), to_bytes(text), "sha1")).decode()


def _hmac_sha256(key, text):
    return hmac.digest(key, to_bytes(text), "sha256")


def _resource(bucket, key):
    return "/" + (bucket + "/" if bucket else "") + key


def _prefixed_lines(headers, prefix):
    return "".join("%s:%s\n" % (name, headers[name].strip()) for name in sorted(headers) if name.startswith(prefix))


def _subresources(query, names, prefix):
    kept = sorted((n, v) for n, v in query if n in names or (prefix and n.startswith(prefix)))
    return "?" + "&".join(n if v == "" else n + "=" + v for n, v in kept) if kept else ""


# ---------------------------------------------------------------- strings to sign


def oss_v1_string(verb, bucket, key, query, headers, date):
    """headers have lower-case names; date is what the DATE line shall say."""
    resource = _resource(bucket, key) + _subresources(query, V1_SUBRESOURCES, "x-oss-")
    return "\n".join([verb, headers.get("content-md5", ""), headers.get("content-type", ""), date,
                      _prefixed_lines(headers, "x-oss-") + resource])


def obs_string(verb, bucket, key, query, headers, date):
    if "x-obs-date" in headers:
        date = ""
    resource = encode_path(_resource(bucket, key)) + _subresources(query, OBS_SUBRESOURCES, None)
    return "\n".join([verb, headers.get("content-md5", ""), headers.get("content-type", ""), date,
                      _prefixed_lines(headers, "x-obs-") + resource])


def oss_v4_canonical(verb, bucket, key, query, headers, additional):
    pairs = sorted((encode(n), encode(v)) for n, v in query)
    always = ("content-type", "content-md5")
    names = [n for n in headers if n.startswith("x-oss-") or n in always or n in additional]
    lines = "".join("%s:%s\n" % (n, headers[n].strip()) for n in sorted(names))
    return "\n".join([verb, encode_path(_resource(bucket, key)), "&".join(n if v == "" else n + "=" + v for n, v in pairs),
                      lines, ";".join(additional), "UNSIGNED-PAYLOAD"])


def s3_canonical(verb, path, query, headers, signed, payload):
    pairs = sorted((encode(n), encode(v)) for n, v in query)
    lines = "".join("%s:%s\n" % (n, " ".join(headers.get(n, "").split())) for n in signed)
    return "\n".join([verb, encode_path(path), "&".join(n + "=" + v for n, v in pairs), lines, ";".join(signed), payload])


def v4_string(algorithm, timestamp, scope, canonical):
    return "\n".join([algorithm, timestamp, scope, hashlib.sha256(to_bytes(canonical)).hexdigest()])


_keys = {}


def v4_key(start, secret, date, region, service, terminator):
    """The signing key of a day, kept, because every request of that day needs it."""
    known = _keys.get((start, secret, date, region, service))
    if known is None:
        known = (start + secret).encode()
        for part in (date, region, service, terminator):
            known = _hmac_sha256(known, part)
        if len(_keys) > 1000:
            _keys.clear()
        _keys[(start, secret, date, region, service)] = known
    return known


def oss_v4_sign(secret, timestamp, region, canonical, product="oss"):
    scope = "%s/%s/%s/aliyun_v4_request" % (timestamp[:8], region, product)
    text = v4_string("OSS4-HMAC-SHA256", timestamp, scope, canonical)
    key = v4_key("aliyun_v4", secret, timestamp[:8], region, product, "aliyun_v4_request")
    return text, _hmac_sha256(key, text).hex()


def s3_sign(secret, timestamp, region, canonical):
    text = v4_string("AWS4-HMAC-SHA256", timestamp, "%s/%s/s3/aws4_request" % (timestamp[:8], region), canonical)
    key = v4_key("AWS4", secret, timestamp[:8], region, "s3", "aws4_request")
    return text, _hmac_sha256(key, text).hex()


# ---------------------------------------------------------------- dates

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_HTTP_DATE = re.compile(r"^(\w{3}), (\d\d) (\w{3}) (\d{4}) (\d\d):(\d\d):(\d\d) (GMT|\+0000)$")


def http_date(seconds):
    t = time.gmtime(seconds)
    return "%s, %02d %s %04d %02d:%02d:%02d GMT" % (_DAYS[t[6]], t[2], _MONTHS[t[1] - 1], t[0], t[3], t[4], t[5])


def parse_http_date(text):
    """Seconds, or None for text that is no RFC 1123 date."""
    match = _HTTP_DATE.match(text.strip())
    if match is None or match[3] not in _MONTHS or match[1] not in _DAYS:
        return None
    try:
        return calendar.timegm((int(match[4]), _MONTHS.index(match[3]) + 1, int(match[2]),
                                int(match[5]), int(match[6]), int(match[7])))
    except ValueError:
        return None


def parse_basic_date(text):
    """Seconds out of 20260102T030405Z, or None."""
    if not re.match(r"^\d{8}T\d{6}Z$", text):
        return None
    try:
        return calendar.timegm(time.strptime(text, "%Y%m%dT%H%M%SZ"))
    except ValueError:
        return None


def _check_skew(request, seconds):
    if abs(request.now - seconds) > SKEW:
        raise ApiError("RequestTimeTooSkewed", extra={"MaxAllowedSkewMilliseconds": str(SKEW * 1000),
                                                      "RequestTime": _iso(seconds), "ServerTime": _iso(request.now)})


def _iso(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(seconds))


def _check_window(request, start, lifetime):
    """Presigned V4: not from the future, not after its end."""
    if start - request.now > SKEW:
        raise ApiError("AccessDenied", "Request is not valid yet.")
    if request.now > start + lifetime:
        raise ApiError("AccessDenied", "Request has expired.", ec="0002-00000069")


# ---------------------------------------------------------------- verification


class Identity:
    """Who asks: a configured key, or nobody (key None)."""

    def __init__(self, key, scheme):
        self.key = key
        self.scheme = scheme
        self.signing_key = None
        self.seed = None        # S3: what chunk signatures start from
        self.scope = None
        self.timestamp = None


def _key_of(request, config, name):
    key = config.keys.get(name)
    if key is None:
        raise ApiError("InvalidAccessKeyId", extra={request.dialect.key_element: name})
    return key


def _check_token(request, key, token):
    """After the signature: a temporary key needs its own, unexpired token."""
    if key.token is None:
        if token is not None:
            raise ApiError(request.dialect.bad_token, ec="0002-00000026")
        return
    if token is None:
        raise ApiError("InvalidAccessKeyId", extra={request.dialect.key_element: key.name})
    if token != key.token:
        raise ApiError(request.dialect.bad_token, ec="0002-00000026")
    if key.token_expires is not None and request.now >= key.token_expires:
        raise ApiError(request.dialect.expired_token, ec="0002-00000027")


def _compare(request, key, given, expected, text, canonical=None):
    if hmac.compare_digest(to_bytes(given), expected.encode()):
        return
    raw = to_bytes(text)
    extra = {request.dialect.key_element: key.name, "SignatureProvided": given, "StringToSign": text,
             "StringToSignBytes": raw.hex(" ").upper()}
    if canonical is not None:
        extra["CanonicalRequest"] = canonical
    raise ApiError("SignatureDoesNotMatch", extra=extra)


def _v1_date(request, header):
    text = request.headers.get(header) or request.headers.get("date")
    if text is None:
        raise ApiError("AccessDenied", "OSS authentication requires a valid Date.", ec="0002-00000503")
    seconds = parse_http_date(text)
    if seconds is None and header == "x-obs-date":
        seconds = parse_basic_date(text)
    if seconds is None:
        raise ApiError("AccessDenied", "The date of the request is malformed.", ec="0002-00000503")
    _check_skew(request, seconds)
    return text


def _split_v1(request, value):
    name, colon, signature = value.partition(":")
    if not colon or not name or not signature:
        raise ApiError("InvalidArgument", "Authorization header is invalid.")
    return name.strip(), signature.strip()


def _oss_v1(request, config):
    name, given = _split_v1(request, request.headers["authorization"][4:])
    key = _key_of(request, config, name)
    date = _v1_date(request, "x-oss-date")
    query_token = request.params.get("security-token")
    token = request.headers.get("x-oss-security-token")
    if token is not None and query_token is not None:
        raise ApiError("InvalidArgument", "The token is given twice, in the header and in the query.")
    text = oss_v1_string(request.verb, request.bucket, request.key, request.query, request.headers, date)
    _compare(request, key, given, _hmac_sha1(key.secret, text), text)
    _check_token(request, key, query_token if token is None else token)
    return Identity(key, "oss-v1")


def _oss_v1_query(request, config):
    key = _key_of(request, config, request.params["OSSAccessKeyId"])
    given, expires = request.params.get("Signature"), request.params.get("Expires", "")
    if not given or not expires.isdigit():
        raise ApiError("AccessDenied", "Query-string authentication requires Signature, Expires and OSSAccessKeyId.")
    if "x-oss-security-token" in request.headers and "security-token" in request.params:
        raise ApiError("InvalidArgument", "The token is given twice, in the header and in the query.")
    query = [p for p in request.query if p[0] not in ("OSSAccessKeyId", "Expires", "Signature")]
    text = oss_v1_string(request.verb, request.bucket, request.key, query, request.headers, expires)
    _compare(request, key, given, _hmac_sha1(key.secret, text), text)
    if request.now > int(expires):
        raise ApiError("AccessDenied", "Request has expired.", ec="0002-00000069")
    _check_token(request, key, request.params.get("security-token"))
    return Identity(key, "oss-v1-query")


def _scope(request, config, credential, service, terminator):
    """[key, date, region] of a credential AK/date/region/service/terminator."""
    parts = credential.rsplit("/", 4)
    if len(parts) != 5 or parts[3] != service or parts[4] != terminator:
        raise ApiError(request.dialect.bad_scope, "The credential scope is malformed.", ec="0002-00000213")
    if parts[2] != config.region:
        raise ApiError(request.dialect.bad_scope, "Invalid signing region '%s' in Authorization; expecting '%s'."
                       % (parts[2], config.region), ec="0002-00000226", extra={"Region": config.region})
    return parts[:3]


def _fields(text):
    found = {}
    for item in text.split(","):
        name, equals, value = item.strip().partition("=")
        if not equals or name in found:
            raise ApiError("InvalidArgument", "Authorization header is invalid.")
        found[name] = value
    return found


def _oss_v4(request, config):
    fields = _fields(request.headers["authorization"][len("OSS4-HMAC-SHA256 "):])
    if "Credential" not in fields or "Signature" not in fields or set(fields) - {"Credential", "Signature", "AdditionalHeaders"}:
        raise ApiError("InvalidArgument", "Authorization header is invalid.")
    name, date, region = _scope(request, config, fields["Credential"], "oss", "aliyun_v4_request")
    key = _key_of(request, config, name)
    timestamp = request.headers.get("x-oss-date") or request.headers.get("date")
    if timestamp is None:
        raise ApiError("AccessDenied", "OSS authentication requires a valid Date.", ec="0002-00000503")
    seconds = parse_basic_date(timestamp)
    if seconds is None:
        raise ApiError("AccessDenied", "The date of the request is malformed.", ec="0002-00000503")
    _check_skew(request, seconds)
    if date != timestamp[:8]:
        raise ApiError("InvalidArgument", "The credential's date differs from x-oss-date.", ec="0002-00000212")
    if request.headers.get("x-oss-content-sha256") != "UNSIGNED-PAYLOAD":
        raise ApiError("InvalidArgument", "x-oss-content-sha256 must be UNSIGNED-PAYLOAD.", ec="0002-00000214")
    additional = [n for n in fields.get("AdditionalHeaders", "").split(";") if n]
    if additional != sorted(n.lower() for n in additional) or any(n not in request.headers for n in additional):
        raise ApiError("InvalidArgument", "AdditionalHeaders must be sorted lower-case names of sent headers.")
    canonical = oss_v4_canonical(request.verb, request.bucket, request.key, request.query, request.headers, additional)
    text, expected = oss_v4_sign(key.secret, timestamp, region, canonical)
    _compare(request, key, fields["Signature"], expected, text, canonical)
    _check_token(request, key, request.headers.get("x-oss-security-token"))
    return Identity(key, "oss-v4")


def _expires(request, text):
    if not text.isdigit() or not 1 <= int(text) <= LONGEST_PRESIGN:
        raise ApiError(request.dialect.bad_query_auth, "The expiry must be 1 to %d seconds." % LONGEST_PRESIGN)
    return int(text)


def _oss_v4_query(request, config):
    p = request.params
    if p["x-oss-signature-version"] != "OSS4-HMAC-SHA256":
        raise ApiError("InvalidArgument", "x-oss-signature-version must be OSS4-HMAC-SHA256.")
    if "x-oss-signature" not in p or "x-oss-credential" not in p or "x-oss-expires" not in p:
        raise ApiError("InvalidArgument", "A presigned request needs x-oss-credential, -date, -expires and -signature.")
    name, date, region = _scope(request, config, p["x-oss-credential"], "oss", "aliyun_v4_request")
    key = _key_of(request, config, name)
    timestamp = p.get("x-oss-date", "")
    start = parse_basic_date(timestamp)
    if start is None or date != timestamp[:8]:
        raise ApiError("InvalidArgument", "The credential's date differs from x-oss-date.", ec="0002-00000212")
    lifetime = _expires(request, p["x-oss-expires"])
    additional = [n for n in p.get("x-oss-additional-headers", "").split(";") if n]
    query = [pair for pair in request.query if pair[0] != "x-oss-signature"]
    canonical = oss_v4_canonical(request.verb, request.bucket, request.key, query, request.headers, additional)
    text, expected = oss_v4_sign(key.secret, timestamp, region, canonical)
    _compare(request, key, p["x-oss-signature"], expected, text, canonical)
    _check_window(request, start, lifetime)
    _check_token(request, key, p.get("x-oss-security-token"))
    return Identity(key, "oss-v4-query")


def _obs(request, config):
    name, given = _split_v1(request, request.headers["authorization"][4:])
    key = _key_of(request, config, name)
    _v1_date(request, "x-obs-date")
    text = obs_string(request.verb, request.bucket, request.key, request.query, request.headers,
                      request.headers.get("date", ""))
    _compare(request, key, given, _hmac_sha1(key.secret, text), text)
    _check_token(request, key, request.headers.get("x-obs-security-token"))
    return Identity(key, "obs")


def _obs_query(request, config):
    key = _key_of(request, config, request.params["AccessKeyId"])
    given, expires = request.params.get("Signature"), request.params.get("Expires", "")
    if not given or not expires.isdigit():
        raise ApiError("AccessDenied", "Query-string authentication requires Signature, Expires and AccessKeyId.")
    query = [p for p in request.query if p[0] not in ("AccessKeyId", "Expires", "Signature")]
    text = obs_string(request.verb, request.bucket, request.key, query, request.headers, expires)
    _compare(request, key, given, _hmac_sha1(key.secret, text), text)
    if request.now > int(expires):
        raise ApiError("AccessDenied", "Request has expired.")
    _check_token(request, key, request.params.get("x-obs-security-token"))
    return Identity(key, "obs-query")


def _check_signed_headers(request, signed):
    if signed != sorted(signed) or "host" not in signed:
        raise ApiError("SignatureDoesNotMatch", "SignedHeaders must be sorted and contain host.")
    for name in request.headers:
        if name not in signed and (name.startswith("x-amz-") or name == "content-md5"):
            raise ApiError("AccessDenied", "There were headers present in the request which were not signed",
                           extra={"HeadersNotSigned": name})


def _s3_v4(request, config):
    fields = _fields(request.headers["authorization"][len("AWS4-HMAC-SHA256 "):])
    if set(fields) != {"Credential", "SignedHeaders", "Signature"}:
        raise ApiError("AuthorizationHeaderMalformed", "The authorization header is malformed.")
    name, date, region = _scope(request, config, fields["Credential"], "s3", "aws4_request")
    key = _key_of(request, config, name)
    timestamp = request.headers.get("x-amz-date", "")
    seconds = parse_basic_date(timestamp)
    if seconds is None:
        raise ApiError("AccessDenied", "AWS authentication requires a valid Date or x-amz-date header")
    _check_skew(request, seconds)
    if date != timestamp[:8]:
        raise ApiError("AuthorizationHeaderMalformed", "The credential's date differs from x-amz-date.")
    payload = request.headers.get("x-amz-content-sha256")
    if payload is None:
        raise ApiError("InvalidRequest", "Missing required header for this request: x-amz-content-sha256")
    signed = fields["SignedHeaders"].split(";")
    _check_signed_headers(request, signed)
    canonical = s3_canonical(request.verb, request.path, request.query, request.headers, signed, payload)
    text, expected = s3_sign(key.secret, timestamp, region, canonical)
    _compare(request, key, fields["Signature"], expected, text, canonical)
    _check_token(request, key, request.headers.get("x-amz-security-token"))
    identity = Identity(key, "s3-v4")
    identity.seed, identity.timestamp = expected, timestamp
    identity.scope = "%s/%s/s3/aws4_request" % (date, region)
    identity.signing_key = v4_key("AWS4", key.secret, date, region, "s3", "aws4_request")
    return identity


def _s3_v4_query(request, config):
    p = request.params
    needed = ("X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders", "X-Amz-Signature")
    if p["X-Amz-Algorithm"] != "AWS4-HMAC-SHA256" or any(n not in p for n in needed):
        raise ApiError("AuthorizationQueryParametersError", "A parameter of the presigned request is missing or wrong.")
    name, date, region = _scope(request, config, p["X-Amz-Credential"], "s3", "aws4_request")
    key = _key_of(request, config, name)
    start = parse_basic_date(p["X-Amz-Date"])
    if start is None or date != p["X-Amz-Date"][:8]:
        raise ApiError("AuthorizationQueryParametersError", "The credential's date differs from X-Amz-Date.")
    lifetime = _expires(request, p["X-Amz-Expires"])
    signed = p["X-Amz-SignedHeaders"].split(";")
    _check_signed_headers(request, signed)
    query = [pair for pair in request.query if pair[0] != "X-Amz-Signature"]
    canonical = s3_canonical(request.verb, request.path, query, request.headers, signed, "UNSIGNED-PAYLOAD")
    text, expected = s3_sign(key.secret, p["X-Amz-Date"], region, canonical)
    _compare(request, key, p["X-Amz-Signature"], expected, text, canonical)
    _check_window(request, start, lifetime)
    _check_token(request, key, p.get("X-Amz-Security-Token"))
    return Identity(key, "s3-v4-query")


_SCHEMES = {"oss-v4": _oss_v4, "oss-v1": _oss_v1, "obs": _obs, "s3-v4": _s3_v4, "oss-v4-query": _oss_v4_query,
            "oss-v1-query": _oss_v1_query, "obs-query": _obs_query, "s3-v4-query": _s3_v4_query}


def scheme_of(headers, params):
    """Which scheme a request uses: (dialect, scheme), ("", "unknown") or (None, None) for an anonymous one."""
    authorization = headers.get("authorization")
    if authorization is not None:
        for start, dialect, scheme in (("OSS4-HMAC-SHA256 ", "oss", "oss-v4"), ("OSS ", "oss", "oss-v1"),
                                       ("OBS ", "obs", "obs"), ("AWS4-HMAC-SHA256 ", "s3", "s3-v4")):
            if authorization.startswith(start):
                return dialect, scheme
        return "", "unknown"
    for name, dialect, scheme in (("x-oss-signature-version", "oss", "oss-v4-query"), ("OSSAccessKeyId", "oss", "oss-v1-query"),
                                  ("AccessKeyId", "obs", "obs-query"), ("X-Amz-Algorithm", "s3", "s3-v4-query")):
        if name in params:
            return dialect, scheme
    return None, None


def authenticate(request, config):
    """The Identity behind a request; raises an ApiError in the request's dialect."""
    if request.scheme is None:
        return Identity(None, "anonymous")
    if request.scheme == "unknown":
        raise ApiError("InvalidArgument", "Authorization header is invalid.")
    if request.scheme not in config.schemes:
        raise ApiError("AccessDenied", "The signature version %s is switched off." % request.scheme)
    return _SCHEMES[request.scheme](request, config)
