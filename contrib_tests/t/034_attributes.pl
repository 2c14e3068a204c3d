#
# 034_attributes.pl
#	  Storage class, ACL, encryption, tags, metadata and content type arrive at the store, in each dialect, for small objects
#	  (PutObject) and large ones (InitiateMultipartUpload); what a dialect does not have is refused.
#
use strict;
use warnings FATAL => 'all';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use OssStore;

my $store = OssStore->start;
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;
$store->setup($node);
my $endpoint = $store->endpoint;
my $bucket = $store->bucket;
my $region = $store->region;
my $mapping = $store->mapping_options;

for my $provider ('oss', 'obs', 's3')
{
	$node->safe_psql('postgres', "CREATE SERVER $provider FOREIGN DATA WRAPPER oss_fdw OPTIONS (endpoint '$endpoint', provider '$provider', region '$region', bucket '$bucket');"
		  . " CREATE USER MAPPING FOR CURRENT_USER SERVER $provider OPTIONS ($mapping)");
}
$node->safe_psql('postgres', "CREATE SERVER oss1 FOREIGN DATA WRAPPER oss_fdw OPTIONS (endpoint '$endpoint', provider 'oss', signature_version 'v1', bucket '$bucket');"
	  . " CREATE USER MAPPING FOR CURRENT_USER SERVER oss1 OPTIONS ($mapping)");

# options of the table => what the store keeps
my %cases = (
	oss => [
		[ q{storage_class 'IA', acl 'private', sse 'KMS', sse_kms_key_id 'my-key-0001', tagging 'team=data&kind=export%20x', metadata 'origin=pg, owner=team', content_type 'text/csv; charset=utf-8'},
			{ storage => 'IA', acl => 'private', sse => 'KMS', sse_key => 'my-key-0001', type => 'text/csv; charset=utf-8',
				tags => 'team=data&kind=export%20x', meta => { origin => 'pg', owner => 'team' } } ],
		[ q{storage_class 'Standard', acl 'public-read', sse 'AES256'}, { storage => 'Standard', acl => 'public-read', sse => 'AES256', type => 'text/csv' } ],
		[ q{sse 'SM4', compression 'gzip'}, { sse => 'SM4', type => 'application/gzip' } ],
		[ q{format 'jsonl'}, { type => 'application/x-ndjson' } ],
	],
	obs => [
		[ q{storage_class 'WARM', acl 'public-read', sse 'kms', sse_kms_key_id 'obs-key', metadata 'origin=pg', tagging 'a=b'},
			{ storage => 'WARM', acl => 'public-read', sse => 'kms', sse_key => 'obs-key', meta => { origin => 'pg' }, tags => 'a=b' } ],
		[ q{storage_class 'STANDARD', sse 'AES256', format 'text'}, { storage => 'STANDARD', sse => 'AES256', type => 'text/plain' } ],
	],
	s3 => [
		[ q{storage_class 'STANDARD_IA', acl 'bucket-owner-full-control', sse 'aws:kms', sse_kms_key_id 'arn:aws:kms:x:1:key/abc', metadata 'origin=pg,owner=a b', tagging 'team=data'},
			{ storage => 'STANDARD_IA', acl => 'bucket-owner-full-control', sse => 'aws:kms', sse_key => 'arn:aws:kms:x:1:key/abc',
				meta => { origin => 'pg', owner => 'a b' }, tags => 'team=data' } ],
		[ q{sse 'AES256', content_type 'application/x-mine'}, { sse => 'AES256', type => 'application/x-mine' } ],
	]);
$cases{oss1} = [ $cases{oss}[0] ];

my %storage_header = (oss => 'x-oss-storage-class', oss1 => 'x-oss-storage-class', obs => 'x-obs-storage-class', s3 => 'x-amz-storage-class');

my %kept = (Standard => 'standard', STANDARD => 'standard', IA => 'ia', WARM => 'ia', STANDARD_IA => 'ia');

# What the store tells of its only object.
sub the_object
{
	my ($what) = @_;
	my @objects = @{ $store->control('GET', 'objects')->{objects} };
	is(scalar @objects, 1, "$what: one object");
	return $objects[0] // {};
}

# Metadata of ours beside the user's (the transaction's token) is not looked at.
sub same_attributes
{
	my ($what, $provider, $expected) = @_;
	my $object = the_object($what);
	my ($request) = grep { $_->{op} =~ /^(?:PutObject|InitiateMultipartUpload)$/ } @{ $store->control('GET', 'log')->{requests} };
	my %sent = map { $_ => 1 } @{ $request->{headers} };
	for my $name (sort keys %$expected)
	{
		my $got = $name eq 'type' ? $object->{headers}{'content-type'} : $object->{$name};
		if ($name eq 'storage')
		{
			# the store keeps one word for the dialects' several
			ok($sent{$storage_header{$provider}}, "$what: the storage class is sent in the dialect's header");
			is($got, $kept{ $expected->{storage} }, "$what: storage class");
			next;
		}
		if ($name eq 'meta')
		{
			$got = { map { lc($_) => $got->{$_} } grep { exists $expected->{meta}{ lc($_) } } keys %{ $got // {} } };
		}
		is_deeply($got, $expected->{$name}, "$what: $name") or diag(explain($object));
	}
	return;
}

for my $provider (sort keys %cases)
{
	my $number = 0;
	for my $case (@{ $cases{$provider} })
	{
		my ($options, $expected) = @$case;
		$number++;
		# S3's parts have 5 MB at least
		for my $rows (5, $provider eq 's3' ? 60000 : 3000)
		{
			my $what = "$provider, case $number, $rows rows";
			my $part = $provider eq 's3' ? '5MB' : '100kB';
			next if $rows > 5 && $options =~ /compression/;
			$store->empty;
			$store->reset_counters;
			$node->safe_psql('postgres', qq{
				CREATE FOREIGN TABLE t (id int, body text) SERVER $provider OPTIONS (dir 'a/', part_size '$part', max_file_size '0', $options);
				INSERT INTO t SELECT i, md5(i::text) || md5((i + 7)::text) || md5((i + 1)::text) || md5((i + 2)::text) FROM generate_series(1, $rows) i});
			if ($rows > 5)
			{
				is($store->requests('InitiateMultipartUpload'), 1, "$what: an upload of several parts");
			}
			else
			{
				is($store->requests('PutObject'), 1, "$what: one PUT");
			}
			same_attributes($what, $provider, $expected);
			is($node->safe_psql('postgres', 'SELECT count(*), count(DISTINCT id) FROM t'), "$rows|$rows", "$what: read back");
			$node->safe_psql('postgres', 'DROP FOREIGN TABLE t');
		}
	}
}

# with a manifest, the objects have the attributes
$store->empty;
$node->safe_psql('postgres', q{
	CREATE FOREIGN TABLE t (id int) SERVER oss OPTIONS (dir 'a/', manifest 'true', partition_by 'p', storage_class 'IA', sse 'AES256', acl 'public-read');
} =~ s/\(id int\)/(id int, p int)/r . 'INSERT INTO t SELECT i, i % 3 FROM generate_series(1, 9) i; DROP FOREIGN TABLE t');
for my $object (@{ $store->control('GET', 'objects')->{objects} })
{
	my $what = $object->{key} =~ /_manifest_/ ? 'the manifest' : 'an object of a folder';
	is($object->{sse}, 'AES256', "$what is encrypted as the others");
	is($object->{acl}, 'public-read', "$what has the ACL");
	is($object->{storage}, $what eq 'the manifest' ? 'standard' : 'ia', "$what: its storage class"); # readers need a manifest at once
}

# refused, never dropped
$store->empty;
for my $refused ([ 'oss', q{storage_class 'GLACIER'}, qr/storage_class.*oss/ ], [ 'obs', q{storage_class 'IA'}, qr/storage_class.*obs/ ],
	[ 's3', q{storage_class 'ColdArchive'}, qr/storage_class.*s3/ ], [ 'obs', q{sse 'SM4'}, qr/sse.*obs/ ], [ 's3', q{sse 'KMS'}, qr/sse.*s3/ ],
	[ 'oss', q{acl 'authenticated-read'}, qr/acl.*oss/ ], [ 'oss', q{sse_kms_key_id 'k'}, qr/sse_kms_key_id.*sse/ ], [ 'oss', q{sse 'AES256', sse_kms_key_id 'k'}, qr/sse_kms_key_id/ ],
	[ 's3', q{sse 'AES256', sse_kms_key_id 'k'}, qr/sse_kms_key_id/ ], [ 'oss', q{metadata 'no pair'}, qr/metadata/ ],
	[ 'oss', q{metadata 'a b=c'}, qr/metadata/ ], [ 'oss', q{metadata 'a=中'}, qr/metadata.*ASCII/ ], [ 's3', "metadata 'a=" . ('x' x 3000) . q{'}, qr/metadata.*2048/ ],
	[ 'oss', q{tagging 'nothing'}, qr/tagging/ ], [ 'oss', q{tagging '} . join('&', map { "k$_=v" } 1 .. 11) . q{'}, qr/tag/ ],
	[ 'oss', "content_type E'text/csv\\r\\nx-evil: 1'", qr/content_type.*control/ ])
{
	my ($provider, $options, $error) = @$refused;
	my (undef, undef, $err) = $node->psql('postgres', qq{
		CREATE FOREIGN TABLE t (id int) SERVER $provider OPTIONS (dir 'a/', $options);
		INSERT INTO t VALUES (1);
		DROP FOREIGN TABLE t}, on_error_stop => 0);
	like($err, qr/ERROR:[^\n]*$error/, "$provider, $options: refused") or diag($err);
	is_deeply([ $store->objects ], [], "$provider, $options: no object");
	$node->psql('postgres', 'DROP FOREIGN TABLE IF EXISTS t');
	$store->empty;
}

$node->stop;
$store->stop;
done_testing();
