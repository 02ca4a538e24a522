using System.Globalization;
using System.Text;
using SloEngine.PromQL.Text;

namespace SloEngine.PromQL.Histograms;

/// <summary>Histograms as text: as Prometheus shows them, and in the notation of its test scripts.</summary>
public static class HistogramText
{
    /// <summary>Count, sum and the buckets that are not empty, with their bounds.</summary>
    public static string Describe(FloatHistogram histogram)
    {
        var text = new StringBuilder($"{{count:{NumberText.General(histogram.Count)}, sum:{NumberText.General(histogram.Sum)}");
        for (int position = histogram.Negative.Length - 1; position >= 0; position--)
        {
            Append(text, HistogramBuckets.Negative(histogram, position));
        }
        if (histogram.ZeroCount != 0)
        {
            Append(text, HistogramBuckets.Zero(histogram));
        }
        for (int position = 0; position < histogram.Positive.Length; position++)
        {
            Append(text, HistogramBuckets.Positive(histogram, position));
        }
        return text.Append('}').ToString();
    }

    /// <summary>The notation of test scripts.</summary>
    public static string Notation(FloatHistogram histogram)
    {
        var parts = new List<string>();
        void Add(string name, double value)
        {
            if (value != 0)
            {
                parts.Add($"{name}:{NumberText.General(value)}");
            }
        }
        if (histogram.Schema != 0)
        {
            parts.Add(string.Create(CultureInfo.InvariantCulture, $"schema:{histogram.Schema}"));
        }
        Add("count", histogram.Count);
        Add("sum", histogram.Sum);
        Add("z_bucket", histogram.ZeroCount);
        Add("z_bucket_w", histogram.ZeroThreshold);
        if (histogram.IsCustom)
        {
            parts.Add($"custom_values:[{string.Join(' ', histogram.CustomBounds.Select(static bound => NumberText.General(bound)))}]");
        }
        switch (histogram.Hint)
        {
            case CounterResetHint.Reset:
                parts.Add("counter_reset_hint:reset");
                break;
            case CounterResetHint.NotReset:
                parts.Add("counter_reset_hint:not_reset");
                break;
            case CounterResetHint.Gauge:
                parts.Add("counter_reset_hint:gauge");
                break;
            default:
                break;
        }
        AddBuckets(parts, "", histogram.Positive.Compact());
        AddBuckets(parts, "n_", histogram.Negative.Compact());
        return "{{" + string.Join(' ', parts) + "}}";
    }

    private static void AddBuckets(List<string> parts, string side, BucketCounts buckets)
    {
        if (buckets.Length == 0)
        {
            return;
        }
        int first = buckets.Indexes[0];
        if (first != 0)
        {
            parts.Add(string.Create(CultureInfo.InvariantCulture, $"{side}offset:{first}"));
        }
        int length = buckets.Indexes[^1] - first + 1;
        parts.Add($"{side}buckets:[{string.Join(' ', Enumerable.Range(first, length).Select(index => NumberText.General(buckets.At(index))))}]");
    }

    private static void Append(StringBuilder text, HistogramBucket bucket)
    {
        if (bucket.Count != 0)
        {
            text.Append(", ").Append(bucket.LowerInclusive ? '[' : '(')
                .Append(NumberText.General(bucket.Lower)).Append(',').Append(NumberText.General(bucket.Upper))
                .Append(bucket.UpperInclusive ? ']' : ')').Append(':').Append(NumberText.General(bucket.Count));
        }
    }
}
