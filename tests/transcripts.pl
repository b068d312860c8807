#!/usr/bin/perl
# Replays the sessions that a chapter shows, and compares: tests/transcripts.pl CHAPTER...
#
# A block ```session is typed in the guest, all those of a chapter in one boot; a block ```host is
# run here, from the top folder. In both, a line that begins with "$ " is a command, lines with "> "
# directly behind it go on with it, and the others are exactly what it prints, where
#
#   ...     alone in a line stands for any lines, or none
#   [...]   stands for any characters of one line, or none
#   [pid], [n]   stand for a number, in brackets or not
#
# For each chapter with such blocks one line is printed: "ok transcripts CHAPTER: N commands", or
# "not ok CHAPTER:LINE: ..." with the first line that differs.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Console;

chdir "$FindBin::Bin/.." or die "no top folder: $!\n";
my $failed = 0;
for my $chapter (@ARGV) {
    my @blocks = blocks_of($chapter);
    next if !@blocks;
    my $difference = replay($chapter, @blocks);
    my $commands = map { @{ $_->{commands} } } @blocks;
    (my $name = $chapter) =~ s{.*/|\.md\z}{}g;
    if ($difference) {
        $failed = 1;
        print "not ok $difference\n";
    } else {
        print "ok transcripts $name: $commands command", $commands == 1 ? '' : 's', "\n";
    }
}
exit $failed;

# The blocks of a chapter: where, and a list of commands, each with the lines typed and expected.
sub blocks_of {
    my ($chapter) = @_;
    open my $file, '<', $chapter or die "$chapter: $!\n";
    my (@blocks, $block, $command);
    while (my $line = <$file>) {
        chomp $line;
        if (!$block) {
            next unless $line =~ /^```(session|host)$/;
            $block = { kind => $1, line => $., commands => [] };
            $command = undef;
        } elsif ($line eq '```') {
            push @blocks, $block;
            $block = undef;
        } elsif ($line =~ /^\$ (.*)/) {
            $command = { line => $., typed => [$1], expected => [] };
            push @{ $block->{commands} }, $command;
        } elsif (!$command) {
            die "$chapter:$.: output before the first command\n";
        } elsif ($line =~ /^> (.*)/ && !@{ $command->{expected} }) {
            push @{ $command->{typed} }, $1;
        } else {
            push @{ $command->{expected} }, $line;
        }
    }
    die "$chapter:$block->{line}: the block does not end\n" if $block;
    return @blocks;
}

# Runs all commands; the first difference, or nothing.
sub replay {
    my ($chapter, @blocks) = @_;
    my $console;
    for my $block (@blocks) {
        for my $command (@{ $block->{commands} }) {
            my @printed;
            if ($block->{kind} eq 'host') {
                @printed = run_here($command);
            } else {
                if (!$console || $console->{ended}) {
                    $console = Console->boot;
                    $console->prompt or return "$chapter:$command->{line}: no prompt appears";
                }
                @printed = run_there($console, $command);
                return "$chapter:$command->{line}: the guest panicked: "
                    . join ' | ', (split /\n/, $console->debug_text)[-12 .. -1]
                    if $console->{ended} && $console->debug_text =~ /^folio: panic/m;
                return "$chapter:$command->{line}: no prompt after \"$command->{typed}[-1]\""
                    if !$console->{ended} && $console->{last} ne '$';
            }
            my ($at, $is) = compare($command->{expected}, \@printed) or next;
            my $line = $command->{line} + @{ $command->{typed} } + $at;
            my $wanted = $command->{expected}[$at];
            return "$chapter:$line: " . (defined $wanted ? "the book says \"$wanted\"" : 'the book says nothing more')
                . ', the machine ' . (defined $is ? "\"$is\"" : 'nothing more');
        }
    }
    return;
}

sub run_there {
    my ($console, $command) = @_;
    my @printed;
    push @printed, $console->run($_) for @{ $command->{typed} };
    return @printed;
}

sub run_here {
    my ($command) = @_;
    my $text = join "\n", @{ $command->{typed} };
    open my $pipe, '-|', 'timeout', '300', 'sh', '-c', "exec 2>&1 </dev/null\n$text"
        or die "sh: $!\n";
    chomp(my @printed = <$pipe>);
    close $pipe;
    return @printed;
}

# Compares; nothing when all is equal, else the number of the first expected line that is not met,
# and the line that stands there.
sub compare {
    my ($expected, $printed) = @_;
    my @furthest = (-1);
    return if matches($expected, 0, $printed, 0, \@furthest);
    return @furthest;
}

sub matches {
    my ($expected, $e, $printed, $p, $furthest) = @_;
    while ($e < @$expected) {
        if ($expected->[$e] eq '...') {
            for my $next ($p .. @$printed) {
                return 1 if matches($expected, $e + 1, $printed, $next, $furthest);
            }
            return 0;
        }
        last if $p >= @$printed || $printed->[$p] !~ pattern($expected->[$e]);
        $e++;
        $p++;
    }
    return 1 if $e == @$expected && $p == @$printed;
    @$furthest = ($e, $printed->[$p]) if $e > $furthest->[0];
    return 0;
}

sub pattern {
    my ($line) = @_;
    my $pattern = join '', map {
        $_ eq '[...]' ? '.*?' : /\A\[(?:pid|n)\]\z/ ? '\[?\d+\]?' : quotemeta
    } split /(\[\.\.\.\]|\[pid\]|\[n\])/, $line;
    return qr/\A$pattern\z/;
}
