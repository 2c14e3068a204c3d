#
# OssSession.pm
#	  A psql of its own, fed line by line: for sessions that stay open, wait, or are killed.
#
# query() waits for a marker that psql echoes after the statement; send() does not wait.  All waiting has an end
# (the time limit of PostgreSQL::Test::Utils), and output is text without alignment, errors included.
#
package OssSession;

use strict;
use warnings;
use IPC::Run ();
use PostgreSQL::Test::Utils ();

my $serial = 0;

sub new
{
	my ($class, $node, %options) = @_;
	my $name = $options{name} // 'session' . ++$serial;
	my $limit = $options{timeout} // 2 * $PostgreSQL::Test::Utils::timeout_default;
	my $self = bless { in => '', out => '', name => $name, limit => $limit }, $class;
	my @command = ('psql', '-XAtq', '-v', 'ON_ERROR_STOP=0', '-v', 'VERBOSITY=verbose', '-d',
		$node->connstr($options{database} // 'postgres') . " application_name=$name");

	$self->{timer} = IPC::Run::timeout($limit);
	$self->{run} = IPC::Run::start(\@command, '<', \$self->{in}, '>', \$self->{out}, '2>&1', $self->{timer});
	$self->{pid} = $self->query('SELECT pg_backend_pid()');
	return $self;
}

# kB of one field of /proc/<pid>/status, 0 when the process is gone; a function
sub status_kb
{
	my ($pid, $field) = @_;
	open(my $file, '<', "/proc/$pid/status") or return 0;
	while (my $line = <$file>)
	{
		return $1 if $line =~ /^$field:\s+(\d+) kB/;
	}
	return 0;
}

sub name { return $_[0]->{name}; }
# the backend's process id
sub pid { return $_[0]->{pid}; }

# Hands statements to psql and returns at once.
sub send
{
	my ($self, $sql) = @_;
	$self->{in} .= "$sql;\n";
	$self->{run}->pump_nb;
	return;
}

# Everything that psql printed until the statements were done; dies when that takes too long.
sub query
{
	my ($self, $sql) = @_;
	$self->send($sql) if defined $sql;
	return $self->answer;
}

# Waits for what was sent so far.
sub answer
{
	my ($self) = @_;
	my $marker = '-- done ' . ++$serial . ' --';

	$self->{in} .= "\\echo '$marker'\n";
	$self->{timer}->start($self->{limit});
	while (index($self->{out}, $marker) < 0)
	{
		last unless $self->{run}->pumpable;
		$self->{run}->pump;
	}
	my $text = $self->{out};
	$self->{out} = '';
	$text =~ s/\Q$marker\E\n?.*//s;
	$text =~ s/\n\z//;
	return $text;
}

# Ends psql in the usual way and returns the rest of its output.
sub finish
{
	my ($self) = @_;
	$self->{in} .= "\\q\n";
	eval { $self->{run}->finish; };
	return $self->{out};
}

# The client dies without a word.
sub kill
{
	my ($self) = @_;
	$self->{run}->kill_kill(grace => 0);
	return;
}

1;
