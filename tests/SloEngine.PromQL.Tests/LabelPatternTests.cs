using SloEngine.PromQL.Series;

namespace SloEngine.PromQL.Tests;

public sealed class LabelPatternTests
{
    [Theory]
    [InlineData("5..", "503", true)]
    [InlineData("5..", "1503", false)]
    [InlineData("a|b", "b", true)]
    [InlineData("a|b", "ab", false)]
    [InlineData("(?i)get", "GET", true)]
    [InlineData("\\d+", "42", true)]
    [InlineData("\\d+", "٤٢", false)]
    [InlineData("[[:alpha:]_]+", "a_b", true)]
    [InlineData("[[:alpha:]]+", "a1", false)]
    [InlineData("[]a]+", "a]", true)]
    [InlineData("[^\\]]+", "a]", false)]
    [InlineData("\\Qa.b\\E.*", "a.bc", true)]
    [InlineData("\\Qa.b\\E.*", "axbc", false)]
    [InlineData("api\\/v1\\-x\\_y", "api/v1-x_y", true)]
    [InlineData("(?P<name>a+)", "aaa", true)]
    [InlineData("\\x{41}\\pL", "AB", true)]
    [InlineData(".*", "line\nbreak", true)]
    [InlineData("a$", "a\n", false)]
    [InlineData("a[.]b[$]", "a.b$", true)]
    public void Patterns_of_RE2_match_whole_values(string pattern, string value, bool matches) =>
        Assert.Equal(matches, LabelPattern.Of(new LabelMatcher("l", MatchKind.Regex, pattern)).Matches(value));

    [Theory]
    [InlineData("(")]
    [InlineData("[a")]
    [InlineData("*a")]
    [InlineData("a\\")]
    public void Patterns_that_are_none_are_refused(string pattern) =>
        Assert.ThrowsAny<ArgumentException>(() => LabelPattern.Of(new LabelMatcher("l", MatchKind.Regex, pattern)));
}
