#
# 040_places.pl
#	  Which objects a table reads: one object, folders, prefixes, patterns and URLs; lists of many pages; what is skipped;
#	  and objects that change or vanish while they are read.
#
# Every object holds its own key as its only row, so that the rows tell what was read.
#
use strict;
use warnings FATAL => 'all';
use Test::More;
use OssRead;
use OssSession;

my $t = OssRead->new;
my $store = $t->store;

my @keys = ('p/a.csv', 'p/b.csv', 'p/c.txt', 'p/sub/a.csv', 'p/sub/deep/b.csv', 'p/sub/deep/x.tsv', 'p2/a.csv', 'pa.csv', 'p/a[1].csv',
	'p/*.csv', 'p/a\\b.csv', 'p/{x}.csv', 'p/q?.csv', 'p/é.csv', 'p/1.csv', 'p/22.csv', 'p/sp ace+%41.csv', 'p/Z.csv');
$store->put($_, "$_\n") for @keys;
$store->put('p/empty.csv', '');
$store->put('p/', '');
$store->put('p/folder/', '');
$store->put('p/marker_with_bytes/', "p/marker_with_bytes/\n");

# The keys that a place reads, sorted bytewise.
sub reads
{
	my ($place, @expected) = @_;
	$t->table('f', 'k text', "$place, format 'text', noescaping 'true', delimiter E'\\x01'");
	is_deeply([ sort split /\n/, $t->answer('SELECT k FROM f') ], [ sort @expected ], $place);
	return;
}

sub keys_like
{
	my ($pattern) = @_;
	return grep { $_ =~ $pattern } @keys;
}

# ---- exact, dir, prefix

reads("filepath 'p/a.csv'", 'p/a.csv');
reads("filepath 'p/sp ace+%41.csv'", 'p/sp ace+%41.csv');
reads("filepath 'p/é.csv'", 'p/é.csv');
reads("dir 'p/'", keys_like(qr{^p/[^/]+$}));
reads("dir 'p'", keys_like(qr{^p/[^/]+$}));
reads("dir 'p/', recursive 'true'", keys_like(qr{^p/}));
reads("dir 'p/sub'", 'p/sub/a.csv');
reads("dir 'p/folder/'");
reads("dir 'nothing/'");
reads("prefix 'p'", @keys);
reads("prefix 'p/a'", 'p/a.csv', 'p/a[1].csv', 'p/a\\b.csv');
reads("prefix 'nothing'");
reads("filepath 'p/empty.csv'");
$t->fails('a missing object is an error that names it', "ALTER FOREIGN TABLE f OPTIONS (SET filepath 'p/none.csv'); SELECT * FROM f", qr{p/none\.csv});

# ---- patterns

reads("filepath 'p/*.csv'", keys_like(qr{^p/[^/]+\.csv$}));
reads("filepath 'p/*/*.csv'", 'p/sub/a.csv');
reads("filepath 'p/**/*.csv'", keys_like(qr{^p/.*\.csv$}));
reads("filepath 'p/**/a.csv'", 'p/a.csv', 'p/sub/a.csv');
reads("filepath '**/b.csv'", 'p/b.csv', 'p/sub/deep/b.csv');
reads("filepath '**'", @keys);
reads("filepath '*.csv'", 'pa.csv');
reads("filepath 'p/{a,b}.csv'", 'p/a.csv', 'p/b.csv');
reads("filepath 'p/{a.csv,c.txt,sub/deep/*.tsv}'", 'p/a.csv', 'p/c.txt', 'p/sub/deep/x.tsv');
reads("filepath 'p/{a,{b,Z}}.c{sv,}'", 'p/a.csv', 'p/b.csv', 'p/Z.csv');
reads("filepath 'p/[a-b].csv'", 'p/a.csv', 'p/b.csv');
reads("filepath 'p/[!a-z].csv'", 'p/1.csv', 'p/Z.csv', 'p/*.csv', 'p/é.csv');
reads("filepath 'p/[é-ü].csv'", 'p/é.csv');
reads("filepath 'p/[0-9].csv'", 'p/1.csv');
reads("filepath 'p/?.csv'", keys_like(qr{^p/(?:é|[^/])\.csv$}));
reads("filepath 'p/??.csv'", 'p/22.csv', 'p/q?.csv');
reads("filepath 'p/[*].csv'", 'p/*.csv');
reads("filepath 'p/\\*.csv'", 'p/*.csv');
reads("filepath 'p/q\\?.c*'", 'p/q?.csv');
reads("filepath 'p/a\\[1].csv'", 'p/a[1].csv');
reads("filepath 'p/\\{x}.csv'", 'p/{x}.csv');
reads("filepath 'p/a\\\\b.*'", 'p/a\\b.csv');
reads("filepath 'p/nothing*'");

# ---- URLs

for my $scheme ('oss', 'obs', 's3', 's3a')
{
	my $bucket = $store->bucket;
	reads("location '$scheme://$bucket/p/sub/'", 'p/sub/a.csv');
	reads("location '$scheme://$bucket/p/a.csv'", 'p/a.csv');
	reads("location '$scheme://$bucket/p/{a,b}.csv'", 'p/a.csv', 'p/b.csv');
}

# ---- the fixed part of a pattern is what is asked for, and folders are not walked in vain

sub asked_prefixes
{
	my ($place) = @_;
	$t->table('f', 'k text', "$place, format 'text'");
	$store->reset_counters;
	$t->sql('SELECT count(*) FROM f');
	return join(' ', map { $_->{prefix} // '' } $t->logged('List'));
}
is(asked_prefixes("filepath 'p/sub/d*'"), 'p/sub/d', 'a pattern lists its fixed part');
is(asked_prefixes("filepath 'p/{a,b}.csv'"), 'p/', 'up to the braces');
is(asked_prefixes("filepath 'p/a\\[1*'"), 'p/a[1', 'quoted characters are part of it');
is(asked_prefixes("dir 'p/sub/'"), 'p/sub/', 'a folder lists itself');
is(asked_prefixes("filepath 'p/a.csv'"), '', 'one object is not listed at all');

# ---- pages

my $many = 2045;
$t->put_many(map({ sprintf('many/%05d', $_) => "$_\n" } 1 .. $many), map({ sprintf('many/%05d/x', $_) => "0\n" } 1 .. 30));
$t->table('many', 'n int', "dir 'many/'");
$store->reset_counters;
$t->rows_are('a list of several pages', 'SELECT count(*), sum(n), count(DISTINCT n) FROM many', "$many|" . $many * ($many + 1) / 2 . "|$many");
is($store->requests('ListObjectsV2') + $store->requests('ListObjects'), 3, '2,075 entries are three pages');
is($t->sql("SELECT count(*) FROM oss_fdw_list_file('many')"), $many, 'oss_fdw_list_file shows the same');
$store->control('POST', 'clear', { bucket => $store->bucket, prefix => 'many/' });

# ---- changed or gone while it is read

my $row = 'x' x 99 . "\n";
my $body = $row x 400_000;    # 40 MB: more than what is asked for ahead

for my $case ([ 'changed', sub { $store->put('big/one', substr($body, 0, -100) . ('y' x 99) . "\n") }, qr/chang/ ],
	[ 'changed in size', sub { $store->put('big/one', $row x 10) }, qr/chang/ ],
	[ 'gone', sub { $store->control('POST', 'clear', { bucket => $store->bucket, prefix => 'big/' }) }, qr/gone|not exist|NoSuchKey|chang/ ])
{
	my ($what, $spoil, $error) = @$case;
	$store->put('big/one', $body);
	$t->table('big', 'k text', "dir 'big/', format 'text', noescaping 'true'");
	my $session = OssSession->new($t->node);
	$session->query('BEGIN; DECLARE c CURSOR FOR SELECT k FROM big');
	is($session->query('FETCH 1 FROM c'), substr($row, 0, 99), "$what: the first row comes");
	$store->wait_idle;
	$spoil->();
	my $answer = $session->query('MOVE ALL FROM c');
	like($answer, $error, "$what: is an error");
	like($answer, qr{big/one}, "$what: that names the object") or diag($answer);
	$session->finish;
}

# an object of the list that is gone when its turn comes
$store->put("gone/$_", "$_\n") for 1 .. 9;
$t->table('gone', 'k text', "dir 'gone/', format 'text'");
$store->fault({ op => 'GetObject', key => 'gone/9', action => 'status', status => 404, code => 'NoSuchKey', count => undef });
$t->fails('an object that is gone is named', 'SELECT count(*) FROM gone', qr{gone/9});
$store->clear_faults;

# a list that answers with an error
$store->fault({ op => 'List*', action => 'deny', count => undef });
$t->fails('a list that is refused', 'SELECT * FROM many', qr/AccessDenied/, qr/(?i:list)/);
$store->clear_faults;

done_testing();
