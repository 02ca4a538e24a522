using SloEngine.PromQL.Histograms;

namespace SloEngine.PromQL.Testing;

/// <summary>Reads native histograms as scripts write them: <c>{{schema:0 sum:5 count:4 buckets:[1 2 1]}}</c>.</summary>
internal static class HistogramNotation
{
    private static readonly HashSet<string> Names = new(StringComparer.Ordinal)
    {
        "schema", "sum", "count", "z_bucket", "z_bucket_w", "custom_values", "buckets", "offset", "n_buckets", "n_offset", "counter_reset_hint",
    };

    /// <summary>Reads from behind the opening braces to behind the closing ones.</summary>
    public static (FloatHistogram Histogram, bool HintIsGiven) Read(NotationReader reader)
    {
        var properties = new Dictionary<string, object>(StringComparer.Ordinal);
        string? twice = null;
        reader.SkipSpace();
        while (!reader.Take("}}"))
        {
            int start = reader.Position;
            string name = reader.Word();
            if (!Names.Contains(name.ToLowerInvariant()))
            {
                throw name.Length > 0
                    ? reader.Wrong($"bad histogram descriptor found: \"{name}\"", start)
                    : reader.Wrong($"histogram description incomplete unexpected: '{reader.Current}'", start);
            }
            if (!reader.Take(":"))
            {
                throw reader.Wrong("missing `:` for histogram descriptor", start);
            }
            name = name.ToLowerInvariant();
            if (!properties.TryAdd(name, Value(reader, name)))
            {
                twice ??= name;
            }
            if (reader.Current != '}' && reader.Current is not (' ' or '\t'))
            {
                throw reader.Unexpected(reader.Position, "histogram description");
            }
            reader.SkipSpace();
        }
        return twice is null ? Build(properties) : throw reader.Wrong($"duplicate key \"{twice}\" in histogram", 0);
    }

    private static object Value(NotationReader reader, string name) => name switch
    {
        "schema" or "offset" or "n_offset" => reader.Integer("histogram description"),
        "buckets" or "n_buckets" or "custom_values" => List(reader),
        "counter_reset_hint" => Hint(reader),
        _ => reader.Number(),
    };

    private static double[] List(NotationReader reader)
    {
        if (!reader.Take("["))
        {
            throw reader.Unexpected(reader.Position, "series values");
        }
        var values = new List<double>();
        do
        {
            if (values.Count > 0 && reader.Current == ']')
            {
                break;
            }
            values.Add(reader.Number());
        }
        while (Space(reader));
        return reader.Take("]") ? [.. values] : throw reader.Unexpected(reader.Position, "series values");
    }

    private static bool Space(NotationReader reader)
    {
        int before = reader.Position;
        reader.SkipSpace();
        return reader.Position > before;
    }

    private static object Hint(NotationReader reader)
    {
        int start = reader.Position;
        string word = reader.Word();
        return word.ToLowerInvariant() switch
        {
            "unknown" => CounterResetHint.Unknown,
            "reset" => CounterResetHint.Reset,
            "not_reset" => CounterResetHint.NotReset,
            "gauge" => CounterResetHint.Gauge,
            _ => throw reader.Wrong($"bad histogram descriptor found: \"{word}\"", start),
        };
    }

    private static (FloatHistogram Histogram, bool HintIsGiven) Build(Dictionary<string, object> properties)
    {
        double Number(string name) => properties.TryGetValue(name, out object? value) ? (double)value : 0;
        double[] Numbers(string name) => properties.TryGetValue(name, out object? value) ? (double[])value : [];
        int Integer(string name) => properties.TryGetValue(name, out object? value) ? (int)value : 0;
        bool hintIsGiven = properties.TryGetValue("counter_reset_hint", out object? hint);
        var histogram = new FloatHistogram
        {
            Schema = Integer("schema"),
            Sum = Number("sum"),
            Count = Number("count"),
            ZeroCount = Number("z_bucket"),
            ZeroThreshold = Number("z_bucket_w"),
            CustomBounds = Numbers("custom_values"),
            Positive = BucketCounts.From(Integer("offset"), Numbers("buckets")),
            Negative = BucketCounts.From(Integer("n_offset"), Numbers("n_buckets")),
            Hint = hintIsGiven ? (CounterResetHint)hint! : CounterResetHint.Unknown,
        };
        return (histogram, hintIsGiven);
    }
}
