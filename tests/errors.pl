#!/usr/bin/perl
# Holds the list of errors of the reference against the kernel: errors.pl LIST FOLDER.
# What the handler of a call returns by name, or a function that it calls by name, must be listed with
# the call; and an error that is listed must be returned somewhere. Deeper down, many an error is met
# that its caller turns into something else, and tables of functions hide who calls whom. Every call
# may answer ENOSYS and ENOMEM, and none EINTR, as the reference says above the list.
use strict;
use warnings;
use File::Find;

my ($list, $folder) = @ARGV;
my (%listed, %place, %body, %said);
open my $lines, '<', $list or die "$list: $!\n";
while (<$lines>) {
    next if /^#/;
    my ($call, @errors) = split;
    $listed{$call}{$_} = $. for @errors;
}
my @sources;
find({ no_chdir => 1, wanted => sub { push @sources, $_ if /\.[ch]$/ } }, $folder);
my $table = '';
for my $source (sort @sources) {
    open my $file, '<', $source or die "$source: $!\n";
    my $text = do { local $/; <$file> };
    $table = $text if $source =~ m{/abi/native\.c$};
    $said{$1}++ while $text =~ /-(E[A-Z0-9]+)\b/g;
    $body{$1} = $2 while $text =~ /^[a-z][\w *]*?[ *](\w+)\([^;{}]*?\)\n\{\n(.*?)^\}/gms;
}

sub returned { return ($body{ $_[0] } // '') =~ /-(E[A-Z0-9]+)\b/g }

my $handlers = 0;
while ($table =~ /\[SYS_(\w+)\] = (call_\w+)/g) {
    my ($call, $handler) = (lc $1, $2);
    print "$folder: $handler has no body\n" and next if !defined $body{$handler};
    $handlers++;
    my %seen;
    for my $function ($handler, $body{$handler} =~ /\b([a-z]\w+)\(/g) {
        for my $error (returned($function)) {
            next if $error =~ /^(ENOSYS|ENOMEM|EINTR)$/ || $listed{$call}{$error} || $seen{$error}++;
            print "$list: $call lacks $error, which $function returns\n";
        }
    }
}
print "$folder: only $handlers handlers are found\n" if $handlers < 40;
for my $call (sort keys %listed) {
    for my $error (sort keys %{ $listed{$call} }) {
        print "$list:$listed{$call}{$error}: no room of the kernel returns $error\n" if !$said{$error};
    }
}
