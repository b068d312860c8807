# Compares each source page with the file that it shows: same.pl. Prints a test line for each difference, or one for all.
use strict;
use warnings;

sub slurp {
    my ($path) = @_;
    open my $file, '<', $path or return undef;
    local $/;
    return scalar <$file>;
}

my ($same, $differ) = (0, 0);
for my $page (split /\n/, `find site/source -name '*.html'`) {
    (my $path = $page) =~ s{^site/source/(.*)\.html$}{generated/$1};
    my $html = slurp($page);
    my $text = join '', $html =~ m{<span class="line" id="line-\d+"><span><a[^>]*>\d+</a></span>(.*?\n)</span>}gs;
    $text =~ s/<[^>]*>//g;
    my %sign = (lt => '<', gt => '>', quot => '"', amp => '&', '#39' => "'");
    $text =~ s/&(lt|gt|quot|amp|#39);/$sign{$1}/g;
    if ($text eq (slurp($path) // '')) { $same++; next }
    $differ++;
    print "not ok sources $path is shown as it is\n" if $differ < 5;
}
print "ok sources $same pages show their files as they are\n" if $same && !$differ;
print "not ok sources there are no source pages\n" if !$same && !$differ;
