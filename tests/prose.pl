#!/usr/bin/perl
# What a machine can see of the book's prose: tests/prose.pl WORDS CHAPTER...
#
# Prints a line "KIND<TAB>CHAPTER:LINE: SENTENCE" for each mistake. The kinds: spelling, by hunspell's
# British dictionary and the names and terms in WORDS; doubled, for a word that stands there twice;
# dashes, for signs that the book does not use; and words, for an entry of WORDS without a use.
use strict;
use utf8;
use warnings;
use open qw(:std :encoding(UTF-8));

my ($words, @chapters) = @ARGV;
my %known = read_words();
my %places;    # of each word, as "CHAPTER:LINE"
for my $chapter (@chapters) {
    my $text = prose_of($chapter);
    my $line = 1;
    my $before = '';
    while ($text =~ /(\n[ >]*\n)|(\n)|([-\x{b7}]?)([\p{L}\p{M}\d](?:['’]?[\p{L}\p{M}\d])*)|[^\s>]/g) {
        if (defined $1) {
            $line += 2;
            $before = '';
        } elsif (defined $2) {
            $line++;
        } elsif (defined $4) {
            my $word = $4;
            my $ending = length $word <= 3 && $3 ne '';    # as in n-th
            $before = '' if $3 ne '';
            print "doubled\t$chapter:$line: \"$word\" stands there twice in a row.\n"
                if lc $word eq $before && !($known{$word} && $word =~ /\A\p{Lu}/);
            $before = lc $word;
            $word =~ s/’/'/g;
            $word =~ s/'s?\z//;
            push @{ $places{$word} }, "$chapter:$line" if $word !~ /\d/ && length $word > 1 && !$ending;
        } else {
            $before = '';
        }
    }
    $line = 0;
    for my $written (split /\n/, $text) {
        $line++;
        print "dashes\t$chapter:$line: a hyphen stands between two numbers; a range has a dash, as in 3–5.\n"
            if $written =~ /(?<![\w.-])(?<!table )\d+-\d+(?![\w-])/;
        print "dashes\t$chapter:$line: the book uses no long dash; a comma, a colon or two sentences say it.\n"
            if $written =~ /—|\s–\s|\w ?--+ ?\w/;
        print "dashes\t$chapter:$line: a curly quotation mark; the weaver makes them from straight ones.\n"
            if $written =~ /[“”‘’]/;
    }
}

# Hunspell reads each word once, and prints those that it does not know.
open my $list, '>', "$words.$$" or die "$words.$$: $!\n";
print $list "$_\n" for sort keys %places;
close $list;
open my $speller, '-|', 'hunspell', '-d', 'en_GB', '-i', 'UTF-8', '-l', "$words.$$" or die "hunspell: $!\n";
my %unknown = map { chomp; ($_ => 1) } <$speller>;
close $speller;
my $failed = $?;
unlink "$words.$$";
die "hunspell ended with status $failed; is hunspell-en-gb installed?\n" if $failed;
for my $word (sort keys %unknown) {
    next if $known{$word} || $known{ lcfirst $word };
    print "spelling\t$_: \"$word\" is in no dictionary, nor in tests/words.txt.\n" for @{ $places{$word} };
}
for my $word (sort keys %known) {
    next if $unknown{$word} || $unknown{ ucfirst $word };
    my $why = $places{$word} ? 'the dictionary has it' : 'nothing uses it';
    print "words\t$words:$known{$word}: the list need not have \"$word\": $why.\n";
}

# The names and terms, each with its line; they are in order.
sub read_words {
    open my $file, '<', $words or die "$words: $!\n";
    my (%at, $last);
    while (my $word = <$file>) {
        chomp $word;
        print "words\t$words:$.: \"$word\" comes after \"$last\"; the list is sorted.\n"
            if defined $last && $last ge $word;
        $at{$word} = $.;
        $last = $word;
    }
    return %at;
}

# A chapter's text with everything that is no prose made blank, each line in its place.
sub prose_of {
    my ($chapter) = @_;
    open my $file, '<', $chapter or die "$chapter: $!\n";
    my $fence = '';
    my $text = '';
    while (my $line = <$file>) {
        chomp $line;
        if ($fence ne '') {
            $fence = '' if $line =~ /^\s*\Q$fence\E\s*$/;
            $line = '';
        } elsif ($line =~ /^\s*(```+|~~~+)/) {
            $fence = $1;
            $line = '|';
        }
        $text .= "$line\n";
    }
    my $blank = sub { my ($what) = @_; $what =~ s/[^\n]/ /g; return "\x{b7}" . substr $what, 1 };
    $text =~ s/(<!--.*?-->)/$blank->($1)/gse;
    $text =~ s/(?<!`)((`+)(?!`)(?:(?!\n\n).)*?(?<!`)\2(?!`))/$blank->($1)/gse;
    $text =~ s{([\w.-]*/[\w./-]*\w)}{$blank->($1)}ge;
    $text =~ s/(?<=\])(\([^)\s]*\)|\{[^}]*\})/$blank->($1)/ge;
    $text =~ s/(\[[\@^:][^]]*\]|\[[a-z]+:[a-z0-9:-]+\]|<https?:[^>]*>|https?:\S+)/$blank->($1)/ge;
    return $text;
}
