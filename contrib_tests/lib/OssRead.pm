#
# OssRead.pm
#	  What the tests of reading share: a server with a store, foreign tables made anew, rows and errors as text.
#
# Objects are put into the store by its control, so that nothing of ours has written what is read.
#
package OssRead;

use strict;
use warnings;
use Carp;
use IO::Socket::INET;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils ();
use Test::More;
use OssStore;
use OssSession;

sub new
{
	my ($class, %options) = @_;
	my $self = bless { store => OssStore->start, node => PostgreSQL::Test::Cluster->new($options{name} // 'main') }, $class;

	$self->{node}->init(extra => [ '-E', 'UTF8', '--locale=C.UTF-8' ]);
	$self->{node}->append_conf('postgresql.conf', "timezone = 'UTC'\n" . ($options{conf} // ''));
	$self->{node}->start;
	$self->{store}->setup($self->{node});
	return $self;
}

sub store { return $_[0]->{store}; }
sub node { return $_[0]->{node}; }

# One open session for all statements: starting a psql for each would take most of a test's time.
sub session
{
	my ($self) = @_;
	$self->{session} //= OssSession->new($self->{node}, name => 'reader');
	return $self->{session};
}

# What the statements print, errors and notices included; the test ends when that takes too long.
sub answer
{
	my ($self, $sql) = @_;
	my $out = $self->session->query($sql);

	die "the server went away: $out" if $out =~ /server closed the connection|connection to server was lost/;
	return $out;
}

# Runs statements that must succeed; their output.
sub sql
{
	my ($self, $sql) = @_;
	my $out = $self->answer($sql);

	croak("$sql\n$out") if $out =~ /^(?:ERROR|FATAL):/m;
	return $out;
}

# A foreign table, in place of the one of that name.
sub table
{
	my ($self, $name, $columns, $options) = @_;
	return $self->sql("SET client_min_messages = warning; DROP FOREIGN TABLE IF EXISTS $name CASCADE; RESET client_min_messages;"
		  . " CREATE FOREIGN TABLE $name ($columns) SERVER store OPTIONS ($options)");
}

# One ERROR that matches all patterns, and a server that goes on.
sub fails
{
	my ($self, $what, $sql, @patterns) = @_;
	my $err = $self->answer($sql);
	my $errors = () = $err =~ /^ERROR:/mg;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	ok($errors == 1 && !(grep { $err !~ $_ } @patterns), $what) or diag("expected one error like @patterns\ngot: " . substr($err, 0, 2000));
	return;
}

# Rows of a query, compared with a text of lines "a|b"; notices do not count.
sub rows_are
{
	my ($self, $what, $sql, $expected) = @_;
	my $out = $self->answer($sql);
	$out = join("\n", grep { !/^(?:NOTICE|LOCATION|WARNING|DETAIL|HINT):/ } split(/\n/, $out, -1)) if $out !~ /^ERROR:/m;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is(substr($out, 0, 3000), $expected, $what);
	return;
}

# Many small objects, key => bytes: on one connection, each request in one write (two would wait for each other's ACK).
sub put_many
{
	my ($self, %objects) = @_;
	my ($host, $path) = $self->{store}{control} =~ m{^http://([^/]+)(/.*)$};
	my $socket = IO::Socket::INET->new(PeerAddr => $host) or croak("$host: $!");

	for my $key (sort keys %objects)
	{
		my $name = $key =~ s/([^A-Za-z0-9._~-])/sprintf('%%%02X', ord($1))/ger;
		syswrite($socket, "PUT $path/data?bucket=" . $self->{store}->bucket . "&key=$name HTTP/1.1\r\nHost: $host\r\nContent-Length: "
			  . length($objects{$key}) . "\r\n\r\n$objects{$key}");
		my $answer = '';
		until ($answer =~ /^content-length: (\d+)\r\n(?:.*?\r\n)?\r\n(.*)/ims && length($2) >= $1)
		{
			sysread($socket, $answer, 65_536, length $answer) or croak("put $key: the store hung up");
		}
		croak("put $key: $answer") if $answer !~ m{^HTTP/1\.1 200};
	}
	return;
}

# Requests of one operation in the store's log: [{op, key, prefix, status, range, out}]
sub logged
{
	my ($self, $op) = @_;
	return grep { $_->{op} =~ /^$op/ } @{ $self->{store}->control('GET', 'log')->{requests} };
}

1;
