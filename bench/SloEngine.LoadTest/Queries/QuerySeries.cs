using System.Globalization;

namespace SloEngine.LoadTest.Queries;

/// <summary>A series of the comparison: its labels, and its values one after the other.</summary>
/// <param name="labels">Labels, <c>__name__</c> among them, sorted by name.</param>
/// <param name="isCounter">Whether values rise, and start again from zero now and then; else they wander.</param>
/// <param name="seed">What the values follow from.</param>
internal sealed class QuerySeries((string Name, string Value)[] labels, bool isCounter, uint seed)
{
    private readonly uint _most = 1 + (seed * 2_654_435_761 >> 27);
    private uint _noise = (seed * 2_654_435_761) | 1;
    private double _value = isCounter ? 1e6 : 1e8 + (seed % 1_000 * 1e5);

    public (string Name, string Value)[] Labels => labels;

    /// <summary>The series as OpenMetrics writes it.</summary>
    public string Text { get; } =
        labels[0].Value + "{" + string.Join(',', labels.Skip(1).Select(label => $"{label.Name}=\"{label.Value}\"")) + "}";

    public double Next()
    {
        // xorshift32: the same everywhere.
        _noise ^= _noise << 13;
        _noise ^= _noise >> 17;
        _noise ^= _noise << 5;
        if (!isCounter)
        {
            return _value += (_noise % 20_001) - 10_000d;
        }
        return _value = _noise % 5_000 == 0 ? 0 : _value + (_noise % (_most + 1));
    }

    /// <summary>100 series an instance: requests by route and code, a classic histogram, gauges.</summary>
    public static QuerySeries[] Wide(int instances)
    {
        string[] bounds = ["0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1.0", "2.5", "5.0", "+Inf"];
        var all = new List<QuerySeries>(instances * 100);
        for (int instance = 0; instance < instances; instance++)
        {
            string at = string.Create(CultureInfo.InvariantCulture, $"10.0.{instance / 250}.{instance % 250}:9100");
            string job = string.Create(CultureInfo.InvariantCulture, $"service-{instance % 20}");
            void Add(string metric, bool isCounter, params (string Name, string Value)[] more) => all.Add(new QuerySeries(
                [("__name__", metric), .. more.Append(("instance", at)).Append(("job", job)).OrderBy(label => label.Item1, StringComparer.Ordinal)], isCounter, (uint)all.Count + 1));
            for (int route = 0; route < 10; route++)
            {
                foreach (string code in (string[])["200", "404", "500"])
                {
                    Add("http_requests_total", true, ("code", code), ("route", Route(route)));
                }
            }
            for (int route = 0; route < 4; route++)
            {
                foreach (string bound in bounds)
                {
                    Add("http_duration_seconds_bucket", true, ("le", bound), ("route", Route(route)));
                }
                Add("http_duration_seconds_count", true, ("route", Route(route)));
                Add("http_duration_seconds_sum", true, ("route", Route(route)));
            }
            for (int kind = 0; kind < 18; kind++)
            {
                Add("memory_bytes", false, ("kind", string.Create(CultureInfo.InvariantCulture, $"kind-{kind}")));
            }
        }
        return [.. all];
    }

    /// <summary>20 series a service: what the SLOs of a month are asked of.</summary>
    public static QuerySeries[] Long(int services) =>
    [
        .. Enumerable.Range(0, services * 20).Select(index => new QuerySeries(
            [
                ("__name__", "slo_requests_total"),
                ("code", (index % 4) switch { 0 => "200", 1 => "201", 2 => "404", _ => "500" }),
                ("instance", string.Create(CultureInfo.InvariantCulture, $"replica-{index / 4 % 5}")),
                ("service", string.Create(CultureInfo.InvariantCulture, $"service-{index / 20}")),
            ],
            true,
            (uint)index + 1_000_001)),
    ];

    private static string Route(int index) => string.Create(CultureInfo.InvariantCulture, $"/api/v1/items/{index}");
}
