#
# 049_check.pl
#	  oss_fdw_check() fails at the step that is wrong, with a hint, and leaves nothing behind.
#
use strict;
use warnings FATAL => 'all';
use IO::Socket::INET;
use Test::More;
use OssRead;

my $t = OssRead->new;
my $store = $t->store;
my $number = 0;

# The steps of a server with these options and this key: {step => [ok, detail, hint]}
sub steps
{
	my ($options, $mapping) = @_;
	my $name = 'check' . ++$number;
	$t->sql("CREATE SERVER $name FOREIGN DATA WRAPPER oss_fdw OPTIONS ($options, max_retries '0', connect_timeout '3s'); CREATE USER MAPPING FOR CURRENT_USER SERVER $name OPTIONS ($mapping)");
	my %step;
	for my $line (split /\n/, $t->sql("SELECT step, coalesce(ok::text, 'null'), coalesce(detail, ''), coalesce(hint, '') FROM oss_fdw_check('$name')"))
	{
		my ($step, $ok, $detail, $hint) = split /\|/, $line, -1;
		$step{$step} = [ $ok, $detail, $hint ];
	}
	return \%step;
}

my @order = qw(resolve connect tls clock signature list get put abort delete);

# Every step before the one that fails is good; it has a hint; those after it that need it have no verdict.
sub fails_at
{
	my ($what, $failed, $step) = @_;
	my %before = map { $_ => 1 } grep { index(" @order[0 .. 5] ", " $_ ") >= 0 } @order;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($step->{$failed}[0], 'false', "$what: $failed fails") or diag(explain($step));
	like($step->{$failed}[1] . $step->{$failed}[2], qr/\S{3}/, "$what: and says why");
	isnt($step->{$failed}[2], '', "$what: with a hint") or diag(explain($step));
	for my $name (@order)
	{
		last if $name eq $failed;
		next unless $before{$name};
		is($step->{$name}[0], 'true', "$what: $name is good");
	}
	return;
}

my $server = $store->server_options;
my $good = $store->mapping_options;
my $steps = steps($server, $good);
is(join(' ', map { $steps->{$_}[0] } @order), join(' ', ('true') x 10), 'everything is allowed: ten good steps');
is_deeply([ $store->objects ], [], 'nothing is left');
is_deeply([ $store->uploads ], [], 'no upload either');

# ---- permissions, one at a time

my %denials = (list => 'List*', get => 'GetObject', put => 'PutObject', delete => 'Delete*', abort => 'AbortMultipartUpload');
for my $denied (sort keys %denials)
{
	my ($id, $secret) = ("may-not-$denied", "secret-of-$denied");
	$store->control('POST', 'configure', { keys => [ { access_key => $id, secret => $secret, deny => [ $denials{$denied} ] } ] });
	my $step = steps($server, "access_key_id '$id', access_key_secret '$secret'");
	fails_at("a key that may not $denied", $denied, $step);
	like($step->{$denied}[1], qr/AccessDenied/, "a key that may not $denied: the store's code");
	is($step->{$_}[0], 'true', "a key that may not $denied: may $_") for grep { $_ ne $denied && !($denied eq 'put' && $_ =~ /^(?:get|delete)$/) } qw(list get put delete);
	$store->empty;
}

# ---- the way there

fails_at('a wrong secret', 'signature', steps($server, "access_key_id '" . $store->key_id . "', access_key_secret 'wrong'"));
fails_at('an unknown key', 'signature', steps($server, "access_key_id 'nobody', access_key_secret 'wrong'"));
my $free = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1')->sockport;    # closed again at once
my $rest = "provider 'oss', region 'cn-hangzhou', bucket 'test-bucket'";
fails_at('nobody listens', 'connect', steps("endpoint 'http://127.0.0.1:$free', $rest", $good));
fails_at('an unknown host', 'resolve', steps("endpoint 'http://no-such-host.invalid', $rest", $good));
fails_at('a certificate that nobody trusts', 'tls', steps("endpoint '" . $store->tls_endpoint . "', $rest", $good));
is(join(' ', map { $_->[0] } values %{ steps("endpoint '" . $store->tls_endpoint . "', $rest, ca_file '" . $store->ca_file . "'", $good) }), join(' ', ('true') x 10), 'with its authority all is good');
fails_at('no such bucket', 'list', steps($server =~ s/test-bucket/no-such-bucket/r, $good));
$store->set_clock_offset(7200);
my $clock = steps($server, $good);
like($clock->{clock}[1] . $clock->{clock}[2], qr/clock/, 'two hours off: the clock is told');
$store->set_clock_offset(0);

done_testing();
