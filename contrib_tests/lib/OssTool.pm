#
# OssTool.pm
#	  Runs hg_dump_to_oss and ossobj for a TAP test: with the store's keys in the environment, fed slowly, or killed.
#
package OssTool;

use strict;
use warnings;
use Carp;
use Errno ();
use IO::Handle ();
use IPC::Run ();
use POSIX ();
use Time::HiRes ();
use PostgreSQL::Test::Utils ();

my $serial = 0;

# OssTool->new($store): keys, endpoint and region of that store go into the environment, and no other source is left
sub new
{
	my ($class, $store) = @_;
	my ($secret) = $store->secrets;
	my $home = PostgreSQL::Test::Utils::tempdir();
	my $self = bless { store => $store, folder => $home, secret => $secret }, $class;

	delete @ENV{ grep { /^(OSS|OBS|AWS|ALIBABA)_/ && !/^OSS_(TEST|TREE|DEMO)/ } keys %ENV };
	$ENV{HOME} = $home;
	return $self;
}

# Environment with the keys, for local *ENV-style use: $tool->with_keys(sub { ... })
sub with_keys
{
	my ($self, $do) = @_;
	local @ENV{qw(OSS_ACCESS_KEY_ID OSS_ACCESS_KEY_SECRET OSS_ENDPOINT OSS_REGION)} =
	  ($self->{store}->key_id, $self->{secret}, $self->{store}->endpoint, $self->{store}->region);
	return $do->();
}

# Runs a program to its end.  Returns (exit status, output, errors); a signal's status is 128 + its number.
sub run
{
	my ($self, $input, @command) = @_;
	my ($out, $err) = ('', '');

	my $run = IPC::Run::start(\@command, '<', \$input, '>', \$out, '2>', \$err,
		IPC::Run::timeout(4 * $PostgreSQL::Test::Utils::timeout_default));
	$run->finish;
	my $status = $run->full_result(0);
	return ($status & 127 ? 128 + ($status & 127) : $status >> 8, $out, $err);
}

# Begins a program whose input the test writes.  Returns { pid, in, errors => file }.
sub start
{
	my ($self, @command) = @_;
	my $errors = "$self->{folder}/errors" . ++$serial;

	pipe(my $read, my $write) or croak("pipe: $!");
	my $pid = fork() // croak("fork: $!");
	if ($pid == 0)
	{
		close($write);
		open(STDIN, '<&', $read);
		open(STDOUT, '>', '/dev/null');
		open(STDERR, '>', $errors);
		exec(@command) or POSIX::_exit(127);
	}
	close($read);
	binmode($write);
	$write->autoflush(1);
	return { pid => $pid, in => $write, errors => $errors };
}

# Feeds a started program with the same rows for so many seconds, or until it has ended.  The last row may be cut.
sub feed
{
	my ($self, $program, $rows, $seconds) = @_;
	my $end = Time::HiRes::time() + $seconds;

	my $position = 0;

	local $SIG{PIPE} = 'IGNORE';
	$program->{in}->blocking(0);
	while (Time::HiRes::time() < $end)
	{
		my $vector = '';
		vec($vector, fileno($program->{in}), 1) = 1;
		next unless select(undef, my $ready = $vector, undef, 0.02);
		my $written = syswrite($program->{in}, $rows, length($rows) - $position, $position);
		last unless defined $written || $!{EAGAIN};
		$position = ($position + ($written // 0)) % length($rows);
	}
	$program->{in}->blocking(1);
	return;
}

# Waits for a started program; its input ends.  Returns (status as in run, errors).
sub finish
{
	my ($self, $program) = @_;

	close($program->{in});
	waitpid($program->{pid}, 0);
	my $status = $?;
	return ($status & 127 ? 128 + ($status & 127) : $status >> 8, PostgreSQL::Test::Utils::slurp_file($program->{errors}));
}

1;
