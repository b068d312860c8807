#!/usr/bin/perl
# The prompt appears, and a guest that waits there uses next to nothing of the host.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Console;
use POSIX ();
use Time::HiRes qw(time sleep);

chdir "$FindBin::Bin/.." or die "no top folder: $!\n";

# Seconds of a CPU that a process has used: fields 14 and 15 of its stat, in ticks.
sub used {
    my ($process) = @_;
    open my $file, '<', "/proc/$process/stat" or return 0;
    my @fields = split ' ', (split /\) /, <$file>)[1];
    return ($fields[11] + $fields[12]) / POSIX::sysconf(POSIX::_SC_CLK_TCK());
}

my $console = Console->boot;
my $prompt = $console->prompt;
my $started = time - $console->{begin};
print $prompt eq '$' ? sprintf("ok boot the prompt appears (%.2f s)\n", $started)
    : "not ok boot the prompt appears: it does not\n";
my $many = Console->boot(smp => 4);
my $ready = $many->prompt;
$started = time - $many->{begin};
$many->end;
print $ready eq '$' && $started < 1 ? sprintf("ok boot the prompt of four processors appears within a second (%.2f s)\n", $started)
    : sprintf("not ok boot the prompt of four processors appears within a second: %.2f s\n", $started);
my ($seconds, $before) = (4, used($console->{process}));
sleep $seconds;
my $share = 100 * (used($console->{process}) - $before) / $seconds;
printf "%s boot an idle guest rests: %.1f %% of a CPU\n", $share < 5 ? 'ok' : 'not ok', $share;

# With a sleeper and a reader that wait, it still rests.
$console->run('sleep 1000 & cat < /dev/console > /dev/null & sleep 0.1');
$before = used($console->{process});
sleep $seconds;
$share = 100 * (used($console->{process}) - $before) / $seconds;
printf "%s boot waiting processes rest: %.1f %% of a CPU\n", $share < 5 ? 'ok' : 'not ok', $share;

# The log without `quiet` ends before the prompt, which is the last thing on the line.
$console = Console->boot(words => '');
print $console->prompt eq '$' ? "ok boot the prompt appears after the log\n"
    : "not ok boot the prompt appears after the log: it does not\n";
$console->type("poweroff\r");
print $console->wait_for(qr/poweroff\n\z/, 10) && $console->listen(10) == 0 && $console->{ended}
    ? "ok boot poweroff ends the machine\n" : "not ok boot poweroff ends the machine: it goes on\n";
