#
# 038_checksums.pl
#	  What guards the bytes on their way out: every part and every whole object carries its MD5, in each dialect, so that the store
#	  refuses what was damaged; and the store has checked it.
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

# dialect => more server options
my %servers = (oss => '', oss1 => q{, signature_version 'v1'}, obs => '', s3 => '');

for my $name (sort keys %servers)
{
	(my $provider = $name) =~ s/1//;
	my $more = $servers{$name};
	my $place = $provider eq 'oss' && $more ? '' : "region '$region',";

	$node->safe_psql('postgres', "CREATE SERVER s_$name FOREIGN DATA WRAPPER oss_fdw OPTIONS (endpoint '$endpoint', provider '$provider', $place bucket '$bucket'$more);"
		  . " CREATE USER MAPPING FOR CURRENT_USER SERVER s_$name OPTIONS ($mapping);"
		  . " CREATE FOREIGN TABLE large_$name (n int, t text) SERVER s_$name OPTIONS (dir '$name/large/', part_size '5MB');"
		  . " CREATE FOREIGN TABLE small_$name (n int, t text) SERVER s_$name OPTIONS (dir '$name/small/')");
	$store->control('POST', 'reset');
	$node->safe_psql('postgres', "INSERT INTO large_$name SELECT i, repeat(md5(i::text), 30) FROM generate_series(1, 28000) i;"
		  . " INSERT INTO small_$name VALUES (1, 'one')");
	my @requests = @{ $store->control('GET', 'log')->{requests} };
	my @parts = grep { $_->{op} eq 'UploadPart' } @requests;
	my @puts = grep { $_->{op} eq 'PutObject' } @requests;

	cmp_ok(scalar @parts, '>=', 5, "$name: the large export went out in parts");
	is(scalar @puts, 1, "$name: the small one in one request");
	is(scalar(grep { $_ eq 'content-md5' } map { @{ $_->{headers} } } @parts, @puts), @parts + @puts, "$name: each request has its MD5");
	is(scalar(grep { $_->{status} != 200 } @parts, @puts), 0, "$name: and the store found it right");
	is($node->safe_psql('postgres', "SELECT count(*), md5(string_agg(t, '' ORDER BY n)) = (SELECT md5(string_agg(repeat(md5(i::text), 30), '' ORDER BY i)) FROM generate_series(1, 28000) i) FROM large_$name"),
		'28000|t', "$name: the rows come back");
}

$node->stop;
$store->stop;
done_testing();
