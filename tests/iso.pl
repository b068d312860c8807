#!/usr/bin/perl
# Boots with each loader and firmware, types on the keyboard through QEMU's monitor, and reads what the
# screen shows: its pixels are compared with the pictures of letters that the book draws.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Console;
use IO::Socket::UNIX;
use Time::HiRes qw(sleep);

chdir "$FindBin::Bin/.." or die "no top folder: $!\n";
use constant { FIRST => 32, COUNT => 96, WIDE => 12, HIGH => 20 };

# What was drawn: for each picture, its dots as a string of 5 by 9.
sub pictures {
    open my $file, '<', 'generated/kernel/dev/font.c' or die "no font: $!\n";
    my @rows = map { /^    "([#. ]{71})",$/ ? $1 : () } <$file>;
    die "the font has " . @rows . " rows\n" unless @rows == 9 * COUNT / 12;
    my %letter;
    for my $picture (0 .. COUNT - 1) {
        my ($band, $place) = (int($picture / 12), $picture % 12);
        my $dots = join '', map { substr $rows[9 * $band + $_], 6 * $place, 5 } 0 .. 8;
        $letter{$dots} = chr(FIRST + $picture);
    }
    return \%letter;
}

# The lines of text on a picture in the PPM format, of which a dot is two pixels by two: it is set where all
# four are bright, since rounding fills some of the four beside it but never all.
sub lines_of {
    my ($path, $letter) = @_;
    open my $file, '<:raw', $path or return "no picture: $!";
    local $/ = undef;
    my $ppm = <$file> // '';
    $ppm =~ s/\AP6\s+(\d+)\s+(\d+)\s+255\s// or return 'the picture is not of the form P6';
    my ($width, $height) = ($1, $2);
    my $bright = sub { ord(substr $ppm, 3 * ($_[1] * $width + $_[0]) + 1, 1) > 100 };
    my @lines;
    for my $row (0 .. int($height / HIGH) - 1) {
        my $line = '';
        for my $column (0 .. int($width / WIDE) - 1) {
            my ($left, $top) = ($column * WIDE, $row * HIGH);
            if ($bright->($left + 10, $top + 19)) { $line .= '_'; next }    # the cursor
            my $dots = '';
            for my $dot (0 .. 44) {
                my ($x, $y) = ($left + 2 * ($dot % 5), $top + 2 * int($dot / 5));
                $dots .= (grep { !$bright->(@$_) } [$x, $y], [$x + 1, $y], [$x, $y + 1], [$x + 1, $y + 1])
                    ? '.' : '#';
            }
            $line .= $letter->{$dots} // "\x{7f}";
        }
        $line =~ s/ +\z//;
        push @lines, $line;
    }
    return join "\n", @lines;
}

sub report {
    my ($good, $test, $why) = @_;
    $why =~ s/\n+/|/g;
    print $good ? "ok iso $test\n" : "not ok iso $test: $why\n";
    return $good;
}

my $letter = pictures();
my $ovmf = '/usr/share/ovmf/OVMF.fd';

# One way to start: the prompt on the serial line, a command there, one from the keyboard, the screen.
sub check {
    my ($name, $memory, %with) = @_;
    my $socket = "build/iso-monitor.$$";
    unlink $socket;
    my @options = (@{ $with{options} // [] }, qw(-vga std -mon monitor -chardev),
        "socket,id=monitor,path=$socket,server=on,wait=off");
    my $console = Console->boot(%with, memory => $memory, options => \@options, limit => 90);
    report($console->prompt eq '$', "$name: the prompt appears", $console->{text}) or return;
    my @lines = $console->run('echo hi | cat');
    report("@lines" eq 'hi', "$name: a command answers", "@lines");
    report($console->debug_text =~ /^folio: moved by [1-9a-f]/m, "$name: the kernel has moved",
        substr $console->debug_text, 0, 200);

    my $monitor = IO::Socket::UNIX->new(Peer => $socket) or die "no monitor: $!\n";
    $console->take;
    for my $key (qw(e c h o spc shift-k e y x backspace s apostrophe shift-semicolon shift-7 apostrophe
        spc shift-backslash spc c a t home end left right ret)) {
        print $monitor "sendkey $key\n";
        $monitor->flush;
        sleep 0.1;
    }
    report($console->wait_for(qr/\nKeys:&\n\$ \z/, 20), "$name: the keyboard types", $console->take);

    my $picture = "build/iso-screen.$$";
    unlink $picture;
    print $monitor "screendump $picture\n";
    $monitor->flush;
    for (1 .. 50) {
        last if -s $picture;
        sleep 0.1;
    }
    sleep 0.5;
    my $seen = lines_of($picture, $letter);
    report($seen =~ /^\$ echo hi \| cat\nhi\n\$ echo Keys':&' \| cat\nKeys:&\n\$ _\n/m,
        "$name: the screen shows it", $seen);
    with_keys($console, $monitor, $name) if $with{keys};
    $console->type("poweroff\r");
    unlink $socket, $picture;
    return;
}

# What only keys can do: Ctrl-C, Caps Lock, arrows.
sub with_keys {
    my ($console, $monitor, $name) = @_;
    my $keys = sub {
        for my $key (@_) {
            print $monitor "sendkey $key\n";
            $monitor->flush;
            sleep 0.1;
        }
    };
    $console->take;
    $console->type("sleep 100\r");
    $console->wait_for(qr/sleep 100\n/, 10);
    sleep 0.5;
    $keys->('ctrl-c');
    report($console->wait_for(qr/\^C\n\$ \z/, 20), "$name: Ctrl-C ends a program", $console->take);
    $console->take;
    $keys->(qw(e c h spc caps_lock a shift-b caps_lock c left left left left o end ret));
    report($console->wait_for(qr/\nAbc\n\$ \z/, 20), "$name: Caps Lock and arrows", $console->take);
    return;
}

check('-kernel with a screen', '256M', keys => 1);
check('BIOS', '64M', disc => 'build/folio.iso');
check('BIOS with 3 GiB and 4 processors', '3G', smp => 4, disc => 'build/folio.iso');
check('UEFI', '256M', disc => 'build/folio.iso', options => ['-bios', $ovmf]);
check('UEFI with 2 processors', '256M', smp => 2, disc => 'build/folio.iso', options => ['-bios', $ovmf]);
