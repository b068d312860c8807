# A terminal for tests: takes the bytes that a guest prints, and holds what a person would see.
#
#   use lib 'tests'; use Screen;
#   my $screen = Screen->new(rows => 24, columns => 80);
#   my $answer = $screen->take($bytes);  # what the terminal sends back, if it was asked something
#   print $screen->row(3);               # the text of a row, counted from 1, without blanks behind it
#   my ($row, $column) = $screen->cursor;
#
# It knows what programs here use of ECMA-48 and of xterm: moving, erasing, reverse, the question
# where the cursor is, the other screen. A column that is written last holds the cursor until the
# next character comes, as real terminals do. Whatever else is asked of it, it notes in
# $screen->{unknown}.
package Screen;
use strict;
use warnings;
use Encode qw(decode);

sub new {
    my ($class, %with) = @_;
    my $self = bless { rows => 24, columns => 80, %with }, $class;
    @$self{qw(row column last reverse rest unknown bells)} = (0, 0, 0, 0, '', '', 0);
    $self->{cells} = $self->empty;
    return $self;
}

sub blank_row { my ($self) = @_; return [map { [' ', 0] } 1 .. $self->{columns}] }
sub empty { my ($self) = @_; return [map { $self->blank_row } 1 .. $self->{rows}] }

# Another size: rows are cut or added below, columns at the right.
sub resize {
    my ($self, $rows, $columns) = @_;
    @$self{qw(rows columns)} = ($rows, $columns);
    my $old = $self->{cells};
    $self->{cells} = $self->empty;
    for my $row (0 .. $rows - 1) {
        for my $column (0 .. $columns - 1) {
            my $cell = $old->[$row] && $old->[$row][$column];
            $self->{cells}[$row][$column] = $cell if $cell;
        }
    }
    $self->move($self->{row}, $self->{column});
    return;
}

sub cursor { my ($self) = @_; return ($self->{row} + 1, $self->{column} + 1) }

sub row {
    my ($self, $number) = @_;
    my $text = join '', map { $_->[0] } @{ $self->{cells}[$number - 1] };
    return $text =~ s/ +\z//r;
}

# What of a row stands in reverse.
sub reversed {
    my ($self, $number) = @_;
    return join '', map { $_->[1] ? $_->[0] : '' } @{ $self->{cells}[$number - 1] };
}

sub text {
    my ($self) = @_;
    return join '', map { $self->row($_) . "\n" } 1 .. $self->{rows};
}

sub take {
    my ($self, $bytes) = @_;
    my $answer = '';
    $self->{rest} .= $bytes;
    while ($self->{rest} ne '') {
        if ($self->{rest} =~ s/\A\e\[([?>]?)([0-9;]*)([\@-~])//) {
            $answer .= $self->sequence($1, $2, $3);
        } elsif ($self->{rest} =~ s/\A\e([78=>c])//) {
            $self->short_sequence($1);
        } elsif ($self->{rest} =~ /\A\e(?:\z|\[[?>]?[0-9;]*\z)/) {
            last;                                       # the rest is on its way
        } elsif ($self->{rest} =~ s/\A(\e.?)//s) {
            $self->{unknown} .= $1;
        } elsif ($self->{rest} =~ s/\A([\x00-\x1f\x7f])//) {
            $self->control(ord $1);
        } else {
            my ($character, $complete) = $self->character;
            last if !$complete;
            $self->put($character);
        }
    }
    return $answer;
}

# Takes one character of UTF-8 from what has come. A byte that is none is shown as U+FFFD.
sub character {
    my ($self) = @_;
    my $first = ord $self->{rest};
    my $length = $first < 0xc2 ? 1 : $first < 0xe0 ? 2 : $first < 0xf0 ? 3 : $first < 0xf5 ? 4 : 1;
    my $bytes = substr $self->{rest}, 0, $length;
    my ($good) = $bytes =~ /\A(.[\x80-\xbf]*)/s;
    return ('', 0) if length $good == length $bytes && length $bytes < $length;
    $length = 1 if length $good < $length;
    $bytes = substr $self->{rest}, 0, $length, '';
    return ($length == 1 && $first >= 0x80 ? "\x{fffd}" : decode('UTF-8', $bytes), 1);
}

sub put {
    my ($self, $character) = @_;
    if ($self->{last}) {
        $self->{column} = 0;
        $self->line_feed;
    }
    $self->{cells}[$self->{row}][$self->{column}] = [$character, $self->{reverse}];
    $self->{last} = $self->{column} == $self->{columns} - 1;
    $self->{column}++ if !$self->{last};
    return;
}

sub control {
    my ($self, $byte) = @_;
    if ($byte == 7) { $self->{bells}++ }
    elsif ($byte == 8) { $self->move($self->{row}, $self->{column} - 1) }
    elsif ($byte == 9) { $self->move($self->{row}, $self->{column} + 8 - $self->{column} % 8) }
    elsif ($byte == 10) { $self->line_feed }
    elsif ($byte == 13) { $self->move($self->{row}, 0) }
    else { $self->{unknown} .= chr $byte }
    return;
}

sub line_feed {
    my ($self) = @_;
    $self->{last} = 0;
    if ($self->{row} < $self->{rows} - 1) {
        $self->{row}++;
    } else {
        shift @{ $self->{cells} };
        push @{ $self->{cells} }, $self->blank_row;
        $self->{scrolled}++;
    }
    return;
}

sub move {
    my ($self, $row, $column) = @_;
    my ($rows, $columns) = @$self{qw(rows columns)};
    $self->{row} = $row < 0 ? 0 : $row < $rows ? $row : $rows - 1;
    $self->{column} = $column < 0 ? 0 : $column < $columns ? $column : $columns - 1;
    $self->{last} = 0;
    return;
}

sub erase {
    my ($self, $row, $from, $to) = @_;
    $self->{cells}[$row][$_] = [' ', 0] for $from .. $to;
    $self->{last} = 0;
    return;
}

sub short_sequence {
    my ($self, $letter) = @_;
    if ($letter eq '7') { @$self{qw(kept_row kept_column)} = @$self{qw(row column)} }
    elsif ($letter eq '8') { $self->move($self->{kept_row} // 0, $self->{kept_column} // 0) }
    else { $self->{unknown} .= "\e$letter" }
    return;
}

sub sequence {
    my ($self, $mark, $parameters, $letter) = @_;
    my @number = split /;/, $parameters;
    my $count = $number[0] || 1;
    my ($row, $column, $columns) = @$self{qw(row column columns)};
    if ($mark eq '?' && $parameters eq '1049') { $self->other_screen($letter eq 'h') }
    elsif ($mark ne '') { $self->{unknown} .= "\e[$mark$parameters$letter" }
    elsif ($letter eq 'A') { $self->move($row - $count, $column) }
    elsif ($letter eq 'B') { $self->move($row + $count, $column) }
    elsif ($letter eq 'C') { $self->move($row, $column + $count) }
    elsif ($letter eq 'D') { $self->move($row, $column - $count) }
    elsif ($letter =~ /[Hf]/) { $self->move($count - 1, ($number[1] || 1) - 1) }
    elsif ($letter eq 'J') { $self->erase_screen($number[0] || 0) }
    elsif ($letter eq 'K') {
        my $how = $number[0] || 0;
        $self->erase($row, $how == 0 ? $column : 0, $how == 1 ? $column : $columns - 1);
    } elsif ($letter eq 'm') {
        for my $what (@number ? @number : 0) {
            if ($what == 7) { $self->{reverse} = 1 }
            elsif ($what == 0 || $what == 27) { $self->{reverse} = 0 }
        }
    } elsif ($letter eq 'n' && $parameters eq '6') {
        return sprintf "\e[%d;%dR", $self->cursor;
    } else { $self->{unknown} .= "\e[$parameters$letter" }
    return '';
}

sub erase_screen {
    my ($self, $how) = @_;
    my ($row, $column, $columns) = @$self{qw(row column columns)};
    for my $each (0 .. $self->{rows} - 1) {
        next if $how == 0 && $each < $row || $how == 1 && $each > $row;
        my $from = $how == 0 && $each == $row ? $column : 0;
        my $to = $how == 1 && $each == $row ? $column : $columns - 1;
        $self->erase($each, $from, $to);
    }
    return;
}

# The other screen is empty; the first one comes back with its text and its cursor.
sub other_screen {
    my ($self, $on) = @_;
    if ($on && !$self->{first}) {
        $self->{first} = [$self->{cells}, @$self{qw(row column)}];
        $self->{cells} = $self->empty;
    } elsif (!$on && $self->{first}) {
        my ($cells, $row, $column) = @{ delete $self->{first} };
        $self->{cells} = $cells;
        $self->move($row, $column);
    }
    return;
}

1;
