using SloEngine.PromQL.Evaluation;
using SloEngine.PromQL.Series;
using SloEngine.Rules.Templates;

namespace SloEngine.Rules.Tests.Templates;

public sealed class TemplateTests
{
    [Theory]
    [InlineData("{{ if gt $value 2.0 }}many{{ else if eq $value 2.0 }}two{{ else }}few{{ end }}", "few")]
    [InlineData("{{ with $labels.job }}{{ . | title }}{{ else }}none{{ end }}", "Api Server")]
    [InlineData("{{ with $labels.missing }}{{ . }}{{ else }}none{{ end }}", "none")]
    [InlineData("a {{- \" b \" -}} c", "a b c")]
    [InlineData("{{/* nothing */}}x", "x")]
    [InlineData("{{ $labels.missing }}{{ $labels.instance | stripPort }}", "10.0.0.1")]
    [InlineData("{{ range $name, $text := $labels }}{{ $name }}={{ $text }};{{ end }}", "instance=10.0.0.1:9090;job=api server;")]
    [InlineData("{{ range query \"q\" }}{{ if eq .Labels.a \"2\" }}{{ break }}{{ end }}{{ .Value }},{{ end }}", "1,")]
    [InlineData("{{ range $i, $s := query \"q\" | sortByLabel \"a\" }}{{ $i }}:{{ $s.Labels.a }} {{ end }}", "0:1 1:2 ")]
    [InlineData("{{ query \"q\" | first | label \"a\" }}", "1")]
    [InlineData("{{ printf \"%s has %.2f%% of %d, %5.1f|%-6s|%06.2f|%q|%v|%t\" $labels.job 12.345 7 1.25 \"ab\" -1.5 \"c\" 1e6 true }}",
        "api server has 12.35% of 7,   1.2|ab    |-01.50|\"c\"|1e+06|true")]
    [InlineData("{{ printf \"%d\" $value }}", "%!d(float64=1.5)")]
    [InlineData("{{ printf \"%s\" }}{{ printf \"x\" 1 }}", "%!s(MISSING)x%!(EXTRA int=1)")]
    [InlineData("{{ printf \"%.0f %.0f %.0f\" 0.5 1.5 2.5 }}", "0 2 2")]
    [InlineData("{{ reReplaceAll \"([a-z]+)-(\\\\d+)\" \"$2:${1}x\" \"ab-12 c-3\" }}", "12:abx 3:cx")]
    [InlineData("{{ reReplaceAll \".*\" \"x\" \"abc\" }}", "x")]
    [InlineData("{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ end }}{{ $x }}", "2")]
    [InlineData("{{ define \"t\" }}<{{ .a }}>{{ end }}{{ template \"t\" $labels }}", "<>")]
    [InlineData("{{ and 1 0 }} {{ or 0 \"x\" }} {{ not true }} {{ len $labels }} {{ index $labels \"job\" }}", "0 x false 2 api server")]
    [InlineData("{{ $externalURL }} {{ $externalLabels.site }}", "http://here/ north")]
    [InlineData("{{ humanize1024 2048.0 }} {{ humanizeDuration 0.0025 }} {{ humanizePercentage 0.5 }}", "2ki 2.5ms 50%")]
    [InlineData("{{ $labels }}", "map[instance:10.0.0.1:9090 job:api server]")]
    [InlineData("{{ \"a b&c\" | urlQueryEscape }} {{ toLower \"AB\" }}", "a+b%26c ab")]
    public void Templates_of_alerts_are_expanded(string template, string expected) => Assert.Equal(expected, Expand(template));

    [Theory]
    [InlineData("{{ gt $value 5 }}", "error calling gt: incompatible types for comparison")]
    [InlineData("{{ query \"none\" | first }}", "error calling first: first() called on vector with no elements")]
    [InlineData("{{ toUpper $value }}", "wrong type for value; expected string; got float64")]
    [InlineData("{{ .Labels.job.name }}", "can't evaluate field name in type string")]
    [InlineData("{{ match \"(\" \"a\" }}", "error calling match: error parsing regexp: missing closing ): `(`")]
    public void What_goes_wrong_stands_in_the_result(string template, string expected)
    {
        string result = Expand(template);

        Assert.StartsWith("<error expanding template: error executing template __alert_Test: template: __alert_Test:1:", result, StringComparison.Ordinal);
        Assert.Contains(expected, result, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{{")]
    [InlineData("{{ $x }}")]
    [InlineData("{{ end }}")]
    [InlineData("{{ if 1 }}")]
    [InlineData("{{ range }}{{ end }}")]
    [InlineData("{{ break }}")]
    [InlineData("{{ (1 }}")]
    [InlineData("{{ \"a }}")]
    [InlineData("{{ 1 | }}")]
    [InlineData("{{ . | 1 }}")]
    [InlineData("{{ 'ab }}")]
    [InlineData("{{ '' }}")]
    [InlineData("{{ 'ab' }}")]
    [InlineData("{{ /* x }}")]
    public void A_text_that_is_no_template_is_refused(string text) => Assert.Throws<TemplateException>(() => Template.Parse("t", text));

    [Fact]
    public void A_template_that_is_nested_too_deeply_is_refused()
    {
        Assert.Throws<TemplateException>(() => Template.Parse("t", "{{ if 1 }}" + string.Concat(Enumerable.Repeat("{{ else if 1 }}", 100_000)) + "{{ end }}"));
        Assert.Throws<TemplateException>(() => Template.Parse("t", "{{ " + new string('(', 100_000) + "1" + new string(')', 100_000) + " }}"));
    }

    [Fact]
    public void Any_text_is_a_template_or_is_refused()
    {
        string[] parts = ["{{", "}}", "{{- ", " -}}", "if", "else", "end", "range", "with", "$x", ":=", "=", "|", "(", ")", ".", ".a", "\"", "'", "`", "1e", "0x", "-", "printf", "query", " ", ",", "/*", "*/", "é"];
        var random = new Random(7);
        for (int round = 0; round < 20_000; round++)
        {
            string text = "{{ " + string.Concat(Enumerable.Range(0, random.Next(1, 12)).Select(_ => parts[random.Next(parts.Length)]));
            try
            {
                Template.Parse("t", text);
            }
            catch (TemplateException)
            {
                // Refused, which is what most of them deserve.
            }
        }
    }

    private static string Expand(string template)
    {
        var labels = Labels.Of([new("instance", "10.0.0.1:9090"), new("job", "api server")]);
        VectorSample[] found = [new(Labels.Of([new("a", "1")]), 0, 1), new(Labels.Of([new("a", "2")]), 0, 2)];
        var environment = new TemplateEnvironment(0, new Uri("http://here/"), query => query == "q" ? found : []);
        AlertTemplateData data = AlertTemplate.Data(new VectorSample(labels, 0, 1.5), new Dictionary<string, string> { ["site"] = "north" }, "http://here/");
        return AlertTemplate.Expand("Test", template, data, environment);
    }
}
