# Folio's console for tests: boots a guest, types at its prompt, reads what it prints.
#
#   use lib 'tests'; use Console;
#   my $console = Console->boot(memory => '64M', smp => 1, words => 'quiet', limit => 60);
#   # or, instead of words: disc => 'build/folio.iso'; and options => [...] more of them for QEMU
#   $console->prompt;                    # waits for a prompt: '$' or '>'; '' when the guest ended
#   my @lines = $console->run('ls /');   # types a line, waits for the prompt, gives what was printed
#   $console->type("\x03");              # types keys
#   $console->{screen} = Screen->new;    # from now on a terminal looks on, and answers when asked
#   $console->shows(qr/text/);           # waits until it shows that; false at the limit
#   $console->end;                       # ends the guest
package Console;
use strict;
use warnings;
use Errno qw(EINTR);
use File::Temp qw(tempdir);
use IPC::Open2 qw(open2);
use Time::HiRes qw(time sleep);

# Starts any program that prompts: Console->start(command => [...]).
sub start {
    my ($class, %with) = @_;
    my $self = bless { limit => 60, %with, text => '', ended => 0 }, $class;
    $self->{begin} = time;
    $self->{process} = open2($self->{out}, $self->{in}, @{ $self->{command} });
    $self->{in}->autoflush(1);
    return $self;
}

sub boot {
    my ($class, %with) = @_;
    my $folder = tempdir('folio-console.XXXXXX', TMPDIR => 1, CLEANUP => 1);
    return $class->start(%with, folder => $folder, command => [
        'qemu-system-x86_64', qw(-machine pc -nodefaults -no-reboot -display none -monitor none),
        qw(-serial stdio -device), 'isa-debug-exit,iobase=0xf4,iosize=0x04',
        '-debugcon', "file:$folder/debug", '-accel', $ENV{ACCEL} // 'tcg',
        '-cpu', $with{cpu} // $ENV{CPU} // 'max', '-smp', $with{smp} // 1,
        '-m', $with{memory} // '256M', @{ $with{options} // [] },
        $with{disc} ? ('-cdrom', $with{disc})
            : (qw(-kernel build/folio.elf -initrd build/initrd.cpio -append),
               $with{words} // 'quiet') ]);
}

# Reads what there is, waiting at most so many seconds for it. False when nothing came.
sub listen {
    my ($self, $seconds) = @_;
    my $ready = '';
    vec($ready, fileno($self->{out}), 1) = 1;
    return 0 if $self->{ended} || select($ready, undef, undef, $seconds) <= 0;
    my $got = sysread($self->{out}, my $bytes, 65536);
    return 1 if !defined $got && $! == EINTR;
    if (!$got) {
        $self->{ended} = 1;
        return 0;
    }
    $self->type($self->{screen}->take($bytes)) if $self->{screen};
    $bytes =~ tr/\r//d;
    $self->{text} .= $bytes;
    return 1;
}

# Waits until what was printed matches, and nothing more comes for a moment. False at the limit,
# or when the guest has ended.
sub wait_for {
    my ($self, $pattern, $limit) = @_;
    my $end = time + ($limit // $self->{limit});
    while (time < $end && !$self->{ended}) {
        next if $self->listen(0.03);
        return 1 if $self->{text} =~ $pattern;
        $self->listen(0.2);
    }
    return $self->{text} =~ $pattern;
}

sub prompt {
    my ($self, $limit) = @_;
    $self->wait_for(qr/(?:\A|\n)[\$>] \z/, $limit) or return '';
    return substr $self->{text}, -2, 1;
}

# Waits until the screen's text matches, and nothing more comes for a moment.
sub shows {
    my ($self, $pattern, $limit) = @_;
    my $end = time + ($limit // $self->{limit});
    while (time < $end && !$self->{ended}) {
        next if $self->listen(0.1);
        return 1 if $self->{screen}->text =~ $pattern;
        $self->listen(0.2);
    }
    return $self->{screen}->text =~ $pattern;
}

sub type {
    my ($self, $keys) = @_;
    local $SIG{PIPE} = 'IGNORE';
    syswrite $self->{in}, $keys;
    return;
}

# Takes what was printed since the last time.
sub take {
    my ($self) = @_;
    my $text = $self->{text};
    $self->{text} = '';
    return $text;
}

# The lines that a command prints: without its echo, and without the prompt after it.
sub run {
    my ($self, $line, $limit) = @_;
    $self->take;
    $self->type("$line\r");
    $self->{last} = $self->prompt($limit);
    my $text = $self->take;
    $text =~ s/\A[^\n]*\n//;           # the editor moves about, but in one line
    $text =~ s/[\$>] \z// if $self->{last};
    return split /\n/, $text, -1 if $text !~ /\n\z/ && $text ne '';
    return split /\n/, $text;
}

sub debug_text {
    my ($self) = @_;
    open my $file, '<', "$self->{folder}/debug" or return '';
    local $/ = undef;
    return scalar <$file> // '';
}

sub end {
    my ($self) = @_;
    return unless $self->{process};
    kill 'KILL', $self->{process};
    waitpid $self->{process}, 0;
    $self->{process} = 0;
    return;
}

sub DESTROY {
    my ($self) = @_;
    local ($?, $!);
    $self->end;
    return;
}

1;
