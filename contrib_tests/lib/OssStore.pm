#
# OssStore.pm
#	  Starts the local store for a TAP test, tells a server how to reach it, scripts faults, and reads what is left.
#
# One store per test file, in a temporary folder, on free ports of 127.0.0.1.  It is stopped by its process id, and ends
# by itself when the test has died.  The control interface is described in contrib_tests/store/README.md.
#
package OssStore;

use strict;
use warnings;
use Carp;
use POSIX ();
use Cwd ();
use HTTP::Tiny;
use JSON::PP;
use PostgreSQL::Test::Utils ();
use Time::HiRes ();

my $tree = $ENV{OSS_TREE} // Cwd::getcwd();

my %key = (id => 'test-access-key', secret => 'test-secret-key-of-the-local-store');
# may look, but neither write nor read; and one whose token is of the past
my %denied = (id => 'denied-access-key', secret => 'denied-secret-key-of-the-local-store');
my %expired = (id => 'expired-access-key', secret => 'expired-secret-key-of-the-local-store', token => 'ExpiredTokenOfTheLocalStore');

# ---------------------------------------------------------------- life

# start(option => value...): data => folder that outlives the store, arguments => [further arguments]
sub start
{
	my ($class, %options) = @_;
	my $folder = PostgreSQL::Test::Utils::tempdir();
	my $self = bless { folder => $folder, data => $options{data} // "$folder/data", arguments => $options{arguments} // [],
		bucket => 'test-bucket', region => 'cn-hangzhou', port => 0, tls_port => 0 }, $class;

	$self->_spawn;
	return $self;
}

sub _spawn
{
	my ($self) = @_;
	my $ports = "$self->{folder}/ports";

	unlink $ports;
	my @command = ('/usr/bin/python3', '-B', "$tree/contrib_tests/store/oss_store.py", '--root', $self->{data}, '--control',
		'--parent', $$, '--tls', '--make-certificates', "$self->{folder}/tls", '--port-file', $ports,
		'--port', $self->{port}, '--tls-port', $self->{tls_port}, '--bucket', $self->{bucket}, '--region', $self->{region},
		'--access-key', $key{id}, '--secret', $key{secret}, @{ $self->{arguments} });
	my $pid = fork() // croak("fork: $!");
	if ($pid == 0)
	{
		open(STDIN, '<', '/dev/null');
		open(STDOUT, '>>', "$self->{folder}/log");
		open(STDERR, '>&', \*STDOUT);
		exec(@command) or POSIX::_exit(127);
	}
	$self->{pid} = $pid;
	for my $try (1 .. 600)
	{
		last if -s $ports;
		croak('the local store did not start: ' . PostgreSQL::Test::Utils::slurp_file("$self->{folder}/log"))
		  if waitpid($pid, POSIX::WNOHANG()) == $pid;
		Time::HiRes::usleep(100_000);
	}
	my $told = decode_json(PostgreSQL::Test::Utils::slurp_file($ports));
	$self->{$_} = $told->{$_} for qw(port tls_port);
	$self->{control} = "http://127.0.0.1:$told->{control_port}/__control__";
	$self->{http} = HTTP::Tiny->new(timeout => 120);
	$self->control('POST', 'configure', { keys => [
		{ access_key => $denied{id}, secret => $denied{secret}, deny => ['*'] },
		{ access_key => $expired{id}, secret => $expired{secret}, token => $expired{token}, token_expires => time() - 60 } ] });
	return;
}

sub stop
{
	my ($self) = @_;
	return unless $self->{pid};
	kill 'TERM', $self->{pid};
	waitpid($self->{pid}, 0);
	delete $self->{pid};
	return;
}

# Like a crash of the machine it runs on: without a word to its clients.
sub kill
{
	my ($self) = @_;
	CORE::kill('KILL', $self->{pid});
	waitpid($self->{pid}, 0);
	delete $self->{pid};
	return;
}

# After kill: on the same ports, with the same data.
sub restart { return $_[0]->_spawn; }

sub DESTROY
{
	my ($self) = @_;
	local ($?, $@, $!);
	$self->stop;
	return;
}

# ---------------------------------------------------------------- what SQL needs

sub endpoint { return "http://127.0.0.1:$_[0]->{port}"; }
sub tls_endpoint { return "https://127.0.0.1:$_[0]->{tls_port}"; }
sub ca_file { return "$_[0]->{folder}/tls/ca.pem"; }
sub bucket { return $_[0]->{bucket}; }
sub region { return $_[0]->{region}; }
sub key_id { return $key{id}; }
# texts that must never be seen
sub secrets { return ($key{secret}, $denied{secret}, $expired{secret}, $expired{token}); }

sub server_options
{
	my ($self) = @_;
	return "endpoint '" . $self->endpoint . "', provider 'oss', region '$self->{region}', bucket '$self->{bucket}'";
}

sub _mapping
{
	my (%of) = @_;
	return "access_key_id '$of{id}', access_key_secret '$of{secret}'" . ($of{token} ? ", security_token '$of{token}'" : '');
}

sub mapping_options { return _mapping(%key); }
sub denied_mapping_options { return _mapping(%denied); }
sub expired_mapping_options { return _mapping(%expired); }

# The extension, and a server "store" with the right key, in database postgres.
sub setup
{
	my ($self, $node) = @_;
	$node->safe_psql('postgres', 'CREATE EXTENSION oss_fdw;'
		  . ' CREATE SERVER store FOREIGN DATA WRAPPER oss_fdw OPTIONS (' . $self->server_options . ');'
		  . ' CREATE USER MAPPING FOR CURRENT_USER SERVER store OPTIONS (' . $self->mapping_options . ')');
	return;
}

# ---------------------------------------------------------------- the control

sub control
{
	my ($self, $method, $page, $data) = @_;
	my $answer = $self->{http}->request($method, "$self->{control}/$page", defined $data ? { content => encode_json($data) } : {});
	croak("control $method $page: $answer->{status} $answer->{content}") unless $answer->{success};
	return decode_json($answer->{content});
}

# Keys of all objects, sorted.
sub objects
{
	my ($self, $prefix) = @_;
	my @keys = sort map { $_->{key} } @{ $self->control('GET', 'objects?prefix=' . ($prefix // ''))->{objects} };
	return @keys;
}

# Keys of all unfinished uploads, sorted.
sub uploads
{
	my ($self) = @_;
	my @keys = sort map { $_->{key} } @{ $self->control('GET', 'uploads')->{uploads} };
	return @keys;
}

sub _data_url
{
	my ($self, $name) = @_;
	$name =~ s/([^A-Za-z0-9._~-])/sprintf('%%%02X', ord($1))/ge;
	return "$self->{control}/data?bucket=$self->{bucket}&key=$name";
}

# The bytes of an object.
sub get
{
	my ($self, $name) = @_;
	my $answer = $self->{http}->get($self->_data_url($name));
	croak("no object $name: $answer->{status}") unless $answer->{success};
	return $answer->{content};
}

sub put
{
	my ($self, $name, $bytes) = @_;
	my $answer = $self->{http}->put($self->_data_url($name), { content => $bytes });
	croak("put $name: $answer->{status} $answer->{content}") unless $answer->{success};
	return;
}

# Everything away: objects, uploads, faults.
sub empty
{
	my ($self) = @_;
	$self->clear_faults;
	$self->control('POST', 'clear', {});
	return;
}

# Requests of the stores' clients that are open at this moment.
sub open_requests
{
	my ($self) = @_;
	return $self->control('GET', 'counters')->{total}{open};
}

# Requests per operation since the last reset_counters.
sub requests
{
	my ($self, $op) = @_;
	my $counter = $self->control('GET', 'counters')->{$op};
	return $counter ? $counter->{requests} : 0;
}

sub reset_counters { $_[0]->control('POST', 'reset', {}); return; }

# Adds a fault rule, returns its id.
sub fault
{
	my ($self, $rule) = @_;
	return $self->control('POST', 'faults', $rule)->{ids}[0];
}

sub clear_faults { $_[0]->control('DELETE', 'faults'); return; }

# Waits until a request stands in a "block" rule; false when none came.
sub wait_blocked
{
	my ($self, $id) = @_;
	return $self->control('GET', "wait?id=$id&waiting=1&timeout=60")->{reached};
}

sub release { $_[0]->control('POST', 'release', { id => $_[1] }); return; }

# Waits until no request is open.
sub wait_idle
{
	my ($self) = @_;
	for my $try (1 .. 300)
	{
		return 1 if $self->open_requests == 0;
		Time::HiRes::usleep(100_000);
	}
	return 0;
}

sub set_clock_offset { $_[0]->control('POST', 'configure', { clock_offset => $_[1] + 0 }); return; }

1;
