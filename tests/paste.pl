#!/usr/bin/perl
# Much text is pasted into the console at once: none of it is lost, whoever reads it, and however late; and Ctrl-C
# gets through to a program that doesn't.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Console;

chdir "$FindBin::Bin/.." or die "no top folder: $!\n";
my $console = Console->boot(smp => $ENV{SMP} // 1, limit => 60);
$console->prompt or do { print "not ok console paste: no prompt\n"; exit 1 };

# Types in another process, as the guest may let us wait while we have to read what it prints.
sub paste {
    my ($text) = @_;
    my $child = fork // die "no process: $!\n";
    return $child if $child;
    for (my $at = 0; $at < length $text;) {
        my $written = syswrite $console->{in}, $text, 4096, $at or last;
        $at += $written;
    }
    require POSIX;
    POSIX::_exit(0);
}

sub tell_result {
    my ($good, $name, $why) = @_;
    print $good ? "ok console $name\n" : "not ok console $name: $why\n";
    return;
}

# A file of 107 KiB, more than all the places on the way have room for, to a program that sleeps at first. Sorted
# together with a file of the same numbers, each must come twice.
my $count = 18000;
$console->type("sleep 2; cat > /tmp/pasted\r");
my $child = paste(join '', map { "$_\r" } 10001 .. 10000 + $count, "\x04");
$console->wait_for(qr/\n\$ \z/, 60);
waitpid $child, 0;
$console->run("seq 10001 @{[10000 + $count]} > /tmp/wanted");
my @lines = $console->run('cat /tmp/pasted /tmp/wanted | sort | uniq -c | grep -c "^ *2 "; wc -l < /tmp/pasted; head -n 1 /tmp/pasted; tail -n 1 /tmp/pasted', 60);
tr/ //d for @lines;
tell_result("@lines" eq "$count $count 10001 " . (10000 + $count), 'a long text is pasted whole', "@lines");

# Commands to the shell, which edits each line, letter by letter.
$console->run('n=0');
$child = paste(join '', map { 'n=$((n + 1)) # ' . 'x' x 40 . "\r" } 1 .. 300);
waitpid $child, 0;
$console->wait_for(qr/(?:\n\$ n=[^\n]*){5}\n\$ \z/, 60);
my ($last) = $console->run('echo "<$n>"');
tell_result(($last // '') eq '<300>', 'a long script is pasted whole', $last // 'nothing');

# A program that doesn't read.
$console->type("sleep 100\r");
$console->wait_for(qr/sleep 100\n/, 10);
$child = paste(join('', map { "$_\r" } 1 .. 5000) . "\x03");
waitpid $child, 0;
tell_result($console->prompt(20) eq '$', "^C overtakes what nobody reads", 'no prompt');
my ($alive) = $console->run('echo alive', 10);
tell_result(($alive // '') eq 'alive', "and ends with it", $alive // 'nothing');
$console->end;
