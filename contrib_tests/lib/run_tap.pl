#
# run_tap.pl
#	  prove, but with the two numbers at the end that run_tests.sh adds up.
#
# usage: perl run_tap.pl jobs file...
#
use strict;
use warnings;
use TAP::Harness;

my $jobs = shift @ARGV;
my $harness = TAP::Harness->new({ jobs => $jobs, failures => 1, timer => 1, merge => 0, color => 0,
		exec => [ $^X ] });
my $result = $harness->runtests(@ARGV);

# a file that dies, or plans more than it runs, is a failure although no "not ok" was printed
my $failed = $result->failed;
for my $file (@ARGV)
{
	my ($parser) = $result->parsers($file);
	$failed++ if !$parser || (!$parser->failed && ($parser->parse_errors || $parser->exit || $parser->wait));
}
printf "%d passed, %d failed\n", scalar $result->passed, $failed;
exit($failed ? 1 : 0);
