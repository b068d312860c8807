#!/usr/bin/perl
# Puts a mistake into the book: tests/mutate.pl FOLDER FILE changes the chapters in FOLDER/book as
# FILE says. "in: NAME" names a chunk; the lines after it that begin with "-" must stand in it, one
# after the other and whatever their indentation, and those that begin with "+" take their place.
# As many lines as go away come back, if need be as empty ones, so that the chapter's other lines
# keep their numbers. A change that fits nowhere, or in two places, is an error, and nothing is
# written.
use strict;
use warnings;

my ($folder, $mutant) = @ARGV;
die "usage: tests/mutate.pl FOLDER FILE\n" unless @ARGV == 2;

sub lines_of {
    my ($file) = @_;
    open my $in, '<', $file or die "mutate.pl: $file: $!\n";
    my @lines = <$in>;
    return @lines;
}

# The changes: a chunk's name, the lines that go, the lines that come.
my (@changes, $next);
for (lines_of($mutant)) {
    if (/^in: (.*)/) {
        push @changes, $next = { chunk => $1, old => [], new => [] };
    } elsif (/^([-+]) ?(.*)/ && $next) {
        if ($1 eq '-' && @{$next->{new}}) {
            push @changes, $next = { chunk => $next->{chunk}, old => [], new => [] };
        }
        push @{$next->{$1 eq '-' ? 'old' : 'new'}}, $2;
    }
}
die "mutate.pl: $mutant changes nothing\n" unless @changes;

my %chapters = map { $_ => [lines_of($_)] } glob "$folder/book/*.md";

sub bare {
    my ($line) = @_;
    $line =~ s/^\s+|\s+$//g;
    return $line;
}

# Where the old lines begin: [chapter, index] pairs.
sub places_of {
    my ($change) = @_;
    my @wanted = map { bare($_) } @{$change->{old}};
    my @places;
    for my $chapter (sort keys %chapters) {
        my $lines = $chapters{$chapter};
        my $inside = 0;
        for my $i (0 .. $#$lines) {
            if ($lines->[$i] =~ /^<<(.*)>>=$/) {
                $inside = $1 eq $change->{chunk};
            } elsif ($lines->[$i] =~ /^@\s*$/) {
                $inside = 0;
            } elsif ($inside && $i + @wanted <= @$lines) {
                my @here = map { bare($_) } @$lines[$i .. $i + $#wanted];
                push @places, [$chapter, $i] if "@here" eq "@wanted";
            }
        }
    }
    return @places;
}

my %changed;
for my $change (@changes) {
    my @places = places_of($change);
    die "mutate.pl: $mutant: \"$change->{old}[0]\" is not in the chunk \"$change->{chunk}\"\n"
        unless @places;
    die "mutate.pl: $mutant: \"$change->{old}[0]\" is there twice\n" if @places > 1;
    my ($chapter, $at) = @{$places[0]};
    my $count = @{$change->{old}};
    my @new = @{$change->{new}};
    push @new, '' while @new < $count;
    splice @{$chapters{$chapter}}, $at, $count, map { "$_\n" } @new;
    $changed{$chapter} = 1;
}

for my $chapter (keys %changed) {
    open my $out, '>', $chapter or die "mutate.pl: $chapter: $!\n";
    print $out @{$chapters{$chapter}};
    close $out or die "mutate.pl: $chapter: $!\n";
}
