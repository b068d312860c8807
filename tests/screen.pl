# Types at the editor and the pager, and compares the screen that results with the one expected.
# It also tries its own terminal, tests/Screen.pm, before it believes it.
use strict;
use warnings;
use lib 'tests';
use Console;
use Screen;
use Time::HiRes qw(time sleep);
binmode STDOUT, ':encoding(UTF-8)';

my $failures = 0;

sub report {
    my ($good, $name, $why) = @_;
    print $good ? "ok $name\n" : "not ok $name: $why\n";
    $failures++ if !$good;
    return $good;
}

# The terminal itself: what it was sent, what it must show, and where the cursor must be then.
my @terminal = (
    ["text and line ends", "ab\r\ncd\ne", "ab\ncd\n  e\n", 3, 4],
    ["the last column holds the cursor", "0123456789", "0123456789\n\n\n", 1, 10],
    ["and the next character wraps", "0123456789x", "0123456789\nx\n\n", 2, 2],
    ["to erase there takes the last character", "0123456789\e[K", "012345678\n\n\n", 1, 10],
    ["a full screen scrolls", "a\r\nb\r\nc\r\nd", "b\nc\nd\n", 3, 2],
    ["moving, and never beyond the edge", "\e[2;3Hx\e[99;99Hy\e[A\e[2Dz", "\n  x    z\n         y\n", 2, 9],
    ["erasing of the line", "abcdef\e[3D\e[Kx\r\e[C\e[1K", "  cx\n\n\n", 1, 2],
    ["erasing of the screen", "a\r\nbcd\r\ne\e[2;2H\e[J", "a\nb\n\n", 2, 2],
    ["tabs and backspace", "a\tb\bc", "a       c\n\n\n", 1, 10],
    ["characters of several bytes", "\xc3\xa4\xe2\x82\xacx\xff", "\x{e4}\x{20ac}x\x{fffd}\n\n\n", 1, 5],
    ["the other screen", "one\e[?1049h\e[Htwo\e[?1049l", "one\n\n\n", 1, 4],
    ["the cursor is kept", "ab\e7\e[3;3Hx\e8c", "abc\n\n  x\n", 1, 4],
);
for my $case (@terminal) {
    my ($name, $bytes, $text, @cursor) = @$case;
    my $screen = Screen->new(rows => 3, columns => 10);
    $screen->take($_) for split //, $bytes;
    my $saw = $screen->text . join ',', $screen->cursor;
    report($saw eq $text . join(',', @cursor), "terminal: $name", "saw $saw");
}
report(Screen->new->take("\e[6n") eq "\e[1;1R", 'terminal: it tells where the cursor is', 'no answer');

# From here on a guest; the first prompt is waited for without a terminal.
my $console = Console->boot(memory => '64M', limit => 20);
if (!$console->prompt) {
    report(0, 'the guest boots', 'no prompt');
    exit;
}
my $screen = $console->{screen} = Screen->new(rows => 8, columns => 40);

sub keys_of { my ($keys) = @_; $console->type($keys); return }

# Types keys; then the screen must become this text, and the cursor stand there if it is told.
sub typed {
    my ($name, $keys, $expected, @cursor) = @_;
    return report(0, $name, 'the session has gone astray') if $failures > 9;
    $console->type($keys);
    my $good = $console->shows(qr/\A\Q$expected\E\z/, 8);
    my @at = $screen->cursor;
    my $there = !@cursor || "@cursor" eq "@at";
    return report($good && $there && $screen->{unknown} eq '', $name,
        "saw, with the cursor at @at:\n" . $screen->text =~ s/^/    /gmr . "  and expected\n" .
        $expected =~ s/^/    /gmr . "  and unknown: " . $screen->{unknown} =~ s/[^ -~]/?/gr);
}

# Leaves with keys; the prompt must come back. Then a command must print these lines.
sub leaves {
    my ($name, $keys, $command, @expected) = @_;
    $console->take;
    $console->type($keys);
    my $back = $console->wait_for(qr/\$ \z/, 8);
    my @lines = $back ? $console->run($command) : ('no prompt');
    return report("@lines" eq "@expected", $name, "printed <@lines>, and expected <@expected>");
}

# Prepares, clears the terminal, and starts a program that takes it.
sub starts {
    my ($prepare, $command) = @_;
    $console->run($prepare) if $prepare ne '';
    $console->run('true');
    $screen->take("\e[H\e[2J");
    $console->take;
    $console->type("$command\r");
    return;
}

sub bar { my ($text) = @_; return substr($text, 0, 40) =~ s/ +\z//r . "\n" }
my $hint = '   ^S save  ^Q leave  ^F find  ^Z undo';

starts("echo one > /tmp/a; echo t,wo | tr , '\\t' >> /tmp/a", 'edit /tmp/a');
typed('a file is shown', '', "one\nt       wo\n\n~\n~\n~\n~\n" . bar("/tmp/a  line 1 of 3$hint"), 1, 1);
typed('right over a tab', "\e[B\e[C\e[C", "one\nt       wo\n\n~\n~\n~\n~\n" . bar("/tmp/a  line 2 of 3$hint"), 2, 9);
typed('letters go in', "xy", "one\nt       xywo\n\n~\n~\n~\n~\n" . bar("/tmp/a (changed)  line 2 of 3$hint"), 2, 11);
typed('return, backspace and Delete', "\r\x7f\r\e[3~W", "one\nt       xy\nWo\n\n~\n~\n~\n" . bar("/tmp/a (changed)  line 3 of 4$hint"), 3, 2);
typed('saved', "\x13", "one\nt       xy\nWo\n\n~\n~\n~\n" . bar("/tmp/a  line 3 of 4   saved, 3 lines"), 3, 2);
leaves('the file is what the screen showed', "\x11", "cat /tmp/a | tr '\\t' '>'", 'one', 't>xy', 'Wo');
report($screen->row(1) =~ /edit \/tmp\/a/, 'what stood on the screen is back', 'saw ' . $screen->row(1));
report(!$screen->{scrolled}, 'and nothing has scrolled', 'it scrolled');

# What a file must not lose.
$console->run('echo -n > /tmp/empty; echo -n abc > /tmp/unended; echo > /tmp/newline');
for my $case (['an empty file', 'empty', '0'], ['no newline at the end', 'unended', '4'], ['only a newline', 'newline', '2']) {
    my ($name, $file, $size) = @$case;
    starts('', "edit /tmp/$file");
    $console->shows(qr/line 1/, 8);
    leaves("$name stays so", "x\x7f\x13\x11", "wc -c < /tmp/$file", $size - ($size > 0));
}
starts('', 'edit /tmp/unended');
$console->shows(qr/line 1/, 8);
leaves('none is added to the last line', "\e[Fd\x13\x11", 'wc -c < /tmp/unended', '4');
starts('', 'edit /tmp/new');
typed('a new file', '', "\n~\n~\n~\n~\n~\n~\n" . bar('/tmp/new  line 1 of 1   a new file'), 1, 1);
leaves('a new text ends with a newline', "a\rb\x13\x11", 'wc -lc < /tmp/new', '      2       4');

# Characters, bytes that are none, and long lines.
starts("seq -s '' 41 > /tmp/long; echo '\xc3\xa4\xe2\x82\xac.' >> /tmp/long; echo x | tr x '\\377' >> /tmp/long; echo x | tr x '\\001' >> /tmp/long",
    'edit /tmp/long');
my $digits = join '', 1 .. 41;
typed('bytes of all kinds', '', substr($digits, 0, 40) . "\n\x{e4}\x{20ac}.\n\x{fffd}\n^A\n\n~\n~\n" . bar("/tmp/long  line 1 of 5$hint"));
typed('the end of a long line', "\e[F", substr($digits, 40) . "\n\n\n\n\n~\n~\n" . bar("/tmp/long  line 1 of 5$hint"), 1, length($digits) - 40 + 1);
typed('a character is one step, one key takes it away', "\e[B\e[H\e[C\e[3~\xc3\xb6", substr($digits, 0, 40) . "\n\x{e4}\x{f6}.\n\x{fffd}\n^A\n\n~\n~\n" . bar("/tmp/long (changed)  line 2 of 5$hint"), 2, 3);
typed('undone letter by letter of the screen', "\x1a\x1a", substr($digits, 0, 40) . "\n\x{e4}\x{20ac}.\n\x{fffd}\n^A\n\n~\n~\n" . bar("/tmp/long  line 2 of 5$hint"));
leaves('all bytes are saved', "\x19\x19\x13\x11", "tail -n 3 /tmp/long | wc -c", '10');

# Commands.
starts('seq 20 > /tmp/n', 'edit /tmp/n');
my $lines = sub { join '', map { "$_\n" } @_ };
typed('a page down', "\e[6~", $lines->(2 .. 7) =~ s/\A/1\n/r . bar("/tmp/n  line 7 of 21$hint"), 7, 1);
typed('to a line', "\x0712\r", $lines->(6 .. 12) . bar("/tmp/n  line 12 of 21$hint"), 7, 1);
typed('find', "\x06\x36\r", $lines->(10 .. 16) . bar("/tmp/n  line 16 of 21$hint"), 7, 2);
typed('and again, from the top', "\x06\r", $lines->(6 .. 12) . bar("/tmp/n  line 6 of 21$hint"), 1, 1);
typed('what isn\'t there', "\x06no\r", $lines->(6 .. 12) . bar('/tmp/n  line 6 of 21   not found'), 1, 1);
typed('a question is given up', "\x06\e", $lines->(6 .. 12) . bar("/tmp/n  line 6 of 21$hint"), 1, 1);
typed('three lines are cut', "\x0b\x0b\x0b", $lines->(9 .. 15) . bar("/tmp/n (changed)  line 6 of 18$hint"), 1, 1);
typed('and put back elsewhere', "\e[B\x15", $lines->(9, 6, 7, 8, 10 .. 12) . bar("/tmp/n (changed)  line 10 of 21$hint"), 5, 1);
typed('Ctrl-C tells how to leave', "\x03", $lines->(9, 6, 7, 8, 10 .. 12) . bar('/tmp/n (changed)  line 10 of 21   Ctrl-Q leaves'), 5, 1);
typed('all is undone, and nothing has changed', "\x1a\x1a\x1a\x1a", $lines->(6 .. 12) . bar("/tmp/n  line 7 of 21$hint"), 2, 1);
typed('and no more', "\x1a", $lines->(6 .. 12) . bar('/tmp/n  line 7 of 21   nothing is left t'), 2, 1);
typed('done again', "\x19\x19\x19\x19", $lines->(9, 6, 7, 8, 10 .. 12) . bar("/tmp/n (changed)  line 10 of 21$hint"), 5, 1);
typed('leaving asks', "\x11", $lines->(9, 6, 7, 8, 10 .. 12) . "Save before leaving (y or n)?\n", 8, 31);
typed('Escape stays', "\e", $lines->(9, 6, 7, 8, 10 .. 12) . bar("/tmp/n (changed)  line 10 of 21$hint"), 5, 1);
leaves('no loses the changes', "\x11n\r", 'head -n 6 /tmp/n | tail -n 1', '6');
starts('', 'edit /tmp/n');
$console->shows(qr/line 1/, 8);
leaves('yes saves them', "x\x11y\r", 'head -n 1 /tmp/n', 'x1');
starts('', 'edit');
typed('a text without a name', "hi\x13", "hi\n~\n~\n~\n~\n~\n~\nSave as:\n", 8, 10);
typed('a name that is taken', "/tmp/n\r", "hi\n~\n~\n~\n~\n~\n~\n" . bar('There is such a file. Replace it (y or n)?'), 8, 40);
typed('is not taken away', "n\r", "hi\n~\n~\n~\n~\n~\n~\n" . bar("a new text (changed)  line 1 of 1$hint"), 1, 3);
leaves('saved as another', "\x0f/tmp/named\r\x11", 'cat /tmp/named', 'hi');
starts('ln -s a /tmp/link', 'edit /tmp/link');
$console->shows(qr/line 1/, 8);
leaves('a link stays a link', "z\x13\x11", 'ls -l /tmp/link | cut -c 1; head -n 1 /tmp/a', 'l', 'zone');

# What can't be edited, or not be saved.
starts('', 'edit /proc/uptime');
$console->shows(qr/line 1/, 8);
typed('what cannot be saved says so', "\x13", $screen->text =~ s/[^\n]*\n\z//r . bar('/proc/uptime  line 1 of 2   not saved: Permission denied'));
leaves('and can be left', "\x11", 'echo $?', '0');
for my $case (['a folder', '/tmp', 'Is a directory'], ['a device', '/dev/zero', 'a device has no']) {
    my ($name, $file, $why) = @$case;
    starts('', "edit $file");
    report(scalar $console->shows(qr/$why/, 8), "$name is refused", "saw\n" . $screen->text);
    $console->wait_for(qr/\$ \z/, 8);
}
starts('', 'edit /no/file');
$console->shows(qr/a new file/, 8);
typed('a folder that is not there', "\x13", "\n~\n~\n~\n~\n~\n~\n" . bar('/no/file  line 1 of 1   not saved: No su'));
leaves('and it is left', "\x11", 'echo $?', '0');
starts('seq 1500000 > /tmp/big', 'edit /tmp/big');
report(scalar $console->shows(qr/file is too large|Killed/, 60), 'a file that is too large ends the editor, not the machine', "saw\n" . $screen->text);
$console->wait_for(qr/\$ \z/, 20);
$console->run('rm /tmp/big');

# Sizes of the screen.
for my $size ([24, 80], [4, 20], [60, 200]) {
    my ($rows, $columns) = @$size;
    $screen->resize($rows, $columns);
    starts('seq 100 > /tmp/n', 'edit /tmp/n');
    my $shown = "/tmp/n  line 1 of 101$hint  ^K cut  ^U put back";
    typed("a screen of $rows by $columns", '', $lines->(1 .. $rows - 1) . substr($shown, 0, $columns) . "\n", 1, 1);
    leaves('it is left', "\x11", 'echo $?', '0');
}
$screen->resize(10, 50);
starts('', 'edit /tmp/n');
$console->shows(qr/line 1/, 8);
$screen->resize(6, 30);
typed('after another size, Ctrl-L', "\x0c", $lines->(1 .. 5) . substr("/tmp/n  line 1 of 101$hint", 0, 30) . "\n", 1, 1);
leaves('and it is left', "\x11", 'echo $?', '0');
$screen->resize(8, 40);

# Many keys at once: each is obeyed, none is lost.
starts('rm /tmp/n', 'edit /tmp/n');
$console->shows(qr/new file/, 8);
keys_of(join '', map { "pasted line $_\r" } 1 .. 60);
typed('a page is pasted', '', join('', map { "pasted line $_\n" } 55 .. 60) . "\n" . bar("/tmp/n (changed)  line 61 of 61$hint"), 7, 1);
leaves('and saved', "\x13\x11", 'wc -l < /tmp/n; tail -n 1 /tmp/n', '60', 'pasted line 60');

# The pager.
starts('seq 30 > /tmp/n; seq -s "" 60 > /tmp/wide; echo end >> /tmp/wide', 'less /tmp/n');
typed('the pager shows a page', '', $lines->(1 .. 7) . "/tmp/n line 1\n");
typed('the next page', ' ', $lines->(8 .. 14) . "/tmp/n line 8\n");
typed('a line down, two up', "\e[B\e[A\e[A", $lines->(7 .. 13) . "/tmp/n line 7\n");
typed('a search', "/2[0-9]\r", $lines->(20 .. 26) . "/tmp/n line 20\n");
typed('the next', 'n', $lines->(21 .. 27) . "/tmp/n line 21\n");
typed('the one before', 'N', $lines->(20 .. 26) . "/tmp/n line 20\n");
typed('none', "/x\r", $lines->(20 .. 26) . "Pattern not found\n");
typed('a bad pattern', "/[\r", $lines->(20 .. 26) . "a bracket [ isn't closed\n");
typed('the end', 'G', $lines->(24 .. 30) . "/tmp/n (END)\n");
typed('the beginning', 'g', $lines->(1 .. 7) . "/tmp/n line 1\n");
leaves('q leaves', 'q', 'echo $?', '0');
report(!$screen->{scrolled} || $screen->{scrolled} < 1000, 'and what stood there is back', 'it scrolled');
starts('', 'less /tmp/wide');
my $wide = join '', 1 .. 60;
typed('a long line is cut', '', substr($wide, 0, 40) . "\nend\n~\n~\n~\n~\n~\n/tmp/wide (END)\n");
typed('and its rest is at the right', "\e[C", substr($wide, 20, 40) . "\n\n~\n~\n~\n~\n~\n/tmp/wide (END)\n");
typed('and back', "\e[D", substr($wide, 0, 40) . "\nend\n~\n~\n~\n~\n~\n/tmp/wide (END)\n");
leaves('and left', 'q', 'echo $?', '0');
starts('', 'seq 9 | less');
typed('a pipe', '', $lines->(1 .. 7) . "standard input line 1\n");
$console->take;
keys_of("\x1a");
report(scalar $console->wait_for(qr/stopped    seq 9 \| less\n\$ \z/, 8), 'Ctrl-Z stops it', "saw\n" . $screen->text);
$screen->resize(6, 40);
typed('fg goes on, in the new size', "fg\r", $lines->(1 .. 5) . "standard input line 1\n");
leaves('and it is left', 'q', 'echo $?', '0');
starts('', 'less /tmp/n /tmp/wide');
typed('two files', '', $lines->(1 .. 5) . "/tmp/n line 1\n");
typed('the second after the first', 'G ', substr($wide, 0, 40) . "\nend\n~\n~\n~\n/tmp/wide (END)\n");
leaves('one q leaves both', 'q', 'echo $?', '0');

# No terminal that answers: then the size is the usual one.
$console->run('rm -f /tmp/n; seq 30 > /tmp/n');
$console->{screen} = undef;
$console->take;
keys_of("less /tmp/n\r");
$console->wait_for(qr/n line 1/, 8);
leaves('a terminal that does not answer', 'q', 'echo $?', '0');
$console->end;
