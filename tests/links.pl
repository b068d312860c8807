#!/usr/bin/perl
# Lists what is wrong with the links of the pages below a folder: tests/links.pl SITE [BOOK].
#
# Each href, src and id of every element is looked at, those of pictures too; each reference of an
# ARIA attribute or of a picture's style to an id of its page; and whether the address of a page
# elsewhere is one. Nothing is fetched. A mistake is told as "PAGE:LINE: SENTENCE"; where the chapter
# in BOOK has the link or the heading in so many words, the chapter and its line are named instead.
use strict;
use warnings;
use File::Find;
use File::Spec;

my ($site, $book) = map { File::Spec->rel2abs($_) } @ARGV;
chdir $site or die "$site: $!\n";
my (%ids, %files, @links, @mistakes);
find({ no_chdir => 1, wanted => sub { -f && ($files{ substr $_, 2 } = 1) } }, '.');
my @pages = sort grep { /\.html$/ } keys %files;
read_page($_) for @pages;

for my $link (@links) {
    my ($page, $line, $target) = @$link;
    my ($path, $place) = $target =~ /^([^#?]*)(?:\?[^#]*)?(?:#(.*))?\z/s;
    my $to = $path eq '' ? $page : resolve($page, unescape($path));
    if (!defined $to) {
        mistake($page, $line, $target, "the link $target leads out of the site");
    } elsif (!$files{$to}) {
        mistake($page, $line, $target, "the link $target leads to a page that does not exist");
    } elsif (defined $place && $place ne '' && $to =~ /\.html$/ && !$ids{$to}{ unescape($place) }) {
        mistake($page, $line, $target, "the link $target leads to a place that does not exist");
    }
}
my %told;
print grep { !$told{$_}++ } @mistakes;
exit(@mistakes ? 1 : 0);

sub read_page {
    my ($page) = @_;
    open my $file, '<', $page or die "$page: $!\n";
    my $text = do { local $/; <$file> };
    $text =~ s{(<!--.*?-->|(?<=<script>).*?(?=</script>))}{ (my $empty = $1) =~ tr/\n//cd; $empty }gse;
    my ($line, $at) = (1, 0);
    my @references;
    while ($text =~ /<([a-z][\w:-]*)((?:\s+[^\s=>\/]+(?:\s*=\s*(?:"[^"]*"|'[^']*'))?)+)\s*\/?>/gi) {
        my ($element, $attributes) = ($1, $2);
        my $begin = $-[0];
        $line += substr($text, $at, $begin - $at) =~ tr/\n//;
        $at = $begin;
        while ($attributes =~ /([^\s=]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g) {
            my ($name, $value) = (lc $1, plain($2 // $3));
            if ($name eq 'id') {
                mistake($page, $line, "#$value", "the id $value is there twice") if $ids{$page}{$value}++;
                mistake($page, $line, "#$value", 'an id is empty or has a space') if $value !~ /^\S+\z/;
            } elsif ($name =~ /^(href|src|xlink:href|poster|action)$/) {
                link_to($page, $line, $value);
            } elsif ($name =~ /^(aria-(labelledby|describedby|controls|owns|details|flowto)|for|headers|list)$/) {
                push @references, map { [$line, $name, $_] } split ' ', $value;
            }
            push @references, [$line, $name, $1] while $value =~ /url\(#([^)]*)\)/g && $name !~ /^(href|src)$/;
        }
    }
    for (@references) {
        my ($at_line, $name, $id) = @$_;
        mistake($page, $at_line, "#$id", "the attribute $name names $id, which is no id of the page") if !$ids{$page}{$id};
    }
    return;
}

# Elsewhere is not looked up; here is, when all pages are known.
sub link_to {
    my ($page, $line, $target) = @_;
    return if $target =~ /^data:[a-z]/;
    if ($target =~ /^([a-z][a-z0-9+.-]*):(.*)/i || $target =~ m{^()(//.*)}) {
        my ($scheme, $rest) = ($1, $2);
        mistake($page, $line, $target, "the address $target is none")
            if $scheme !~ /^(https?|mailto)\z/ || $target =~ /[\s<>\\^`{|}]/
            || $scheme =~ /^http/ && $rest !~ m{^//[a-z0-9-]+(\.[a-z0-9-]+)+(:\d+)?(/[^#]*)?(#\S*)?\z}i
            || $scheme eq 'mailto' && $rest !~ /^[^@\s]+@[^@\s]+\.[a-z]+\z/i;
        return;
    }
    return mistake($page, $line, $target, 'a link is empty') if $target eq '';
    push @links, [$page, $line, $target];
    return;
}

sub mistake {
    my ($page, $line, $target, $sentence) = @_;
    push @mistakes, (in_the_book($page, $target) // "$page:$line") . ": $sentence.\n";
    return;
}

# The chapter's line that has the link, as far as the chapter writes it out.
sub in_the_book {
    my ($page, $target) = @_;
    return if !defined $book || $page =~ m{/};
    (my $chapter = $page) =~ s/\.html\z/.md/;
    (my $written = $target) =~ s/\.html(?=#|\z)/.md/;
    open my $file, '<', "$book/$chapter" or return;
    while (my $text = <$file>) {
        return "book/$chapter:$." if index($text, "]($written)") >= 0;
    }
    return;
}

sub resolve { # a path relative to a page, as a path below the site; nothing if it leads out of it
    my ($page, $path) = @_;
    return if $path =~ m{^/};
    my @parts = split m{/}, $page;
    pop @parts;
    for my $part (split m{/}, $path) {
        next if $part eq '' || $part eq '.';
        if ($part eq '..') {
            return if !@parts;
            pop @parts;
        } else {
            push @parts, $part;
        }
    }
    my $to = join '/', @parts;
    $to .= ($to eq '' ? '' : '/') . 'index.html' if $path =~ m{(^|/)\.{0,2}/?\z} && $to !~ /\.\w+\z/;
    return $to;
}

sub unescape {
    my ($text) = @_;
    $text =~ s/%([0-9A-Fa-f]{2})/chr hex $1/ge;
    return $text;
}

sub plain { # an attribute's value without the escapes of HTML
    my ($value) = @_;
    my %sign = (amp => '&', lt => '<', gt => '>', quot => '"', apos => "'");
    $value =~ s/&(amp|lt|gt|quot|apos);/$sign{$1}/g;
    $value =~ s/&#(?:x([0-9a-f]+)|(\d+));/chr($1 ? hex $1 : $2)/gie;
    return $value;
}
