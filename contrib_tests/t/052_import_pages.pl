#
# 052_import_pages.pl
#	  IMPORT FOREIGN SCHEMA below a prefix with more than one page of the list: every table is made, none twice, those that are not wanted
#	  cost nothing, and memory does not grow with their number.
#
# The store gives at most 1000 keys and folders a page, as the real ones do.
#
use strict;
use warnings FATAL => 'all';
use Test::More;
use IO::Compress::Gzip qw(gzip);
use OssRead;

my $t = OssRead->new(conf => "max_locks_per_transaction = 256\n");
my $store = $t->store;

sub requests
{
	my $counters = $store->control('GET', 'counters');
	my $sum = 0;
	$sum += $counters->{$_} ? $counters->{$_}{requests} : 0 for @_;
	return $sum;
}

# 1,150 folders and 1,150 files: f0001/ ... and g0001.csv ..., so that each kind crosses a page by itself
my $count = 1150;
$t->put_many(map { (sprintf('wide/f%04d/part.csv', $_) => "id,name\n$_,folder $_\n", sprintf('wide/g%04d.csv', $_) => "id,name\n$_,file $_\n") } 1 .. $count);
# what must not become a table lies at the ends of pages, too
$t->put_many('wide/_hidden.csv' => "id\n1\n", 'wide/zz_last.csv' => "id,name\n0,last\n", 'wide/f1000_empty.csv' => '');

sub names
{
	my ($schema, $where) = @_;
	return $t->sql("SELECT count(*), count(DISTINCT relname), min(relname), max(relname) FROM pg_class WHERE relnamespace = '$schema'::regnamespace AND relkind = 'f'" . ($where ? " AND $where" : ''));
}

# ---- a few of them, from the first page, its end, the second's beginning and the last

my @few = qw(f0001 f0999 f1000 f1001 f1150 g0001 g0849 g0850 g0851 g1150 zz_last);
$store->reset_counters;
$t->sql('CREATE SCHEMA few; IMPORT FOREIGN SCHEMA "wide/" LIMIT TO (' . join(', ', @few, 'absent') . ') FROM SERVER store INTO few');
is(requests('GetObject'), scalar @few, 'LIMIT TO: only the tables that are wanted are sampled');
cmp_ok(requests('ListObjects', 'ListObjectsV2'), '<=', 3 + 5, 'LIMIT TO: three pages, and one list for each wanted folder');
$t->rows_are('LIMIT TO: the tables', "SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE relnamespace = 'few'::regnamespace", join(' ', sort @few));
$t->rows_are("LIMIT TO: $_ reads", "SELECT * FROM few.$_", $_ eq 'zz_last' ? '0|last' : int(substr($_, 1)) . '|' . (/^f/ ? 'folder ' : 'file ') . int(substr($_, 1))) for @few;

# ---- all but a few

$t->sql('CREATE SCHEMA most; IMPORT FOREIGN SCHEMA "wide/" EXCEPT (f0002, g1149) FROM SERVER store INTO most');
is(names('most'), (2 * $count - 1) . '|' . (2 * $count - 1) . '|f0001|zz_last', 'EXCEPT: every other folder and file is a table, once');
is(names('most', "relname IN ('f0002', 'g1149', '_hidden', 'f1000_empty')"), '0|0||', 'EXCEPT: nothing else is');
$t->rows_are('EXCEPT: tables of all pages read',
	'SELECT (SELECT sum(id) FROM most.f0001) + (SELECT sum(id) FROM most.f1001) + (SELECT sum(id) FROM most.f1150) + (SELECT sum(id) FROM most.g0001) + (SELECT sum(id) FROM most.g1150)',
	1 + 1001 + 1150 + 1 + 1150);
$t->sql('SET client_min_messages = warning; DROP SCHEMA few CASCADE; RESET client_min_messages');

# ---- samples are forgotten: 100 of them have 2 MB each

my $text = "id,name\n" . join('', map { "$_,some words of row $_\n" } 1 .. 80_000);
my $packed;
gzip(\$text => \$packed) or die 'gzip failed';
$t->put_many(map { sprintf('large/t%03d.csv.gz', $_) => $packed } 1 .. 100);
my $pid = $t->session->pid;
$t->sql('CREATE SCHEMA warm; IMPORT FOREIGN SCHEMA "large/" LIMIT TO (t001) FROM SERVER store INTO warm');
my $before = OssSession::status_kb($pid, 'VmHWM') - OssSession::status_kb($pid, 'RssShmem') - OssSession::status_kb($pid, 'RssFile');
$t->sql('CREATE SCHEMA large; IMPORT FOREIGN SCHEMA "large/" FROM SERVER store INTO large');
my $grew = OssSession::status_kb($pid, 'VmHWM') - OssSession::status_kb($pid, 'RssShmem') - OssSession::status_kb($pid, 'RssFile') - $before;
is(names('large'), '100|100|t001|t100', 'large samples: the tables');
cmp_ok($grew, '<', 32 * 1024, 'large samples: memory does not grow with the number of tables');
note('grew by ', int($grew / 1024), ' MB');
$t->rows_are('large samples: a table reads', 'SELECT count(*), sum(id) FROM large.t100', '80000|' . 80_000 * 80_001 / 2);

$t->node->stop;
$store->stop;
done_testing();
