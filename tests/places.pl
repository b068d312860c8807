#!/usr/bin/perl
# Where the kernel's parts lie: another place at each start, and reports that don't mind.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Console;

chdir "$FindBin::Bin/.." or die "no top folder: $!\n";

sub report {
    my ($good, $test, $why) = @_;
    $why =~ s/\n+/|/g;
    print $good ? "ok places $test\n" : "not ok places $test: $why\n";
    return;
}

# Boots once; what the debug port says of the three places.
sub places {
    my (%with) = @_;
    my $console = Console->boot(%with, limit => 30);
    my $prompt = $console->prompt;
    my ($text) = $console->debug_text =~ /^folio: (moved by .*)$/m;
    $console->end;
    return $prompt eq '$' && defined $text ? $text : 'no prompt';
}

sub distinct {
    my %seen = map { $_ => 1 } @_;
    return scalar keys %seen;
}

# Chance allows one pair of the same slide in a thousand among eight now and then, hardly two.
sub differ {
    my ($name, %with) = @_;
    my (@image, @map, @stacks);
    for (1 .. 8) {
        my $text = places(%with, smp => 1 + $_ % 2);
        my @found = $text =~ /^moved by ([0-9a-f]+), direct map ([0-9a-f]+), stacks ([0-9a-f]+)$/
            or return report(0, $name, $text);
        no warnings 'portable';
        my ($slide, $map, $stacks) = map { hex } @found;
        return report(0, $name, "out of bounds: $text")
            if $slide == 0 || $slide % (2 << 20) || $slide >= 2 << 30
            || $map < 0xffff800000000000 || $map >= 0xffffc00000000000 || $map % (1 << 30)
            || $stacks < 0xffffc00000000000 || $stacks >= 0xffffff8000000000 || $stacks % (1 << 39);
        push @image, $slide;
        push @map, $map;
        push @stacks, $stacks;
    }
    report(distinct(@image) >= 6 && distinct(@map) >= 7 && distinct(@stacks) >= 4,
        $name, "images @image, maps @map, stacks @stacks");
}

differ('eight starts, eight places');
differ('on a processor without a source of random numbers', cpu => 'qemu64');
differ('with 6 GiB', memory => '6G');

my $text = places(words => 'quiet nokaslr');
report($text eq 'moved by 0, direct map ffff800000000000, stacks ffffc00000000000',
    'nokaslr leaves all where it was linked', $text);

my @counted = (options => ['-icount', 'shift=0,sleep=off', '-seed', 1, '-rtc', 'base=2024-01-01,clock=vm']);
my ($first, $second) = map { places(@counted) } 1 .. 2;
report($first eq $second && $first =~ /^moved by [1-9a-f]/, 'the same seed, the same places',
    "$first and $second");

# The report of a panic names the same functions and lines, and the same addresses, wherever the
# kernel is; and these are those of the linker.
sub panic {
    my ($words) = @_;
    local $ENV{FOLIO_WORDS} = "panic $words";
    return scalar `tests/guest.sh -t 30 true 2>&1`;
}
my $linked = panic('nokaslr');
my @wrong;
for (1 .. 3) {
    my $moved = panic('');
    $moved =~ s/^the kernel was moved by [0-9a-f]+; .*\n//m or push @wrong, "no slide: $moved";
    push @wrong, $moved if $moved ne $linked;
}
report(!@wrong && $linked !~ /was moved/, 'a backtrace is the same everywhere', "@wrong");

my %symbol = map { /^([0-9a-f]{16}) \w (\w+)$/ ? ($2 => $1) : () } `nm build/kernel.elf`;
my ($at) = $linked =~ /^  ([0-9a-f]{16}) kernel_main  book\/1-06-.*:\d+$/m;
report(defined $at && $at gt $symbol{kernel_main}, 'a backtrace has the addresses of the linker', $linked);

# Nothing that a program can read looks like an address of the kernel.
my @leaks = grep { /ffff[89a-f][0-9a-f]{11}/i }
    `tests/guest.sh -s 2 'dmesg; crash; find /proc -type f | xargs cat' 2>&1`;
report(!@leaks, 'neither the log nor /proc tells an address', join '', @leaks[0 .. ($#leaks > 3 ? 3 : $#leaks)]);
