using System.Globalization;
using FsCheck;
using FsCheck.Fluent;
using SloEngine.PromQL.Series;
using SloEngine.Query.Metrics;

namespace SloEngine.Query.Tests;

public sealed class KnownSeriesTests
{
    private static readonly string[] Values = ["", "a", "b", "ab"];

    /// <summary>Some labels are missing, and there are more of them than the values are kept of.</summary>
    [Fact]
    public void Series_match_as_each_of_them_does_by_itself() =>
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(300), Prop.ForAll<byte[], (byte Label, byte Value, byte Kind)[]>((texts, asked) =>
        {
            StoredSeries[] series = [.. Enumerable.Range(0, texts.Length).Select(index => new StoredSeries((UInt128)index, "m", 1, IsDelta: false, Of(index, texts), []))];
            var known = new KnownSeries(1, series);
            LabelMatcher[] matchers = [.. asked.Select(static one => new LabelMatcher(
                Name(one.Label % 40), (MatchKind)(one.Kind % 4), (one.Kind % 4 < 2 ? Values : (string[])["a.*", "", "b|ab", "c"])[one.Value % 4]))];

            StoredSeries[] expected = [.. series.Where(one => matchers.All(matcher => LabelPattern.Of(matcher).Matches(one.Named[matcher.Label])))];

            Assert.Equal(expected, known.Matching(matchers));
            Assert.Equal(expected, known.Matching(matchers));
        }));

    private static Labels Of(int index, byte[] texts) => Labels.Of(
        Enumerable.Range(0, 3).Select(place => KeyValuePair.Create(Name((texts[index] + (place * 7)) % 40), Values[(texts[index] >> (2 * place)) & 3]))
            .Where(static pair => pair.Value.Length > 0));

    private static string Name(int number) => string.Create(CultureInfo.InvariantCulture, $"label_{number}");
}
